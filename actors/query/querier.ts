/**
 * Runs one scan plan over everything a tenant has: heads at the partitions' owners, segments on this node's workers, exactly once between them (Q1).
 * What cannot be read becomes a warning (Q3). Knows nothing of expressions: the query front end merges partials and evaluates.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { scanTimes } from '../../protocols/logql/scan-needs.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { PartitionReads } from '../cluster/partition-reads.ts'
import type { AnswerWork } from './answer-work.ts'
import { type PartialCache, partialKey, planKey } from './partial-cache.ts'
import { PartialSum, type ScannedParts } from './partial-sum.ts'
import { scanInOrder } from './scan-order.ts'
import { narrowedParts, narrowing } from './segment-narrowing.ts'
import { emptyStatistics } from '../segments/read-statistics.ts'
import { checkParts, type EncodedSeries } from '../segments/encoded-series.ts'
import type { ScanAnswer, SelectAnswer, SeriesQuestion } from '../segments/segment-work.ts'
import { areFewSegments } from '../segments/small-tasks.ts'
import type { Services } from '../services.ts'

export interface ScanRequest {
  readonly tenant: string
  readonly plan: ScanPlan
  readonly signal: AbortSignal
  /** False: everything is read anew. */
  readonly cached: boolean
  /** Stored and fresh bytes that it reads at most, where that is known: a small scan does not wait for memory. */
  readonly readBytesMax?: number
}

export interface Querier {
  /** Rejects `query_limit` when the answer does not fit the memory of a query. */
  scan(request: ScanRequest): Promise<ScannedParts>
  /** What a scan would read and skip of the segments, without reading a line. */
  explain(tenant: string, plan: ScanPlan, signal: AbortSignal): Promise<SelectAnswer>
  /** Facts about streams, from columns of heads and footers of segments; no line is read. Rejects `query_limit` when there are more parts than the question takes. */
  series(tenant: string, question: SeriesQuestion, signal: AbortSignal): Promise<GatheredSeries>
}

export interface GatheredSeries {
  /** A stream may be in several. */
  readonly parts: ReadonlyArray<EncodedSeries>
  readonly warnings: ReadonlyArray<string>
}

/** What of the data each partition contributes: its head's answer, and the segments that complete it. */
interface Sources<A> {
  readonly heads: ReadonlyArray<A>
  readonly segments: ReadonlyArray<SegmentEntry>
  readonly warnings: ReadonlyArray<string>
}

/** How long a querier waits for its copy of the catalog to reach an owner's checkpoint: longer than the log's servers take to elect a leader, during which no copy moves. */
const CATALOG_WAIT_MS = 20_000
/** Segments of a log query that are read side by side: one more than computes, so that no thread waits for the next while its own answer travels. */
const TASKS_PER_THREAD = 2

export interface QuerierParts {
  readonly services: Services
  readonly reads: PartitionReads
  readonly cache: PartialCache
  readonly answers: AnswerWork
}

export function makeQuerier(parts: QuerierParts): Querier {
  const { services, reads } = parts
  return {
    scan: (request) => scan(parts, request),
    explain: (tenant, plan, signal) => explain(services, tenant, plan, signal),
    series: (tenant, question, signal) => series(services, reads, tenant, question, signal),
  }
}

async function scan(parts: QuerierParts, request: ScanRequest): Promise<ScannedParts> {
  const { services, reads, answers, cache } = parts
  const { tenant, plan, signal } = request
  const nowMs = services.clock.nowMs()
  const sources = await gatherSources(services, tenant, (partition) => reads.scan(partition, tenant, plan, nowMs, signal))
  const wanted = inTime(sources.segments, plan)
  const sum = new PartialSum(plan, services.settings.queryMemoryBytesMax, (of, partials) => answers.run({ kind: 'merge', plan: of, partials: partials.map(({ bytes }) => bytes) }, signal))
  for (const head of sources.heads) await sum.add(head)
  // One scan that fails, or a sum that grows too large, ends the others.
  const failed = new AbortController()
  const within = { ...request, signal: AbortSignal.any([signal, failed.signal]) }
  const ofPlan = request.cached ? planKey(tenant, plan) : null
  const scanOne = async (segment: SegmentEntry): Promise<void> => sum.add(await scanSegment(parts, within, segment, { nowMs, ofPlan }))
  const narrow = narrowing({
    work: services.work, tenant, plan, nowMs, signal: within.signal, readBytesMax: request.readBytesMax,
    isKnown: (segment) => ofPlan !== null && cache.has(partialKey(ofPlan, segment, plan)),
    take: (segment, answer) => {
      if (ofPlan !== null) cache.put(partialKey(ofPlan, segment, plan), answer.partial)
      return sum.add(answer)
    },
  })
  const atOnce = request.readBytesMax === undefined ? TASKS_PER_THREAD * Math.max(1, services.work.threads) : wanted.length
  try {
    if (plan.kind === 'log') await scanInOrder(plan, wanted, { bound: () => sum.bound(), narrow, scanOne, atOnce })
    else await Promise.all(narrowedParts(wanted).map(async (part) => Promise.all((await narrow(part)).map(scanOne))))
  } catch (error) {
    failed.abort(error)
    throw error
  }
  const { partials, statistics, warnings } = sum.answer()
  return {
    partials,
    statistics: { ...statistics, segmentsSkippedByTime: statistics.segmentsSkippedByTime + sources.segments.length - wanted.length },
    warnings: [...sources.warnings, ...warnings],
  }
}

const inTime = (segments: ReadonlyArray<SegmentEntry>, plan: ScanPlan): SegmentEntry[] => overlapping(segments, scanTimes(plan))

function overlapping(segments: ReadonlyArray<SegmentEntry>, { minNs, maxNs }: { readonly minNs: bigint; readonly maxNs: bigint }): SegmentEntry[] {
  return segments.filter((s) => BigInt(s.maxNs) >= minNs && BigInt(s.minNs) <= maxNs)
}

/** `ofPlan`: the plan's part of the cache's keys; null: everything is read anew. */
async function scanSegment(
  { services, cache }: QuerierParts,
  { tenant, plan, signal, readBytesMax }: ScanRequest,
  segment: SegmentEntry,
  { nowMs, ofPlan }: { readonly nowMs: number; readonly ofPlan: string | null },
): Promise<ScanAnswer> {
  const key = ofPlan === null ? null : partialKey(ofPlan, segment, plan)
  const known = key === null ? null : cache.get(key)
  if (known !== null) return { partial: { ...known, stats: { ...NOTHING_READ } }, statistics: { ...emptyStatistics(), segments: 1, segmentsFromCache: 1 }, warnings: [] }
  const answer = await services.work.scanSegments(tenant, plan, [segment], nowMs, signal, readBytesMax)
  if (key !== null && answer.warnings.length === 0) cache.put(key, answer.partial)
  return answer
}

const NOTHING_READ = { linesProcessed: 0, bytesProcessed: 0, metadataBytesProcessed: 0, linesPassed: 0 }

async function explain(services: Services, tenant: string, plan: ScanPlan, signal: AbortSignal): Promise<SelectAnswer> {
  const partitions = Array.from({ length: services.partitionCount() }, (_, p) => p)
  const segments = partitions.flatMap((partition) => services.catalog.current(partition).segments).filter((s) => holds(s, tenant))
  const wanted = inTime(segments, plan)
  const { statistics, warnings } = await services.work.select(tenant, plan, wanted, signal)
  return { statistics: { ...statistics, segmentsSkippedByTime: segments.length - wanted.length }, warnings }
}

const holds = (segment: SegmentEntry, tenant: string): boolean => segment.tenants === null || segment.tenants.includes(tenant)

/** Asks every partition's owner, then takes stored segments only up to the checkpoint that the owner answered with. */
async function gatherSources<A extends { readonly warnings: ReadonlyArray<string> }>(
  services: Services,
  tenant: string,
  ask: (partition: number) => Promise<{ checkpoint: number; answer: A }>,
): Promise<Sources<A>> {
  const partitions = Array.from({ length: services.partitionCount() }, (_, p) => p)
  const found = await Promise.all(
    partitions.map(async (partition) => {
      try {
        const { checkpoint, answer } = await ask(partition)
        const catalog = await services.catalog.waitFor(partition, checkpoint, CATALOG_WAIT_MS)
        return { heads: [answer], segments: catalog.segments.filter((s) => s.last <= checkpoint), warnings: [] }
      } catch (error) {
        if (error instanceof SkaldError && !error.retryable) throw error
        const warning = `partition ${partition}: its owner did not answer (${error instanceof Error ? error.message : String(error)}); entries not yet in segments may be missing`
        return { heads: [], segments: services.catalog.current(partition).segments, warnings: [warning] }
      }
    }),
  )
  return {
    heads: found.flatMap((f) => f.heads),
    segments: found.flatMap((f) => f.segments).filter((s) => holds(s, tenant)),
    warnings: found.flatMap((f) => f.warnings),
  }
}

async function series(services: Services, reads: PartitionReads, tenant: string, question: SeriesQuestion, signal: AbortSignal): Promise<GatheredSeries> {
  const sources = await gatherSources(services, tenant, (partition) => reads.series(partition, tenant, question, signal))
  const { within, partsMax } = question
  const wanted = within?.by === 'entry_time' ? overlapping(sources.segments, within) : sources.segments
  const stored = await Promise.all(shares(wanted, services.work.threads).map((segments) => services.work.series(tenant, question, segments, signal)))
  const answers = [...sources.heads, ...stored]
  const parts = answers.map((answer) => answer.series).filter(({ count }) => count > 0)
  if (partsMax !== null) checkParts(parts.reduce((sum, { count }) => sum + count, 0), partsMax)
  return { parts, warnings: [...sources.warnings, ...answers.flatMap((answer) => answer.warnings)] }
}

/** Of many segments each thread takes a part. */
function shares(segments: ReadonlyArray<SegmentEntry>, threads: number): ReadonlyArray<ReadonlyArray<SegmentEntry>> {
  if (segments.length === 0) return []
  if (areFewSegments(segments)) return [segments]
  const size = Math.ceil(segments.length / threads)
  return Array.from({ length: threads }, (_, i) => segments.slice(i * size, (i + 1) * size))
}
