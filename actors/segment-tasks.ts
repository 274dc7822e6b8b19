/**
 * The tasks behind `SegmentWork`: what a worker thread (or the simulator, inline) does with segments and heads. One instance a thread, with its own
 * object store and footer cache. A segment that cannot be read becomes a warning (Q3); everything else that fails rejects.
 */
import { SkaldError } from '../runtime/errors.ts'
import type { TaskSignal } from '../runtime/worker-host.ts'
import type { Matcher } from '../protocols/logql/ast.ts'
import { compileMatchers } from '../protocols/logql/matchers.ts'
import { compileScan } from '../protocols/logql/scan-compile.ts'
import type { Scan, ScanPlan } from '../protocols/logql/scan.ts'
import type { Labels, TenantId } from '../protocols/model.ts'
import { makeLevelOf } from '../protocols/push/level.ts'
import type { SegmentEntry } from '../storage/catalog.ts'
import { encodeSegment, type EncodedSegment } from '../storage/segment-encode.ts'
import type { SegmentFooter } from '../storage/segment-footer.ts'
import { columnsFor, readFooter, SegmentReader } from '../storage/segment-read.ts'
import { headBlocks } from '../storage/slab-head.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { emptyStatistics } from './read-statistics.ts'
import type { EncodeTask, HeadContent, LevelPolicy, ReadStatistics, ScanAnswer, SegmentWork, SeriesAnswer } from './segment-work.ts'

export interface ScanWorkerData {
  readonly objectStoreUrl: string
  /** Footers kept decoded, by their stored bytes. */
  readonly cacheBytesMax: number
}

export type ScanWorkerTask =
  | { readonly kind: 'scanSegments'; readonly tenant: string; readonly plan: ScanPlan; readonly segments: ReadonlyArray<SegmentEntry>; readonly nowMs: number }
  | { readonly kind: 'scanHead'; readonly content: HeadContent; readonly plan: ScanPlan; readonly nowMs: number }
  | { readonly kind: 'series'; readonly tenant: string; readonly matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>; readonly segments: ReadonlyArray<SegmentEntry> }
  | { readonly kind: 'appliedIds'; readonly segment: SegmentEntry }

export interface EncodeWorkerTask {
  readonly kind: 'encode'
  readonly task: EncodeTask
}

const levelOf = (policy: LevelPolicy | null | undefined) => (policy === null || policy === undefined ? null : makeLevelOf(policy))

export function runEncode({ cut, levels }: EncodeTask): EncodedSegment {
  const policies = new Map(levels)
  return encodeSegment(cut, (tenant) => levelOf(policies.get(tenant)))
}

/** Decoded footers by key, least recently used dropped first. */
class FooterCache {
  private readonly footers = new Map<string, SegmentFooter>()
  private bytes = 0
  private readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get(key: string): SegmentFooter | undefined {
    const footer = this.footers.get(key)
    if (footer !== undefined) {
      this.footers.delete(key)
      this.footers.set(key, footer)
    }
    return footer
  }

  put(key: string, footer: SegmentFooter): void {
    this.footers.set(key, footer)
    this.bytes += footer.footerBytes
    for (const [oldest, old] of this.footers) {
      if (this.bytes <= this.bytesMax || oldest === key) return
      this.footers.delete(oldest)
      this.bytes -= old.footerBytes
    }
  }
}

export class SegmentTasks {
  private readonly store: ObjectStore
  private readonly footers: FooterCache

  constructor(store: ObjectStore, cacheBytesMax: number) {
    this.store = store
    this.footers = new FooterCache(cacheBytesMax)
  }

  run(task: ScanWorkerTask, signal: TaskSignal): Promise<unknown> {
    switch (task.kind) {
      case 'scanSegments':
        return this.scanSegments(task.tenant, task.plan, task.segments, task.nowMs, signal)
      case 'scanHead':
        return Promise.resolve(this.scanHead(task.content, task.plan, task.nowMs, signal))
      case 'series':
        return this.series(task.tenant, task.matcherSets, task.segments, signal)
      case 'appliedIds':
        return this.appliedIds(task.segment)
    }
  }

  async scanSegments(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal: TaskSignal): Promise<ScanAnswer> {
    const scan = compileScan(plan, { nowMs })
    const accept = compileMatchers(plan.matchers)
    const statistics = emptyStatistics()
    const warnings: string[] = []
    for (const segment of segments) {
      signal.check()
      try {
        await this.scanSegment(tenant, plan, segment, scan, accept, statistics, signal)
      } catch (error) {
        warnings.push(unreadable(segment, error))
      }
    }
    return { partial: scan.partial(), statistics, warnings }
  }

  scanHead(content: HeadContent, plan: ScanPlan, nowMs: number, signal: TaskSignal): ScanAnswer {
    const scan = compileScan(plan, { nowMs })
    const runs = content.streams.flatMap((stream) => stream.runs.map((run) => ({ ...run, labels: stream.labels })))
    for (const block of headBlocks(content.slabs, runs, levelOf(content.levels))) {
      signal.check()
      scan.add(block)
    }
    return { partial: scan.partial(), statistics: emptyStatistics(), warnings: [] }
  }

  async series(
    tenant: string,
    matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>,
    segments: ReadonlyArray<SegmentEntry>,
    signal: TaskSignal,
  ): Promise<SeriesAnswer> {
    const sets = matcherSets.map(compileMatchers)
    const accept = (labels: Labels): boolean => sets.length === 0 || sets.some((set) => set(labels))
    const warnings: string[] = []
    const series = []
    for (const segment of segments) {
      signal.check()
      try {
        const reader = await this.open(segment, emptyStatistics())
        series.push(...reader.series(tenant as TenantId, accept))
      } catch (error) {
        warnings.push(unreadable(segment, error))
      }
    }
    return { series, warnings }
  }

  async appliedIds(segment: SegmentEntry): ReturnType<SegmentWork['appliedIds']> {
    const { footer } = await this.open(segment, emptyStatistics())
    return { pushIds: footer.pushIds, recordIds: footer.recordIds }
  }

  private async scanSegment(
    tenant: string,
    plan: ScanPlan,
    segment: SegmentEntry,
    scan: Scan,
    accept: (labels: Labels) => boolean,
    statistics: ReadStatistics,
    signal: TaskSignal,
  ): Promise<void> {
    const reader = await this.open(segment, statistics)
    const selection = await reader.select(tenant as TenantId, accept, scan.needs)
    statistics.segments++
    if (selection === null) return
    addSkips(statistics, selection.stats)
    const blocks = plan.kind === 'log' && plan.direction === 'backward' ? selection.blocks.toReversed() : selection.blocks
    for await (const block of reader.load({ section: selection.section, blocks }, columnsFor(scan.needs))) {
      signal.check()
      scan.add(block)
    }
  }

  private async open(segment: SegmentEntry, statistics: ReadStatistics): Promise<SegmentReader> {
    const read = async (offset: number, lengthBytes: number): Promise<Buffer> => {
      statistics.bytesFetched += lengthBytes
      return this.store.getRange(segment.key, offset, lengthBytes)
    }
    const cached = this.footers.get(segment.key)
    const footer = cached ?? (await readFooter(segment.key, segment.sizeBytes, segment.footerBytes, read))
    if (cached === undefined) this.footers.put(segment.key, footer)
    return new SegmentReader(segment.key, footer, read)
  }
}

function addSkips(statistics: ReadStatistics, skips: Omit<ReadStatistics, 'segments' | 'segmentsSkippedByTime' | 'bytesFetched'>): void {
  for (const key of Object.keys(skips) as Array<keyof typeof skips>) statistics[key] += skips[key]
}

/** Q3. A query's own errors (limits, cancellation) are not the segment's. */
function unreadable(segment: SegmentEntry, error: unknown): string {
  const ofStorage = error instanceof SkaldError && (error.code === 'not_found' || error.code === 'storage_unavailable' || error.code === 'storage_corrupt')
  if (!ofStorage) throw error
  return `segment ${segment.key} could not be read and is missing from the answer: ${error.message}`
}
