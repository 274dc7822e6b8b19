/**
 * The catalog: which segments exist, and up to which WAL sequence each partition is stored. One KV key a partition, changed only by
 * compare-and-set by the holder of the newest epoch (F3), so a segment and its checkpoint become visible in one step (F1, Q1).
 *
 * Full pages of older segments move to immutable page keys, so the head value stays small. Every node keeps a current copy by a watch.
 */
import type { Sequence } from '../protocols/model.ts'

export interface SegmentEntry {
  /** Object key; follows from partition, first and last. */
  readonly key: string
  readonly partition: number
  readonly first: Sequence
  readonly last: Sequence
  readonly sizeBytes: number
  /** Bytes at the end of the object that hold the footer: one ranged read fetches it. */
  readonly footerBytes: number
  /** Entry time bounds, inclusive, ns as decimal text. */
  readonly minNs: string
  readonly maxNs: string
  readonly rowCount: number
  readonly rawBytes: number
  /** How many push and record ids its footer remembers (a new owner reads them back to keep retries from being stored twice). */
  readonly appliedIdCount: number
  /** Names, or null when there are more than `CATALOG_TENANTS_MAX`: then the footer tells. */
  readonly tenants: ReadonlyArray<string> | null
}

export interface PartitionCatalog {
  readonly partition: number
  readonly epoch: number
  /** Everything up to here is in segments. */
  readonly checkpoint: Sequence
  readonly segments: ReadonlyArray<SegmentEntry>
}

export interface Catalog {
  /** The local, watched copy (a hint); empty catalog for a partition never seen. */
  current(partition: number): PartitionCatalog
  /** Resolves when the local copy has reached at least this checkpoint; rejects `storage_unavailable` after `timeoutMs`. */
  waitFor(partition: number, checkpoint: Sequence, timeoutMs: number): Promise<PartitionCatalog>
  partitions(): ReadonlyArray<number>
  /** Takes over: reads the truth and fences older epochs. Rejects `storage_unavailable`; a newer epoch already there is `FencedError`. */
  claim(partition: number, epoch: number): Promise<PartitionCatalog>
  /** Adds a segment and moves the checkpoint to `segment.last`, or only moves it (segment null: nothing worth storing up to `checkpoint`). Repeating a commit is harmless. */
  commit(partition: number, epoch: number, checkpoint: Sequence, segment: SegmentEntry | null): Promise<PartitionCatalog>
  close(): Promise<void>
}

/** A newer epoch owns the partition: the caller must stop being its owner. */
export class FencedError extends Error {
  readonly partition: number
  readonly epoch: number
  constructor(partition: number, epoch: number) {
    super(`partition ${partition}: epoch ${epoch} is no longer the newest`)
    this.name = 'FencedError'
    this.partition = partition
    this.epoch = epoch
  }
}
