/**
 * Evaluates the part of a query above its scans: the tree of a plan over the merged partial of each scan. Called once a query by the front end (and by the
 * ruler); pure. Series are columns over the plan's points, so an operator runs point by point in plain loops.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { isSetOperation } from './binary-arithmetic.ts'
import { withScalar } from './binary-scalar.ts'
import { compareLabels } from '../label-order.ts'
import { labelReplace } from './label-replace.ts'
import { leafSeries } from './leaf-series.ts'
import type { LogQueryPlan, MetricQueryPlan, PlanNode, QueryPlan } from './plan.ts'
import type { LogEntryData, QueryData, Series, StreamsData } from './query-data.ts'
import type { LogPartial, ScanPartial } from './scan.ts'
import { hasPoints, SeriesBuilder } from './series-builder.ts'
import { setOperation } from './set-operations.ts'
import { pointNs } from './step-grid.ts'
import { chooseInGroups, foldGroups } from './vector/aggregate.ts'
import { refuseApproxTopkRange } from './vector/approx-topk.ts'
import { VECTOR_OPERATORS } from './vector/vector-operators.ts'
import { matchVectors } from './vector-matching.ts'
import { seriesLimit } from './window-states.ts'

/** `partials[i]` is the merged answer to `plan.scans[i]`. Throws `query_failed` and `query_limit` with Loki's messages. */
export function evaluate(plan: QueryPlan, partials: ReadonlyArray<ScanPartial>): QueryData {
  const steps = evaluationSteps(plan, partials)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same in steps, so that others may have the thread in between. */
export function* evaluationSteps(plan: QueryPlan, partials: ReadonlyArray<ScanPartial>): Generator<undefined, QueryData, undefined> {
  return plan.kind === 'log' ? logResult(plan, partials[0]!) : yield* new MetricEvaluation(plan, partials).result()
}

/** An evaluation that makes series, step by step. */
type Steps<A> = Generator<undefined, A, undefined>

function logResult({ limit, intervalNs }: LogQueryPlan, partial: ScanPartial): StreamsData {
  if (partial.kind !== 'log') throw new Error('a log query was given the partial of a metric scan')
  return { kind: 'streams', streams: partial.streams, entries: intervalNs > 0n ? thinned(partial, intervalNs, limit) : partial.entries }
}

/** After an entry is kept, the next is at least an interval away, over all streams. */
function thinned({ entries }: LogPartial, intervalNs: bigint, limit: number): LogEntryData[] {
  const kept: LogEntryData[] = []
  let last: bigint | null = null
  for (const entry of entries) {
    if (kept.length >= limit) break
    const ns = BigInt(entry.ns)
    if (last !== null && (ns > last ? ns - last : last - ns) < intervalNs) continue
    last = ns
    kept.push(entry)
  }
  return kept
}

type Value = { readonly kind: 'scalar'; readonly value: number } | { readonly kind: 'series'; readonly series: ReadonlyArray<Series> }

class MetricEvaluation {
  private readonly plan: MetricQueryPlan
  private readonly partials: ReadonlyArray<ScanPartial>
  private readonly builder: SeriesBuilder

  constructor(plan: MetricQueryPlan, partials: ReadonlyArray<ScanPartial>) {
    this.plan = plan
    this.partials = partials
    this.builder = new SeriesBuilder(plan.grid.count)
  }

  *result(): Steps<QueryData> {
    const { grid, resultType, root, limits } = this.plan
    const ns = pointNs(grid, grid.count - 1)
    const value = yield* this.value(root)
    if (value.kind === 'scalar' && resultType === 'scalar') return { kind: 'scalar', ns, value: value.value }
    const series = this.seriesOf(value).filter(hasPoints)
    if (series.length > limits.seriesMax) throw seriesLimit(limits.seriesMax)
    if (resultType === 'matrix') return { kind: 'matrix', grid, series: series.sort((a, b) => compareLabels(a.labels, b.labels)) }
    const samples = series.map(({ labels, values }) => ({ labels, value: values[0]! })).sort((a, b) => compareLabels(a.labels, b.labels))
    const order = root.kind === 'vector' ? VECTOR_OPERATORS[root.op] : null
    if (order?.kind === 'order') samples.sort((a, b) => order.before(a.value, b.value))
    return { kind: 'vector', ns, samples }
  }

  private *value(node: PlanNode): Steps<Value> {
    if (node.kind === 'literal') return { kind: 'scalar', value: node.value }
    return { kind: 'series', series: yield* this.series(node) }
  }

  private *series(node: Exclude<PlanNode, { kind: 'literal' }>): Steps<ReadonlyArray<Series>> {
    yield
    switch (node.kind) {
      case 'constant':
        return [this.builder.full([], node.value)]
      case 'leaf':
        return yield* this.leaf(node.scan)
      case 'vector':
        return yield* this.vector(node)
      case 'labelReplace':
        return labelReplace(node, this.seriesOf(yield* this.value(node.inner)))
      case 'binary':
        return yield* this.binary(node)
    }
  }

  private *leaf(scan: number): Steps<ReadonlyArray<Series>> {
    const partial = this.partials[scan]
    if (partial?.kind !== 'metric') throw new Error(`scan ${scan} of a metric query has no metric partial`)
    return yield* leafSeries(this.plan.scans[scan]!, partial, this.builder)
  }

  private *vector(node: Extract<PlanNode, { kind: 'vector' }>): Steps<ReadonlyArray<Series>> {
    if (node.op === 'approx_topk' && this.plan.resultType === 'matrix') refuseApproxTopkRange()
    const inner = this.seriesOf(yield* this.value(node.inner))
    yield
    const operator = VECTOR_OPERATORS[node.op]
    if (operator.kind === 'fold') return foldGroups(operator, inner, node.grouping, this.builder)
    if (operator.kind === 'choice') return chooseInGroups(operator, node.parameter ?? 1, inner, node.grouping, this.builder)
    return inner
  }

  private *binary(node: Extract<PlanNode, { kind: 'binary' }>): Steps<ReadonlyArray<Series>> {
    const { op, returnBool, matching } = node
    const left = yield* this.value(node.left)
    const right = yield* this.value(node.right)
    if (left.kind === 'scalar' || right.kind === 'scalar') {
      if (left.kind === right.kind) throw new Error('literals on both sides must be folded by the planner')
      if (left.kind === 'scalar') return withScalar({ op, returnBool, scalar: left.value, scalarSide: 'left' }, this.seriesOf(right), this.builder)
      return withScalar({ op, returnBool, scalar: this.scalarOf(right), scalarSide: 'right' }, this.seriesOf(left), this.builder)
    }
    if (isSetOperation(op)) return setOperation(op, matching, left.series, right.series, this.builder)
    return matchVectors({ op, returnBool, matching }, left.series, right.series, this.builder)
  }

  private scalarOf(value: Value): number {
    if (value.kind !== 'scalar') throw new SkaldError('internal', 'expected a number')
    return value.value
  }

  private seriesOf(value: Value): Series[] {
    return value.kind === 'scalar' ? [this.builder.full([], value.value)] : [...value.series]
  }
}
