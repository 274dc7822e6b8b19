/**
 * The work that is done to segments and heads off the event loop, as a port: `segment-work-threads.ts` runs it in worker threads,
 * `segment-work-inline.ts` in the caller's (simulator, small tests). The tasks themselves are in `segment-tasks.ts`.
 */
import type { Matcher } from '../../protocols/logql/ast.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { PackedStreams } from '../../storage/packed-streams.ts'
import type { EncodedSegment, SegmentCut, TenantCut } from '../../storage/segment-encode.ts'
import type { SkipStats } from '../../storage/segment-select.ts'
import type { SeriesTimes } from '../../storage/series-facts.ts'
import type { SlabDescriptor } from '../../storage/slab.ts'
import type { EncodedPartial } from './encoded-partial.ts'
import type { EncodedSeries } from './encoded-series.ts'

/** How levels of one tenant are derived (from its limits). null: not at all. */
export interface LevelPolicy {
  readonly fields: ReadonlyArray<string>
  readonly jsonDepthMax: number
}

export interface PackedTenantCut extends Omit<TenantCut, 'streams'> {
  readonly streams: ReadonlyArray<PackedStreams>
}

/** A cut, and how levels of each of its tenants are derived. */
export interface EncodeTask {
  readonly cut: Omit<SegmentCut, 'tenants'> & { readonly tenants: ReadonlyArray<PackedTenantCut> }
  readonly levels: ReadonlyArray<readonly [tenant: string, policy: LevelPolicy | null]>
}

/** Rows in memory of one tenant, as the partition's owner snapshots them. */
export interface HeadContent {
  readonly tenant: string
  readonly slabs: ReadonlyArray<SlabDescriptor>
  readonly levels: LevelPolicy | null
  readonly streams: ReadonlyArray<PackedStreams>
}

/** What was read, and what was not and why. Sums over tasks. */
export interface ReadStatistics extends SkipStats {
  segments: number
  segmentsSkippedByTime: number
  /** Whose part of the answer was known from an earlier query. */
  segmentsFromCache: number
  /** From the object store, whatever for. */
  bytesFetched: number
}

export interface ScanAnswer {
  readonly partial: EncodedPartial
  readonly statistics: ReadStatistics
  /** Q3: what could not be read, in words for the client. */
  readonly warnings: ReadonlyArray<string>
}

/** Of one segment. null: it has more to read than a small scan does. */
export interface SmallScan {
  readonly key: string
  readonly answer: ScanAnswer | null
}

/** What a scan would read and skip. */
export interface SelectAnswer {
  readonly statistics: ReadStatistics
  readonly warnings: ReadonlyArray<string>
}

/** Which streams, and of which time. */
export interface SeriesQuestion {
  /** Streams that match all of one of these; []: all streams. */
  readonly matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>
  readonly within: SeriesTimes | null
  /** null: what a stream has in several places is added up. Else each place's part stands alone, and more than so many are refused. */
  readonly partsMax: number | null
}

export interface SeriesAnswer {
  readonly series: EncodedSeries
  readonly warnings: ReadonlyArray<string>
}

/** Ids that segments say were applied. */
export interface PastIds {
  /** As `AppliedIds` has them, oldest first. */
  readonly keys: ReadonlyArray<string>
  /** Segments that had to be asked one by one. */
  readonly singly: number
  /** Their object store did not answer: what they hold will be known later. */
  readonly unread: ReadonlyArray<SegmentEntry>
  /** Segments that are gone or damaged: nobody will ever know. */
  readonly lost: number
  /** What one of the unread or lost failed with. */
  readonly reason: string
}

export interface SegmentWork {
  /** How many tasks run side by side. */
  readonly threads: number
  /** The thread that served the first of them before has no more to do than others. */
  isHomeFree(segments: ReadonlyArray<SegmentEntry>): boolean
  encode(task: EncodeTask, signal?: AbortSignal): Promise<EncodedSegment>
  /** `readBytesMax`: what it will read at most, where the caller knows. */
  scanSegments(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal?: AbortSignal, readBytesMax?: number): Promise<ScanAnswer>
  /** Asks footers and filters of all of the segments, and scans those in which they leave little to read. */
  scanSmall(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal?: AbortSignal, readBytesMax?: number): Promise<ReadonlyArray<SmallScan>>
  /** Looks at footers and filters only. */
  select(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, signal?: AbortSignal): Promise<SelectAnswer>
  scanHead(content: HeadContent, plan: ScanPlan, nowMs: number, signal?: AbortSignal): Promise<ScanAnswer>
  headSeries(content: HeadContent, question: SeriesQuestion, signal?: AbortSignal): Promise<EncodedSeries>
  series(tenant: string, question: SeriesQuestion, segments: ReadonlyArray<SegmentEntry>, signal?: AbortSignal): Promise<SeriesAnswer>
  /** `segments`: of one partition, oldest first. */
  pastIds(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<PastIds>
  /** Puts their ids into one object, from which `pastIds` has them sooner. */
  gatherIds(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<void>
  close(): Promise<void>
}
