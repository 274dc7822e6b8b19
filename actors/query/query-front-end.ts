/**
 * The query front end: parses LogQL, checks the tenant's limits, plans, has the scans run, merges and evaluates. Any node's front end answers any query.
 * HTTP and NATS gateways translate for it. Bounded: queries of a tenant beyond their share wait in its queue, in turn with other tenants'; equal ones run once.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Expr } from '../../protocols/logql/ast.ts'
import type { QueryParameters, QueryPlan } from '../../protocols/logql/plan.ts'
import { checkQueryLimits } from '../../protocols/logql/query-limits.ts'
import type { QueryStatistics } from '../../protocols/logql/response-statistics.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { TenantId, TimeNs } from '../../protocols/model.ts'
import type { AnswerForm, ShownAnswer } from './answer-tasks.ts'
import { type AnswerWork, resultBytes } from './answer-work.ts'
import type { ScannedParts } from './partial-sum.ts'
import type { PreparedQuery } from './prepared-query.ts'
import { Coalescer } from './query-coalescing.ts'
import { checkCost, costBound } from './query-cost.ts'
import { withDeadline } from './query-deadline.ts'
import { makeQueryLanes, type LaneParts, type QueryTurn } from './query-lanes.ts'
import { mapAtMost } from './map-at-most.ts'
import { queryStatistics } from './query-statistics.ts'
import { sumStatistics } from '../segments/read-statistics.ts'
import type { ReadStatistics } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'

export interface QueryRequest {
  readonly tenant: TenantId
  readonly text: string
  readonly parameters: Omit<QueryParameters, 'limits'>
  readonly form: AnswerForm
  readonly signal: AbortSignal
  /** Beyond what the node's settings say: fail rather than answer in part (Q3). */
  readonly strict?: boolean
  /** `Cache-Control: no-cache`: everything is read anew. */
  readonly uncached?: boolean
}

export interface QueryAnswer {
  readonly shown: ShownAnswer
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
  scan(request: ScanOnlyRequest): Promise<ScannedParts>
  /** The plan, after all checks, without running it. */
  plan(request: QueryRequest): Promise<PreparedQuery>
  /** The JSON of an answer's result, made as it is taken. */
  bytes(answer: QueryAnswer, signal: AbortSignal): AsyncIterable<Uint8Array>
  readonly answers: AnswerWork
}

export interface FrontEndParts extends LaneParts {
  readonly answers: AnswerWork
}

export function makeQueryFrontEnd(parts: FrontEndParts): QueryFrontEnd {
  const { services, querier, answers } = parts
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
    answers,
    plan: (request) => prepared(parts, request),
    bytes: ({ shown }, signal) => resultBytes(answers, shown, signal),
    async query(request) {
      const begunMs = services.clock.monotonicMs()
      const what = await prepared(parts, request)
      if (what.empty) return emptyAnswer(answers, what.plan, request.form)
      return flights.run(flightKey(request), request.signal, (signal, reads) =>
        inTurn(request.tenant, what.plan.scans, signal, (turn) => {
          reads()
          return run(parts, { ...request, signal: turn.signal }, what.plan, begunMs, turn)
        }),
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

async function prepared({ services, answers }: FrontEndParts, { tenant, text, parameters, signal }: QueryRequest): Promise<PreparedQuery> {
  const { matchAllBytesMax, queryMemoryBytesMax } = services.settings
  const query = { text, parameters, limits: services.limitsOf(tenant), nowNs: nowNs(services), allowsWide: matchAllBytesMax > 0, memoryBytesMax: queryMemoryBytesMax }
  const found = await answers.run({ kind: 'prepare', query }, signal)
  if (!found.wide || costBound(services, tenant, found.plan.scans) <= matchAllBytesMax) return found
  return answers.run({ kind: 'prepare', query: { ...query, allowsWide: false } }, signal)
}

async function emptyAnswer(answers: AnswerWork, plan: QueryPlan, form: AnswerForm): Promise<QueryAnswer> {
  const shown = await answers.run({ kind: 'show', plan, partials: plan.scans.map(() => []), items: 0, form })
  const reads = sumStatistics([])
  return { shown, reads, statistics: queryStatistics([], reads, shown.entryCount, { execSeconds: 0, queueSeconds: 0 }), warnings: [] }
}

/** Everything that decides an answer. */
function flightKey({ tenant, text, parameters, form, strict, uncached }: QueryRequest): string {
  const { kind, startNs, endNs, stepNs, intervalNs, limit, direction } = parameters
  return JSON.stringify([tenant, text, kind, String(startNs), String(endNs), String(stepNs), String(intervalNs), limit, direction, form, strict === true, uncached === true])
}

/** Of one query; each asks every partition's owner for what is in memory. */
const SCANS_AT_ONCE = 8

async function run({ services, querier, answers: work }: FrontEndParts, request: QueryRequest, plan: QueryPlan, begunMs: number, turn: QueryTurn): Promise<QueryAnswer> {
  const { tenant, signal } = request
  await checkCost(services, querier, { tenant, scans: plan.scans, signal }, services.limitsOf(tenant))
  const scans: ReadonlyArray<ScanPlan> = plan.scans
  const answers = await mapAtMost(SCANS_AT_ONCE, scans, (scan) => querier.scan({ tenant, plan: scan, signal, cached: request.uncached !== true, ...readBytes(turn) }))
  const warnings = [...new Set(answers.flatMap((answer) => answer.warnings))]
  if (warnings.length > 0 && (request.strict === true || services.settings.strict)) throw incomplete(warnings)
  const partials = answers.map((answer) => answer.partials.map(({ bytes }) => bytes))
  const items = answers.reduce((sum, answer) => answer.partials.reduce((all, one) => all + one.items, sum), 0)
  const shown = await work.run({ kind: 'show', plan, partials, items, form: request.form }, signal)
  const reads = sumStatistics(answers.map((answer) => answer.statistics))
  const { metrics, clock } = services
  metrics.queryBytesFetched.inc(reads.bytesFetched)
  metrics.queryBytesSkipped.inc(reads.bytesSkippedByFilter + reads.bytesSkippedByLabels + reads.bytesSkippedByTime)
  const seconds = { execSeconds: (clock.monotonicMs() - begunMs) / 1000, queueSeconds: turn.queuedMs / 1000 }
  return { shown, reads, statistics: queryStatistics(answers, reads, shown.entryCount, seconds), warnings }
}

const readBytes = ({ readBytesMax }: QueryTurn): { readBytesMax?: number } => (readBytesMax === null ? {} : { readBytesMax })

/** Q3, for a client that would rather have nothing. */
const incomplete = (warnings: ReadonlyArray<string>): SkaldError =>
  new SkaldError('partial_answer', `the answer would be incomplete, and a strict one was asked for: ${warnings.join('; ')}`, { retryAfterS: 5 })
