/**
 * The key-value port: buckets with revisions, compare-and-set, watches. Implementations: `kv-jetstream.ts`, `kv-memory.ts`, one conformance suite.
 * A read is a hint (replicas may lag); every decision is a compare-and-set, whose revision is the fencing token.
 */

export interface KvEntry {
  readonly key: string
  readonly value: Buffer
  readonly revision: number
  /** Server's time of the write, Unix ms. */
  readonly createdMs: number
}

export type KvEvent = { readonly kind: 'put'; readonly entry: KvEntry } | { readonly kind: 'delete'; readonly key: string; readonly revision: number }

export interface KvBucketOptions {
  readonly name: string
  readonly replicas?: number
  /** Entries disappear this long after their last put. 0 or absent: never. */
  readonly maxAgeMs?: number
  readonly history?: number
  /**
   * With three replicas or more: kept on three servers by majority (`kv-majority.ts`), so that no election of a leader stops it. A server that loses its disk forgets its part: for what is
   * written again and again, and fenced elsewhere.
   */
  readonly majority?: boolean
}

export interface KvWatch {
  stop(): void
}

/** Failures to reach the bucket reject with SkaldError `storage_unavailable`. A lost compare-and-set is a value, not an error. */
export interface KvBucket {
  get(key: string): Promise<KvEntry | null>
  keys(prefix: string): Promise<ReadonlyArray<string>>
  /** Revision, or null when the key exists already. */
  create(key: string, value: Uint8Array): Promise<number | null>
  /** Revision, or null when `revision` is not the newest. */
  update(key: string, value: Uint8Array, revision: number): Promise<number | null>
  put(key: string, value: Uint8Array): Promise<number>
  /** Whether it was deleted; `revision` given: only if it is still the newest. */
  delete(key: string, revision?: number): Promise<boolean>
  /** Current entries under the prefix first, then changes; resumes by itself with back-off and jitter. `ready` runs once when the current ones are in. */
  watch(prefix: string, on: (event: KvEvent) => void, ready?: () => void): KvWatch
}

export interface Kv {
  bucket(options: KvBucketOptions): Promise<KvBucket>
  close(): Promise<void>
}
