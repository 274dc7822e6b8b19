/**
 * Makes the catalog anew from the bucket alone (F4): lists the segments, reads each one's footer, leaves out what stale owners left, and
 * writes the heads. For `skald catalog rebuild`, after the KV bucket was lost; nodes may be running. Objects are only read.
 */
import type { Kv, KvBucket } from '../runtime/kv.ts'
import type { Sequence } from '../protocols/model.ts'
import { chooseChain } from './catalog-chain.ts'
import { CatalogHeads } from './catalog-heads.ts'
import { CATALOG_BUCKET } from './catalog-kv.ts'
import type { SegmentEntry } from './catalog.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { entryFromFooter, readFooter } from './segment-read.ts'

const SEGMENTS_PREFIX = 'segments/'
const READS_IN_FLIGHT = 16

export interface RebuildOptions {
  /** Also heads that exist; default: they are left alone and reported. */
  readonly replace?: boolean
  readonly replicas?: number
  /** Told after every object read. */
  readonly onProgress?: (objectCount: number) => void
  /** Makes the catalog's entry from an object; default: from its footer. */
  readonly readEntry?: (object: ObjectInfo) => Promise<SegmentEntry>
}

export interface RebuiltPartition {
  readonly partition: number
  readonly checkpoint: Sequence
  readonly segmentCount: number
  readonly rowCount: number
  /** `existing`: there was a head already and it was left alone. */
  readonly outcome: 'written' | 'existing'
}

export interface RebuildReport {
  readonly partitions: ReadonlyArray<RebuiltPartition>
  /** Left by stale owners: repeats of other segments. The orphan collector removes them. */
  readonly dropped: ReadonlyArray<string>
  /** Objects that are not whole segments; their lines are missing from the catalog. */
  readonly unreadable: ReadonlyArray<{ readonly key: string; readonly reason: string }>
}

/** Rejects `storage_unavailable` when bucket or KV cannot be reached; a single bad object does not stop it. */
export async function rebuildCatalog(store: ObjectStore, kv: Kv, options: RebuildOptions = {}): Promise<RebuildReport> {
  const { found, unreadable } = await readEntries(store, options)
  const bucket = await kv.bucket({ name: CATALOG_BUCKET, history: 1, ...(options.replicas === undefined ? {} : { replicas: options.replicas }) })
  const partitions: RebuiltPartition[] = []
  const dropped: string[] = []
  for (const [partition, segments] of [...found].sort(([a], [b]) => a - b)) {
    const chain = chooseChain(segments)
    dropped.push(...chain.dropped.map((segment) => segment.key))
    const outcome = await writeHead(bucket, partition, chain.kept, options.replace ?? false)
    partitions.push({
      partition,
      checkpoint: chain.kept.at(-1)?.last ?? 0,
      segmentCount: chain.kept.length,
      rowCount: chain.kept.reduce((sum, segment) => sum + segment.rowCount, 0),
      outcome,
    })
  }
  return { partitions, dropped, unreadable }
}

/** Epoch 0, so that any owner can claim; an existing head keeps its epoch, so that its owner is not surprised. */
async function writeHead(bucket: KvBucket, partition: number, segments: ReadonlyArray<SegmentEntry>, replace: boolean): Promise<'written' | 'existing'> {
  const heads = new CatalogHeads(bucket)
  for (;;) {
    const existing = await heads.read(partition).catch((error: unknown) => {
      if (!replace) throw error
      return null
    })
    if (existing !== null && !replace) return 'existing'
    const revision = existing?.revision ?? (await bucket.get(`p.${partition}`))?.revision ?? null
    const next = { epoch: existing?.head.epoch ?? 0, checkpoint: segments.at(-1)?.last ?? 0, pages: [], segments }
    if ((await heads.write(partition, next, revision)) !== null) return 'written'
  }
}

async function readEntries(store: ObjectStore, options: RebuildOptions): Promise<{ found: Map<number, SegmentEntry[]>; unreadable: Array<{ key: string; reason: string }> }> {
  const readEntry = options.readEntry ?? ((object: ObjectInfo) => entryOf(store, object))
  const found = new Map<number, SegmentEntry[]>()
  const unreadable: Array<{ key: string; reason: string }> = []
  let objectCount = 0
  const readOne = async (object: ObjectInfo): Promise<void> => {
    try {
      const entry = await readEntry(object)
      if (entry.key !== object.key) throw new Error(`its footer says that it is ${entry.key}`)
      found.set(entry.partition, [...(found.get(entry.partition) ?? []), entry])
    } catch (error) {
      if (isOutage(error)) throw error
      unreadable.push({ key: object.key, reason: error instanceof Error ? error.message : String(error) })
    }
    options.onProgress?.(++objectCount)
  }
  await forEachBounded(store.list(SEGMENTS_PREFIX), READS_IN_FLIGHT, readOne)
  return { found, unreadable }
}

async function entryOf(store: ObjectStore, { key, sizeBytes }: ObjectInfo): Promise<SegmentEntry> {
  return entryFromFooter(await readFooter(key, sizeBytes, null, (offset, lengthBytes) => store.getRange(key, offset, lengthBytes)))
}

const isOutage = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'storage_unavailable'

/** Lanes that share one iterator. */
async function forEachBounded<A>(items: AsyncIterable<A>, lanes: number, run: (item: A) => Promise<void>): Promise<void> {
  const source = items[Symbol.asyncIterator]()
  const lane = async (): Promise<void> => {
    for (let next = await source.next(); next.done !== true; next = await source.next()) await run(next.value)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
