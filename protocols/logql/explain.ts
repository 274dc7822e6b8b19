/**
 * A plan in words that a user can read (`explain=true`): what runs where the data is, what is left for the front end, and what a scan will pass over unseen.
 * Plain JSON; called by the query endpoints; changes nothing.
 */
import type { Grouping } from './ast.ts'
import { formatGoDuration, formatPrometheusDuration } from './durations.ts'
import { labelModeOf } from './label-mode.ts'
import type { LabelMode } from './pipeline.ts'
import type { PlanNode, QueryPlan } from './plan.ts'
import { formatSelector, formatStage } from './print.ts'
import { scanNeeds } from './scan-needs.ts'
import type { MetricScanPlan, ScanPlan } from './scan.ts'
import { pointNs } from './step-grid.ts'

export interface ExplainedScan {
  readonly selector: string
  readonly stages: ReadonlyArray<string>
  /** As in `rate [5m] offset 1h`; null for log scans. */
  readonly aggregation: string | null
  /** The vector aggregation that was taken into the scan. */
  readonly pushedDown: string | null
  readonly labelsKept: string
  readonly columnsRead: ReadonlyArray<string>
  /** Blocks without these are skipped: all of the lists, any of each. */
  readonly literals: ReadonlyArray<ReadonlyArray<string>>
  readonly metadataEquals: ReadonlyArray<readonly [string, string]>
  /** Unix nanoseconds, both inclusive. */
  readonly minNs: string
  readonly maxNs: string
}

export interface ExplainedPlan {
  readonly resultType: string
  readonly points: { readonly firstNs: string; readonly lastNs: string; readonly step: string; readonly count: number } | null
  /** The part above the scans, `scan 0` standing for the first. */
  readonly evaluation: string
  readonly scans: ReadonlyArray<ExplainedScan>
}

export function explainPlan(plan: QueryPlan): ExplainedPlan {
  const scans = plan.scans.map(explainScan)
  if (plan.kind === 'log') {
    return { resultType: 'streams', points: null, evaluation: `first ${plan.limit} of scan 0, ${plan.direction}`, scans }
  }
  const { grid, root, resultType } = plan
  const points = {
    firstNs: String(grid.startNs),
    lastNs: String(pointNs(grid, grid.count - 1)),
    step: formatGoDuration(Number(grid.stepNs)),
    count: grid.count,
  }
  return { resultType, points, evaluation: nodeText(root), scans }
}

function explainScan(plan: ScanPlan): ExplainedScan {
  const { literals, metadataEquals, minNs, maxNs, lines, metadata, levels } = scanNeeds(plan)
  const columns = { times: true, lines, metadata, levels, lengths: plan.kind === 'metric' && plan.op.startsWith('bytes') }
  return {
    selector: formatSelector(plan.matchers),
    stages: plan.stages.map(formatStage),
    aggregation: plan.kind === 'metric' ? aggregationText(plan) : null,
    pushedDown: plan.kind === 'metric' && plan.pushed !== null ? `${plan.pushed.op}${groupingText(plan.pushed.grouping)}` : null,
    labelsKept: labelsText(labelModeOf(plan)),
    columnsRead: Object.entries(columns).filter(([, read]) => read).map(([name]) => name),
    literals,
    metadataEquals,
    minNs: String(minNs),
    maxNs: String(maxNs),
  }
}

function aggregationText({ op, parameter, unwrap, rangeNs, offsetNs, grouping }: MetricScanPlan): string {
  const parts = [parameter === null ? op : `${op}(${parameter})`]
  if (unwrap !== null) parts.push(`of ${unwrap.name}`)
  parts.push(`[${formatPrometheusDuration(Number(rangeNs))}]`)
  if (offsetNs !== '0') parts.push(`offset ${formatGoDuration(Number(offsetNs))}`)
  return parts.join(' ') + groupingText(grouping)
}

const groupingText = (grouping: Grouping | null): string => (grouping === null ? '' : ` ${grouping.without ? 'without' : 'by'} (${grouping.names.join(', ')})`)

const labelsText = (mode: LabelMode): string => (mode.kind === 'all' ? 'all' : `${mode.kind === 'by' ? 'only' : 'all but'} (${mode.names.join(', ')})`)

function nodeText(node: PlanNode): string {
  switch (node.kind) {
    case 'leaf':
      return `scan ${node.scan}`
    case 'literal':
      return String(node.value)
    case 'constant':
      return `vector(${node.value})`
    case 'vector':
      return `${node.op}${groupingText(node.grouping)} (${node.parameter === null ? '' : `${node.parameter}, `}${nodeText(node.inner)})`
    case 'labelReplace':
      return `label_replace(${nodeText(node.inner)}, ${[node.target, node.replacement, node.source, node.pattern].map((text) => JSON.stringify(text)).join(', ')})`
    case 'binary':
      return `(${nodeText(node.left)} ${node.op}${node.returnBool ? ' bool' : ''} ${nodeText(node.right)})`
  }
}
