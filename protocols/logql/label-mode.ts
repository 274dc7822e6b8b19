/**
 * Which labels of a row a scan keeps. The planner pushes a vector aggregation into the scan below it where that is exact, and parsers then extract only
 * what is left to name; which rows count as failed (`__error__`) follows from that, so the choice is part of Loki's behaviour and not only of its cost.
 */
import type { Grouping, RangeAggregation, RangeOp, Stage, VectorAggregation } from './ast.ts'
import { DETECTED_LEVEL } from './line-state.ts'
import type { LabelMode } from './pipeline.ts'
import type { MetricScanPlan, ScanPlan } from './scan.ts'

const SUMMED: ReadonlySet<RangeOp> = new Set(['rate', 'count_over_time', 'bytes_rate', 'bytes_over_time', 'sum_over_time'])
const PARSERS: ReadonlySet<Stage['kind']> = new Set(['json', 'logfmt', 'regexp', 'pattern', 'unpack'])

/** What of a vector aggregation the range aggregation directly below can take over, null: nothing. */
export function pushable(vector: VectorAggregation, range: RangeAggregation): MetricScanPlan['pushed'] {
  const grouping = vector.grouping ?? { without: false, names: [] }
  if (range.grouping !== null) return null
  if (vector.op === 'sum' && SUMMED.has(range.op)) return { op: 'sum', grouping }
  const parses = range.range.log.stages.some((stage) => PARSERS.has(stage.kind))
  if (parses) return null
  if (vector.op === 'min' && range.op === 'min_over_time') return { op: 'min', grouping }
  if (vector.op === 'max' && range.op === 'max_over_time') return { op: 'max', grouping }
  return null
}

export function labelModeOf(plan: ScanPlan): LabelMode {
  if (plan.kind === 'log') return { kind: 'all' }
  if (plan.kind === 'patterns') return { kind: 'by', names: [DETECTED_LEVEL] }
  if (plan.op === 'absent_over_time') return { kind: 'by', names: [] }
  const grouping = plan.pushed?.grouping ?? plan.grouping
  return grouping === null ? { kind: 'all' } : modeOfGrouping(grouping)
}

const modeOfGrouping = ({ without, names }: Grouping): LabelMode => ({ kind: without ? 'without' : 'by', names })
