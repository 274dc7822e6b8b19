/**
 * From a syntax tree to what is run: one scan for each different range aggregation (or the log query), and the tree above with its leaves replaced by numbers of scans.
 * Called once a query by the front end; pure, and says nothing of where scans run.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { TimeNs } from '../model.ts'
import type { BinaryExpr, Expr, Grouping, LabelReplaceExpr, LogExpr, MetricExpr, RangeAggregation, VectorAggregation, VectorOp } from './ast.ts'
import { scalarResult } from './binary-arithmetic.ts'
import { pushable } from './label-mode.ts'
import { INNER_SERIES_MAX, INTERVAL_ENTRIES_MAX } from './limits.ts'
import type { LogScanPlan, MetricScanPlan } from './scan.ts'
import { alignToStep, stepGrid } from './step-grid.ts'
import type { StepGrid } from './step-grid.ts'

export interface PlanLimits {
  /** `max_query_series`. */
  readonly seriesMax: number
  /** Loki's front end aligns metric range queries to their step unless `split_queries_by_interval` is 0. Default true. */
  readonly alignsToStep?: boolean
  /** Bytes that one scan, or the merge of its parts, may hold; absent: the fixed bounds of `limits.ts`. */
  readonly memoryBytesMax?: number
}

export interface QueryParameters {
  readonly kind: 'range' | 'instant'
  /** Instant queries: both the time asked for. */
  readonly startNs: TimeNs
  readonly endNs: TimeNs
  /** 0 for instant queries. */
  readonly stepNs: bigint
  /** Entries of a log query. */
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  /** Log queries: least distance between kept entries; 0: off. */
  readonly intervalNs: bigint
  readonly limits: PlanLimits
}

/** The tree above the scans. */
export type PlanNode =
  | { readonly kind: 'leaf'; readonly scan: number }
  | { readonly kind: 'vector'; readonly op: VectorOp; readonly parameter: number | null; readonly grouping: Grouping | null; readonly inner: PlanNode }
  | { readonly kind: 'binary'; readonly op: BinaryExpr['op']; readonly returnBool: boolean; readonly matching: BinaryExpr['matching']; readonly left: PlanNode; readonly right: PlanNode }
  | { readonly kind: 'literal'; readonly value: number }
  | { readonly kind: 'constant'; readonly value: number }
  | (Omit<LabelReplaceExpr, 'inner'> & { readonly inner: PlanNode })

export interface LogQueryPlan {
  readonly kind: 'log'
  readonly scans: readonly [LogScanPlan]
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  readonly intervalNs: bigint
}

export interface MetricQueryPlan {
  readonly kind: 'metric'
  readonly scans: ReadonlyArray<MetricScanPlan>
  readonly root: PlanNode
  readonly grid: StepGrid
  readonly resultType: 'matrix' | 'vector' | 'scalar'
  readonly limits: PlanLimits
}

export type QueryPlan = LogQueryPlan | MetricQueryPlan

/** Throws `query_failed` for an instant log query, `query_limit` for too many points. */
export function planQuery(expr: Expr, parameters: QueryParameters): QueryPlan {
  return expr.kind === 'log' ? planLog(expr, parameters) : planMetric(expr, parameters)
}

function planLog(expr: LogExpr, parameters: QueryParameters): LogQueryPlan {
  if (parameters.kind === 'instant') {
    throw new SkaldError('query_failed', 'log queries are not supported as an instant query type, please change your query to a range query type')
  }
  const { limit, direction, intervalNs } = parameters
  const scan: LogScanPlan = {
    kind: 'log',
    matchers: expr.matchers,
    stages: expr.stages,
    startNs: String(parameters.startNs),
    endNs: String(parameters.endNs),
    limit: intervalNs > 0n ? Math.max(limit, INTERVAL_ENTRIES_MAX) : limit,
    direction,
    intervalNs: String(intervalNs),
    ...memoryLimit(parameters.limits),
  }
  return { kind: 'log', scans: [scan], limit, direction, intervalNs }
}

function planMetric(expr: MetricExpr, parameters: QueryParameters): MetricQueryPlan {
  const isRange = parameters.kind === 'range'
  const aligned = isRange && parameters.limits.alignsToStep !== false
  const bounds = aligned ? alignToStep(parameters.startNs, parameters.endNs, parameters.stepNs) : parameters
  const stepNs = isRange ? parameters.stepNs : 0n
  const grid = stepGrid(bounds.startNs, bounds.endNs, stepNs)
  const planner = new Planner({ startNs: bounds.startNs, endNs: bounds.endNs, stepNs }, parameters.limits)
  const root = planner.node(expr, true)
  const resultType = isRange ? 'matrix' : root.kind === 'literal' ? 'scalar' : 'vector'
  return { kind: 'metric', scans: planner.scans, root, grid, resultType, limits: parameters.limits }
}

const memoryLimit = ({ memoryBytesMax }: PlanLimits): { memoryBytesMax?: number } => (memoryBytesMax === undefined ? {} : { memoryBytesMax })

const MATCH_ALL: BinaryExpr['matching'] = { on: null, labels: [], card: 'one-to-one', include: [] }

const isMeanOfGroups = (expr: RangeAggregation): expr is RangeAggregation & { readonly grouping: Grouping } =>
  expr.op === 'avg_over_time' && expr.grouping !== null && !expr.grouping.without

/** Plans travel as JSON, which has no infinities; every quantile above 1 or below 0 means the same. */
const finite = (parameter: number): number => Math.max(-2, Math.min(2, parameter))

interface Bounds {
  readonly startNs: TimeNs
  readonly endNs: TimeNs
  readonly stepNs: bigint
}

class Planner {
  readonly scans: MetricScanPlan[] = []
  private readonly numbers = new Map<string, number>()
  private readonly bounds: Bounds
  private readonly limits: PlanLimits

  constructor(bounds: Bounds, limits: PlanLimits) {
    this.bounds = bounds
    this.limits = limits
  }

  /** `isRoot`: its series are the answer's, so the tenant's limit applies to them already in the scan. */
  node(expr: MetricExpr, isRoot: boolean): PlanNode {
    switch (expr.kind) {
      case 'literal':
      case 'constant':
        return expr
      case 'range':
        return isMeanOfGroups(expr) ? this.meanOfGroups(expr) : this.leaf(expr, null, isRoot)
      case 'vector':
        return this.vector(expr, isRoot)
      case 'labelReplace':
        return { ...expr, inner: this.node(expr.inner, false) }
      case 'binary':
        return this.binary(expr)
    }
  }

  private vector(expr: VectorAggregation, isRoot: boolean): PlanNode {
    const pushed = expr.inner.kind === 'range' ? pushable(expr, expr.inner) : null
    if (pushed !== null && expr.inner.kind === 'range') return this.leaf(expr.inner, pushed, isRoot)
    return { kind: 'vector', op: expr.op, parameter: expr.parameter, grouping: expr.grouping, inner: this.node(expr.inner, false) }
  }

  private binary(expr: BinaryExpr): PlanNode {
    const left = this.node(expr.left, false)
    const right = this.node(expr.right, false)
    if (left.kind === 'literal' && right.kind === 'literal') return { kind: 'literal', value: scalarResult(expr.op, left.value, right.value) }
    return { kind: 'binary', op: expr.op, returnBool: expr.returnBool, matching: expr.matching, left, right }
  }

  /**
   * Loki computes `avg_over_time(… | unwrap x …) by (…)` as a sum of samples over a count of rows, and counts rows that have no sample too. Recorded
   * answers show it (malformed JSON lowers the mean), so it is done the same way here.
   */
  private meanOfGroups(expr: RangeAggregation & { readonly grouping: Grouping }): PlanNode {
    const pushed = { op: 'sum', grouping: expr.grouping } as const
    const left = this.leaf({ ...expr, op: 'sum_over_time', grouping: null }, pushed, false)
    const right = this.leaf({ ...expr, op: 'count_over_time', grouping: null, range: { ...expr.range, unwrap: null } }, pushed, false)
    return { kind: 'binary', op: '/', returnBool: false, matching: MATCH_ALL, left, right }
  }

  private leaf(expr: RangeAggregation, pushed: MetricScanPlan['pushed'], isRoot: boolean): PlanNode {
    const { log, unwrap, rangeNs, offsetNs } = expr.range
    const scan: MetricScanPlan = {
      kind: 'metric',
      matchers: log.matchers,
      stages: log.stages,
      unwrap,
      op: expr.op,
      parameter: expr.parameter === null ? null : finite(expr.parameter),
      grouping: expr.grouping,
      pushed,
      startNs: String(this.bounds.startNs),
      endNs: String(this.bounds.endNs),
      stepNs: String(this.bounds.stepNs),
      rangeNs: String(rangeNs),
      offsetNs: String(offsetNs),
      seriesMax: isRoot ? this.limits.seriesMax : INNER_SERIES_MAX,
      ...memoryLimit(this.limits),
    }
    return { kind: 'leaf', scan: this.numberOf(scan) }
  }

  /** Equal leaves are scanned once. */
  private numberOf(scan: MetricScanPlan): number {
    const key = JSON.stringify(scan)
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    this.numbers.set(key, this.scans.length)
    return this.scans.push(scan) - 1
  }
}

