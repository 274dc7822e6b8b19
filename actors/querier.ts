/**
 * Runs one scan plan over everything a tenant has: heads at the partitions' owners, segments on this node's workers, exactly once between them (Q1).
 * What cannot be read becomes a warning (Q3). Knows nothing of expressions: the query front end merges partials and evaluates.
 */
import { SkaldError } from '../runtime/errors.ts'
import type { Matcher } from '../protocols/logql/ast.ts'
import { mergePartials } from '../protocols/logql/merge.ts'
import { scanNeeds } from '../protocols/logql/scan-needs.ts'
import type { LogScanPlan, ScanPartial, ScanPlan } from '../protocols/logql/scan.ts'
import type { SegmentEntry } from '../storage/catalog.ts'
import type { PartitionReads } from './partition-reads.ts'
import { sumStatistics } from './read-statistics.ts'
import type { ScanAnswer, SeriesAnswer } from './segment-work.ts'
import type { Services } from './services.ts'

export interface ScanRequest {
  readonly tenant: string
  readonly plan: ScanPlan
  readonly signal: AbortSignal
}

export interface Querier {
  scan(request: ScanRequest): Promise<ScanAnswer>
  series(tenant: string, matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>, signal: AbortSignal): Promise<SeriesAnswer>
}

/** What of the data each partition contributes: its head's answer, and the segments that complete it. */
interface Sources<A> {
  readonly heads: ReadonlyArray<A>
  readonly segments: ReadonlyArray<SegmentEntry>
  readonly warnings: ReadonlyArray<string>
}

/** How long a querier waits for its copy of the catalog to reach an owner's checkpoint. */
const CATALOG_WAIT_MS = 5_000

export function makeQuerier(services: Services, reads: PartitionReads): Querier {
  return {
    scan: (request) => scan(services, reads, request),
    series: (tenant, matcherSets, signal) => series(services, reads, tenant, matcherSets, signal),
  }
}

async function scan(services: Services, reads: PartitionReads, request: ScanRequest): Promise<ScanAnswer> {
  const { tenant, plan, signal } = request
  const nowMs = services.clock.nowMs()
  const sources = await gatherSources(services, tenant, (partition) => reads.scan(partition, tenant, plan, nowMs, signal))
  const needs = scanNeeds(plan)
  const wanted = sources.segments.filter((s) => BigInt(s.maxNs) >= needs.minNs && BigInt(s.minNs) <= needs.maxNs)
  const stored =
    plan.kind === 'log' ? await scanInOrder(services, request, plan, wanted, sources.heads, nowMs) : await scanAll(services, request, wanted, nowMs)
  const answers = [...sources.heads, ...stored]
  const statistics = sumStatistics(answers.map((a) => a.statistics))
  statistics.segmentsSkippedByTime += sources.segments.length - wanted.length
  return {
    partial: mergePartials(plan, answers.map((a) => a.partial)),
    statistics,
    warnings: [...sources.warnings, ...answers.flatMap((a) => a.warnings)],
  }
}

/** Asks every partition's owner, then takes stored segments only up to the checkpoint that the owner answered with. */
async function gatherSources<A extends { readonly warnings: ReadonlyArray<string> }>(
  services: Services,
  tenant: string,
  ask: (partition: number) => Promise<{ checkpoint: number; answer: A }>,
): Promise<Sources<A>> {
  const partitions = Array.from({ length: services.settings.partitions }, (_, p) => p)
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
  const holds = (s: SegmentEntry): boolean => s.tenants === null || s.tenants.includes(tenant)
  return {
    heads: found.flatMap((f) => f.heads),
    segments: found.flatMap((f) => f.segments).filter(holds),
    warnings: found.flatMap((f) => f.warnings),
  }
}

async function scanAll(services: Services, request: ScanRequest, segments: ReadonlyArray<SegmentEntry>, nowMs: number): Promise<ScanAnswer[]> {
  return Promise.all(segments.map((segment) => services.work.scanSegments(request.tenant, request.plan, [segment], nowMs, request.signal)))
}

/** Log queries: newest (or oldest) segments first, until no other segment can hold an entry of the answer. */
async function scanInOrder(
  services: Services,
  request: ScanRequest,
  plan: LogScanPlan,
  segments: ReadonlyArray<SegmentEntry>,
  heads: ReadonlyArray<ScanAnswer>,
  nowMs: number,
): Promise<ScanAnswer[]> {
  const backward = plan.direction === 'backward'
  const edge = (s: SegmentEntry): bigint => (backward ? -BigInt(s.maxNs) : BigInt(s.minNs))
  const queue = [...segments].sort((a, b) => (edge(a) < edge(b) ? -1 : 1))
  const answers: ScanAnswer[] = []
  let best: ScanPartial = mergePartials(plan, heads.map((h) => h.partial))
  while (queue.length > 0) {
    const bound = fullBound(best, plan)
    const next = queue.splice(0, Math.max(1, services.work.threads)).filter((s) => bound === null || (backward ? BigInt(s.maxNs) >= bound : BigInt(s.minNs) <= bound))
    if (next.length === 0) break
    const done = await Promise.all(next.map((segment) => services.work.scanSegments(request.tenant, plan, [segment], nowMs, request.signal)))
    answers.push(...done)
    best = mergePartials(plan, [best, ...done.map((d) => d.partial)])
  }
  return answers
}

/** The time of the worst entry of a full page: entries beyond it cannot be in the answer. */
function fullBound(partial: ScanPartial, plan: LogScanPlan): bigint | null {
  if (partial.kind !== 'log' || partial.entries.length < plan.limit) return null
  const last = partial.entries.at(-1)
  return last === undefined ? null : BigInt(last.ns)
}

async function series(
  services: Services,
  reads: PartitionReads,
  tenant: string,
  matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>,
  signal: AbortSignal,
): Promise<SeriesAnswer> {
  const sources = await gatherSources(services, tenant, (partition) => reads.series(partition, tenant, matcherSets, signal))
  const stored = await services.work.series(tenant, matcherSets, sources.segments, signal)
  return {
    series: [...sources.heads.flatMap((h) => h.series), ...stored.series],
    warnings: [...sources.warnings, ...stored.warnings],
  }
}
