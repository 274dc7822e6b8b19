/**
 * The query front end: parses LogQL, checks the tenant's limits, plans, has the scans run, merges and evaluates. Any node's front end answers any query.
 * HTTP and NATS gateways translate for it. Bounded: queries of a tenant beyond their share wait in its queue, in turn with other tenants'; equal ones run once.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { evaluate } from '../../protocols/logql/evaluate.ts'
import { mergePartials } from '../../protocols/logql/merge.ts'
import type { Expr } from '../../protocols/logql/ast.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery, type QueryParameters, type QueryPlan } from '../../protocols/logql/plan.ts'
import type { QueryData } from '../../protocols/logql/query-data.ts'
import { checkQueryLimits, selectorsOf } from '../../protocols/logql/query-limits.ts'
import type { QueryStatistics } from '../../protocols/logql/response-statistics.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import { isWide } from '../../protocols/logql/validate.ts'
import type { TenantId, TimeNs } from '../../protocols/model.ts'
import { checkResolution } from '../../protocols/query-params.ts'
import { Coalescer } from './query-coalescing.ts'
import { checkCost, costBound } from './query-cost.ts'
import { withDeadline } from './query-deadline.ts'
import { makeQueryLanes, type LaneParts, type QueryTurn } from './query-lanes.ts'
import { queryStatistics } from './query-statistics.ts'
import { sumStatistics } from '../segments/read-statistics.ts'
import type { ReadStatistics, ScanAnswer } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'

export interface QueryRequest {
  readonly tenant: TenantId
  readonly text: string
  readonly parameters: Omit<QueryParameters, 'limits'>
  readonly signal: AbortSignal
  /** Beyond what the node's settings say: fail rather than answer in part (Q3). */
  readonly strict?: boolean
  /** `Cache-Control: no-cache`: everything is read anew. */
  readonly uncached?: boolean
}

export interface QueryAnswer {
  readonly data: QueryData
  readonly statistics: QueryStatistics
  /** What was read and what was skipped, and why. */
  readonly reads: ReadStatistics
  readonly warnings: ReadonlyArray<string>
}

/** A scan that no LogQL expression stands for: patterns, a page of an export. */
export interface ScanOnlyRequest {
  readonly tenant: TenantId
  readonly expr: Expr
  readonly text: string
  readonly startNs: TimeNs
  readonly endNs: TimeNs
  readonly plan: ScanPlan
  readonly signal: AbortSignal
}

export interface QueryFrontEnd {
  query(request: QueryRequest): Promise<QueryAnswer>
  /** One scan under the same limits, queue and deadline as a query. */
  scan(request: ScanOnlyRequest): Promise<ScanAnswer>
  /** The plan, after all checks, without running it. */
  plan(request: QueryRequest): Planned
}

export interface Planned {
  readonly expr: Expr
  readonly plan: QueryPlan
  /** All of the time asked for lies before what may be looked at. */
  readonly empty: boolean
}

export function makeQueryFrontEnd(parts: LaneParts): QueryFrontEnd {
  const { services, querier } = parts
  const flights = new Coalescer<QueryAnswer>()
  const lanes = makeQueryLanes(parts)
  /** In turn, under the tenant's deadline, counted. */
  const inTurn = async <A>(tenant: TenantId, scans: ReadonlyArray<ScanPlan>, signal: AbortSignal, run: (turn: QueryTurn) => Promise<A>): Promise<A> => {
    try {
      const answer = await withDeadline(services.clock, signal, services.limitsOf(tenant).query_timeout, (within) => lanes.run({ tenant, scans, signal: within }, run))
      services.metrics.queries.inc({ outcome: 'answered' })
      return answer
    } catch (error) {
      services.metrics.queries.inc({ outcome: 'failed' })
      throw error
    }
  }
  return {
    plan: (request) => planned(services, request),
    async query(request) {
      const begunMs = services.clock.monotonicMs()
      const what = planned(services, request)
      if (what.empty) return emptyAnswer(what.plan)
      return flights.run(flightKey(request), request.signal, (signal) =>
        inTurn(request.tenant, what.plan.scans, signal, (turn) => run(parts, { ...request, signal: turn.signal }, what.plan, begunMs, turn)),
      )
    },
    async scan({ tenant, text, expr, startNs, endNs, plan, signal }) {
      const limits = services.limitsOf(tenant)
      checkQueryLimits({ text, expr, startNs, endNs, limit: 0 }, limits, nowNs(services))
      return inTurn(tenant, [plan], signal, async (turn) => {
        await checkCost(services, querier, { tenant, scans: [plan], signal: turn.signal }, limits)
        return querier.scan({ tenant, plan, signal: turn.signal, cached: false, ...readBytes(turn) })
      })
    },
  }
}

const nowNs = ({ clock }: Services): TimeNs => BigInt(clock.nowMs()) * 1_000_000n

function planned(services: Services, { tenant, text, parameters }: QueryRequest): Planned {
  const limits = services.limitsOf(tenant)
  const expr = parse(text, services.settings.matchAllBytesMax > 0)
  if (expr.kind !== 'log' && parameters.kind === 'range') checkResolution({ ...parameters, query: text })
  const { startNs, endNs, limit } = parameters
  const within = checkQueryLimits({ text, expr, startNs, endNs, limit }, limits, nowNs(services))
  const plan = planQuery(expr, { ...parameters, ...within, limits: { seriesMax: limits.max_query_series, alignsToStep: limits.split_queries_by_interval > 0, memoryBytesMax: services.settings.queryMemoryBytesMax } })
  if (selectorsOf(expr).some(isWide) && costBound(services, tenant, plan.scans) > services.settings.matchAllBytesMax) parse(text)
  return { expr, plan, empty: within === null }
}

function emptyAnswer(plan: QueryPlan): QueryAnswer {
  const answers: ScanAnswer[] = plan.scans.map((scan) => ({ partial: mergePartials(scan, []), statistics: sumStatistics([]), warnings: [] }))
  const data = evaluate(plan, answers.map((answer) => answer.partial))
  const reads = sumStatistics([])
  return { data, reads, statistics: queryStatistics(answers, reads, data, { execSeconds: 0, queueSeconds: 0 }), warnings: [] }
}

/** Everything that decides an answer. */
function flightKey({ tenant, text, parameters, strict, uncached }: QueryRequest): string {
  const { kind, startNs, endNs, stepNs, intervalNs, limit, direction } = parameters
  return JSON.stringify([tenant, text, kind, String(startNs), String(endNs), String(stepNs), String(intervalNs), limit, direction, strict === true, uncached === true])
}

async function run({ services, querier }: LaneParts, request: QueryRequest, plan: QueryPlan, begunMs: number, turn: QueryTurn): Promise<QueryAnswer> {
  const { tenant, signal } = request
  await checkCost(services, querier, { tenant, scans: plan.scans, signal }, services.limitsOf(tenant))
  const answers = await Promise.all(plan.scans.map((scan) => querier.scan({ tenant, plan: scan, signal, cached: request.uncached !== true, ...readBytes(turn) })))
  const warnings = [...new Set(answers.flatMap((answer) => answer.warnings))]
  if (warnings.length > 0 && (request.strict === true || services.settings.strict)) throw incomplete(warnings)
  const data = evaluate(plan, answers.map((answer) => answer.partial))
  const reads = sumStatistics(answers.map((answer) => answer.statistics))
  const { metrics, clock } = services
  metrics.queryBytesFetched.inc(reads.bytesFetched)
  metrics.queryBytesSkipped.inc(reads.bytesSkippedByFilter + reads.bytesSkippedByLabels + reads.bytesSkippedByTime)
  const seconds = { execSeconds: (clock.monotonicMs() - begunMs) / 1000, queueSeconds: turn.queuedMs / 1000 }
  return { data, reads, statistics: queryStatistics(answers, reads, data, seconds), warnings }
}

const readBytes = ({ readBytesMax }: QueryTurn): { readBytesMax?: number } => (readBytesMax === null ? {} : { readBytesMax })

/** Q3, for a client that would rather have nothing. */
const incomplete = (warnings: ReadonlyArray<string>): SkaldError =>
  new SkaldError('partial_answer', `the answer would be incomplete, and a strict one was asked for: ${warnings.join('; ')}`, { retryAfterS: 5 })
