/**
 * From a query's text to its plan: parse, check the tenant's limits, plan. Pure. Run on the event loop for short texts and in the answer thread for long ones, which may take
 * their time (`answer-work.ts`).
 */
import { format } from '../../protocols/logql/print.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery, type QueryParameters, type QueryPlan } from '../../protocols/logql/plan.ts'
import { checkQueryLimits, selectorsOf } from '../../protocols/logql/query-limits.ts'
import type { Limits } from '../../protocols/limits.ts'
import { isWide } from '../../protocols/logql/validate.ts'
import type { TimeNs } from '../../protocols/model.ts'
import { checkResolution } from '../../protocols/query-params.ts'

/** Plain data: it crosses to a thread. */
export interface QueryText {
  readonly text: string
  readonly parameters: Omit<QueryParameters, 'limits'>
  readonly limits: Limits
  readonly nowNs: TimeNs
  /** Selectors that match every stream pass; what they cost is the caller's to judge. */
  readonly allowsWide: boolean
  /** Bytes that the query may hold. */
  readonly memoryBytesMax: number
}

export interface PreparedQuery {
  readonly plan: QueryPlan
  /** All of the time asked for lies before what may be looked at. */
  readonly empty: boolean
  /** Some selector may match every stream. */
  readonly wide: boolean
  /** The expression as it was understood. */
  readonly understood: string
}

/** Throws `query_parse`, `query_limit`, `query_failed` in Loki's words. */
export function prepareQuery({ text, parameters, limits, nowNs, allowsWide, memoryBytesMax }: QueryText): PreparedQuery {
  const expr = parse(text, allowsWide)
  if (expr.kind !== 'log' && parameters.kind === 'range') checkResolution({ ...parameters, query: text })
  const { startNs, endNs, limit } = parameters
  const within = checkQueryLimits({ text, expr, startNs, endNs, limit }, limits, nowNs)
  const planLimits = { seriesMax: limits.max_query_series, alignsToStep: limits.split_queries_by_interval > 0, memoryBytesMax }
  const plan = planQuery(expr, { ...parameters, ...within, limits: planLimits })
  return { plan, empty: within === null, wide: allowsWide && selectorsOf(expr).some(isWide), understood: format(expr) }
}
