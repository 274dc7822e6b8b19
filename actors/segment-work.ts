/**
 * The work that is done to segments and heads off the event loop, as a port: `segment-work-threads.ts` runs it in worker threads,
 * `segment-work-inline.ts` in the caller's (simulator, small tests). The tasks themselves are in `segment-tasks.ts`.
 */
import type { Labels, Sequence } from '../protocols/model.ts'
import type { Matcher } from '../protocols/logql/ast.ts'
import type { ScanPartial, ScanPlan } from '../protocols/logql/scan.ts'
import type { SegmentEntry } from '../storage/catalog.ts'
import type { RowRun, SlabDescriptor } from '../storage/slab.ts'

/** How levels of one tenant are derived (from its limits). null: not at all. */
export interface LevelPolicy {
  readonly fields: ReadonlyArray<string>
  readonly jsonDepthMax: number
}

export interface EncodeStream {
  readonly labels: Labels
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
  readonly runs: ReadonlyArray<RowRun>
}

export interface EncodeTask {
  readonly partition: number
  readonly first: Sequence
  readonly last: Sequence
  readonly slabs: ReadonlyArray<SlabDescriptor>
  readonly tenants: ReadonlyArray<{ readonly tenant: string; readonly encoding: string; readonly levels: LevelPolicy | null; readonly streams: ReadonlyArray<EncodeStream> }>
  readonly appliedIds: ReadonlyArray<string>
}

export interface EncodedObject {
  readonly entry: SegmentEntry
  readonly bytes: Buffer
}

/** Rows in memory of one tenant, as the partition's owner snapshots them. */
export interface HeadContent {
  readonly slabs: ReadonlyArray<SlabDescriptor>
  readonly levels: LevelPolicy | null
  readonly streams: ReadonlyArray<EncodeStream>
}

/** What was not read and why; how much was read. Sums over tasks. */
export interface ReadStatistics {
  segments: number
  segmentsSkipped: number
  blocks: number
  blocksSkipped: number
  bytesFetched: number
  bytesSkipped: number
}

export interface ScanAnswer {
  readonly partial: ScanPartial
  readonly statistics: ReadStatistics
  /** Q3: what could not be read, in words for the client. */
  readonly warnings: ReadonlyArray<string>
}

/** One stream as far as one segment or head knows it. */
export interface SeriesFacts {
  readonly labels: Labels
  readonly minNs: string
  readonly maxNs: string
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
  readonly rowCount: number
  readonly rawBytes: number
  readonly chunkCount: number
}

export interface SeriesAnswer {
  readonly series: ReadonlyArray<SeriesFacts>
  readonly warnings: ReadonlyArray<string>
}

export interface SegmentWork {
  /** How many tasks run side by side. */
  readonly threads: number
  encode(task: EncodeTask, signal?: AbortSignal): Promise<EncodedObject>
  scanSegments(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal?: AbortSignal): Promise<ScanAnswer>
  scanHead(content: HeadContent, plan: ScanPlan, nowMs: number, signal?: AbortSignal): Promise<ScanAnswer>
  /** Streams of the tenant that match all of one of `matcherSets` ([] = all streams). */
  series(tenant: string, matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>, segments: ReadonlyArray<SegmentEntry>, signal?: AbortSignal): Promise<SeriesAnswer>
  appliedIds(segment: SegmentEntry): Promise<ReadonlyArray<string>>
  close(): Promise<void>
}
