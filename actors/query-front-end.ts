/**
 * The query front end: parses LogQL, checks the tenant's limits, plans, has the scans run, merges and evaluates. Any node's front end answers any query.
 * HTTP and NATS gateways translate for it. Bounded: queries of a tenant beyond their share wait in its queue, in turn with other tenants'.
 */
import { SkaldError } from '../runtime/errors.ts'
import { evaluate } from '../protocols/logql/evaluate.ts'
import { mergePartials } from '../protocols/logql/merge.ts'
import { parse } from '../protocols/logql/parser.ts'
import { planQuery, type QueryParameters, type QueryPlan } from '../protocols/logql/plan.ts'
import type { QueryData } from '../protocols/logql/query-data.ts'
import { checkQueryLimits } from '../protocols/logql/query-limits.ts'
import { NO_STATISTICS, type QueryStatistics } from '../protocols/logql/response-statistics.ts'
import type { TenantId } from '../protocols/model.ts'
import { checkResolution } from '../protocols/query-params.ts'
import type { FairQueue } from './fair-queue.ts'
import type { Querier } from './querier.ts'
import { emptyStatistics, sumStatistics } from './read-statistics.ts'
import type { ReadStatistics, ScanAnswer } from './segment-work.ts'
import type { Services } from './services.ts'

export interface QueryRequest {
  readonly tenant: TenantId
  readonly text: string
  readonly parameters: Omit<QueryParameters, 'limits'>
  readonly signal: AbortSignal
}

export interface QueryAnswer {
  readonly data: QueryData
  readonly statistics: QueryStatistics
  /** What was read and what was skipped, and why. */
  readonly reads: ReadStatistics
  readonly warnings: ReadonlyArray<string>
}

export interface QueryFrontEnd {
  query(request: QueryRequest): Promise<QueryAnswer>
}

const TIMED_OUT =
  'request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed'

export function makeQueryFrontEnd(services: Services, querier: Querier, queue: FairQueue): QueryFrontEnd {
  return {
    async query(request) {
      const begunMs = services.clock.monotonicMs()
      const limits = services.limitsOf(request.tenant)
      const expr = parse(request.text)
      if (expr.kind !== 'log' && request.parameters.kind === 'range') checkResolution({ ...request.parameters, query: request.text })
      const { startNs, endNs, limit } = request.parameters
      const within = checkQueryLimits({ text: request.text, expr, startNs, endNs, limit }, limits, BigInt(services.clock.nowMs()) * 1_000_000n)
      const plan = planQuery(expr, { ...request.parameters, ...within, limits: { seriesMax: limits.max_query_series, alignsToStep: limits.split_queries_by_interval > 0 } })
      if (within === null) return { data: evaluate(plan, plan.scans.map((scan) => mergePartials(scan, []))), statistics: NO_STATISTICS, reads: emptyStatistics(), warnings: [] }
      try {
        return await withDeadline(services, request.signal, limits.query_timeout, (signal) =>
          queue.run(request.tenant, signal, (queuedMs) => run(services, querier, { ...request, signal }, plan, begunMs, queuedMs)),
        )
      } catch (error) {
        services.metrics.queries.inc({ outcome: 'failed' })
        throw error
      }
    },
  }
}

async function run(
  services: Services,
  querier: Querier,
  request: QueryRequest,
  plan: QueryPlan,
  begunMs: number,
  queuedMs: number,
): Promise<QueryAnswer> {
  const answers = await Promise.all(plan.scans.map((scan) => querier.scan({ tenant: request.tenant, plan: scan, signal: request.signal })))
  const data = evaluate(plan, answers.map((answer) => answer.partial))
  const reads = sumStatistics(answers.map((answer) => answer.statistics))
  const { metrics, clock } = services
  metrics.queries.inc({ outcome: 'answered' })
  metrics.queryBytesFetched.inc(reads.bytesFetched)
  metrics.queryBytesSkipped.inc(reads.bytesSkippedByFilter + reads.bytesSkippedByLabels + reads.bytesSkippedByTime)
  return {
    data,
    reads,
    statistics: statisticsOf(answers, reads, data, (clock.monotonicMs() - begunMs) / 1000, queuedMs / 1000),
    warnings: [...new Set(answers.flatMap((answer) => answer.warnings))],
  }
}

function statisticsOf(answers: ReadonlyArray<ScanAnswer>, reads: ReadStatistics, data: QueryData, execSeconds: number, queueSeconds: number): QueryStatistics {
  const total = (read: (stats: ScanAnswer['partial']['stats']) => number): number => answers.reduce((sum, answer) => sum + read(answer.partial.stats), 0)
  return {
    ...NO_STATISTICS,
    execSeconds,
    queueSeconds,
    bytesProcessed: total((s) => s.bytesProcessed),
    linesProcessed: total((s) => s.linesProcessed),
    metadataBytesProcessed: total((s) => s.metadataBytesProcessed),
    linesPassed: total((s) => s.linesPassed),
    entriesReturned: data.kind === 'streams' ? data.entries.length : 0,
    subqueries: answers.length,
    splits: reads.segments,
    shards: reads.blocks,
  }
}

/** Runs with a signal that the client's leaving or the deadline aborts; the deadline answers in Loki's words. */
async function withDeadline<A>(services: Services, client: AbortSignal, timeoutMs: number, run: (signal: AbortSignal) => Promise<A>): Promise<A> {
  const deadline = new AbortController()
  const timer = timeoutMs > 0 ? services.clock.after(timeoutMs, () => deadline.abort()) : null
  try {
    return await run(AbortSignal.any([client, deadline.signal]))
  } catch (error) {
    if (deadline.signal.aborted && !client.aborted) throw new SkaldError('query_timeout', TIMED_OUT, { cause: error })
    throw error
  } finally {
    timer?.cancel()
  }
}
