/**
 * A tenant's limits on queries, checked before anything runs, with Loki's messages. Called by the query front end; the limits on series and
 * on memory are checked while a query runs (`window-states.ts`, `limits.ts`).
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Limits } from '../limits.ts'
import type { TimeNs } from '../model.ts'
import type { Expr, LogExpr, MetricExpr, RangeAggregation } from './ast.ts'
import { formatGoDuration, formatPrometheusDuration } from './durations.ts'
import { compileRegex } from './regex.ts'

export interface LimitedQuery {
  readonly text: string
  readonly expr: Expr
  readonly startNs: TimeNs
  readonly endNs: TimeNs
  /** Entries asked for. */
  readonly limit: number
}

type QueryLimits = Pick<
  Limits,
  | 'max_entries_limit_per_query' | 'max_query_length' | 'max_query_lookback' | 'max_query_range' | 'max_streams_matchers_per_query' | 'max_query_parallelism'
  | 'required_labels' | 'minimum_labels_number' | 'blocked_queries'
>

const NS_PER_MS = 1_000_000n
const refused = (message: string): SkaldError => new SkaldError('query_limit', message)

/** The time that may be read, or null when all of it lies too far back. Throws `query_limit`. */
export function checkQueryLimits(query: LimitedQuery, limits: QueryLimits, nowNs: TimeNs): { startNs: TimeNs; endNs: TimeNs } | null {
  if (limits.max_query_parallelism === 0) throw new SkaldError('too_many_requests', 'querying is disabled, please contact your Loki operator')
  if (isBlocked(query, limits.blocked_queries)) throw refused('query blocked by policy')
  checkSelectors(selectorsOf(query.expr), limits)
  checkRanges(query.expr, limits.max_query_range)
  checkEntries(query, limits.max_entries_limit_per_query)
  const bounds = withinLookback(query, limits.max_query_lookback, nowNs)
  if (bounds !== null) checkLength(bounds, limits.max_query_length)
  return bounds
}

function checkEntries({ expr, limit }: LimitedQuery, max: number): void {
  if (expr.kind === 'log' && max > 0 && limit > max) throw refused(`max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${max})`)
}

function withinLookback({ startNs, endNs }: LimitedQuery, lookbackMs: number, nowNs: TimeNs): { startNs: TimeNs; endNs: TimeNs } | null {
  if (lookbackMs <= 0) return { startNs, endNs }
  const earliestNs = nowNs - BigInt(lookbackMs) * NS_PER_MS
  if (endNs < earliestNs) return null
  return { startNs: startNs < earliestNs ? earliestNs : startNs, endNs }
}

function checkLength({ startNs, endNs }: { startNs: TimeNs; endNs: TimeNs }, maxMs: number): void {
  const lengthNs = endNs - startNs
  if (maxMs <= 0 || lengthNs <= BigInt(maxMs) * NS_PER_MS) return
  throw refused(`the query time range exceeds the limit (query length: ${formatGoDuration(Number(lengthNs))}, limit: ${formatPrometheusDuration(maxMs * 1e6)})`)
}

function checkRanges(expr: Expr, maxMs: number): void {
  if (maxMs <= 0 || expr.kind === 'log') return
  for (const { range } of rangeAggregations(expr)) {
    if (range.rangeNs > maxMs * 1e6) throw refused(`[interval] value exceeds limit: [${formatPrometheusDuration(range.rangeNs)}] > [${formatPrometheusDuration(maxMs * 1e6)}]`)
  }
}

function checkSelectors(selectors: ReadonlyArray<LogExpr>, limits: QueryLimits): void {
  const most = limits.max_streams_matchers_per_query
  const count = selectors.reduce((sum, { matchers }) => sum + matchers.length, 0)
  if (most > 0 && count > most) throw refused(`max streams matchers per query exceeded, matchers-count > limit (${count} > ${most})`)
  for (const { matchers } of selectors) {
    const present = [...new Set(matchers.map(({ name }) => name))]
    const missing = limits.required_labels.filter((name) => !present.includes(name))
    if (missing.length > 0) {
      throw refused(`stream selector is missing required matchers [${missing.join(', ')}], labels present in the query were [${present.join(', ')}]`)
    }
    if (present.length < limits.minimum_labels_number) {
      throw refused(
        `stream selector has less label matchers than required: (present: [${present.join(', ')}], number_present: ${present.length}, required_number_label_matchers: ${limits.minimum_labels_number})`,
      )
    }
  }
}

function rangeAggregations(expr: MetricExpr): RangeAggregation[] {
  switch (expr.kind) {
    case 'range':
      return [expr]
    case 'vector':
    case 'labelReplace':
      return rangeAggregations(expr.inner)
    case 'binary':
      return [...rangeAggregations(expr.left), ...rangeAggregations(expr.right)]
    case 'literal':
    case 'constant':
      return []
  }
}

export const selectorsOf = (expr: Expr): LogExpr[] => (expr.kind === 'log' ? [expr] : rangeAggregations(expr).map(({ range }) => range.log))

function isBlocked(query: LimitedQuery, blocked: Limits['blocked_queries']): boolean {
  return blocked.some(({ pattern, regex, types, hash }) => {
    if (types.length > 0 && !types.includes(queryType(query.expr))) return false
    if (hash > 0) return hash === fnv32(query.text)
    if (pattern === '') return true
    return regex ? compileRegex(pattern).test(query.text) : pattern.trim() === query.text.trim()
  })
}

/** Loki's classes of queries. */
function queryType(expr: Expr): 'metric' | 'filter' | 'limited' {
  if (expr.kind !== 'log') return 'metric'
  return expr.stages.length > 0 ? 'filter' : 'limited'
}

/** FNV-1, 32 bits: how Loki's logs name a query. */
export function fnv32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash, 0x01000193) ^ byte
  return hash >>> 0
}
