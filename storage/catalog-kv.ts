/**
 * The catalog over a KV bucket. Every decision is a compare-and-set on the partition's head, retried from a fresh read when it is lost; the
 * holder of a newer epoch makes all older ones fail with `FencedError` (F3). A watch keeps the local copy; it only ever moves forward.
 *
 * A head that has vanished (a wiped bucket) is put back by the owner at its next commit, from its local copy. Where nobody has a copy,
 * `catalog-rebuild.ts` makes it from the objects (F4).
 */
import type { Clock } from '../runtime/clock.ts'
import { SkaldError } from '../runtime/errors.ts'
import type { Kv, KvBucket, KvEvent, KvWatch } from '../runtime/kv.ts'
import type { Random } from '../runtime/random.ts'
import type { Sequence } from '../protocols/model.ts'
import { type CatalogHead, decodeHead } from './catalog-codec.ts'
import { assertNotFenced, claimedHead, committedHead } from './catalog-decision.ts'
import { CatalogHeads, HEADS_PREFIX, parseKey, type StoredHead } from './catalog-heads.ts'
import type { Catalog, PartitionCatalog, SegmentEntry } from './catalog.ts'

export const CATALOG_BUCKET = 'skald_catalog'

/** Lost compare-and-sets before a call gives up for its caller to repeat. */
const TRIES_MAX = 50
const RETRY_MS_MAX = 50
/** How long the watch may take to show what is waited for. */
const FETCH_AFTER_MS = 250

export interface KvCatalogOptions {
  readonly clock: Clock
  readonly random: Random
  readonly replicas?: number
  /** Told of values that cannot be read; the local copy keeps the last good one. */
  readonly onCorrupt?: (error: unknown) => void
}

/** Resolves when the local copy is complete. Rejects `storage_unavailable`. */
export async function openKvCatalog(kv: Kv, options: KvCatalogOptions): Promise<Catalog> {
  const bucket = await kv.bucket({ name: CATALOG_BUCKET, history: 1, ...(options.replicas === undefined ? {} : { replicas: options.replicas }) })
  const catalog = new KvCatalog(bucket, options)
  await catalog.ready
  return catalog
}

interface Waiter {
  readonly partition: number
  readonly checkpoint: Sequence
  readonly wake: (catalog: PartitionCatalog) => void
}

class KvCatalog implements Catalog {
  readonly ready: Promise<void>
  readonly #heads: CatalogHeads
  readonly #options: KvCatalogOptions
  readonly #watch: KvWatch
  readonly #local = new Map<number, PartitionCatalog>()
  /** What the last write of this node left: spares the read before the next one. */
  readonly #written = new Map<number, StoredHead>()
  readonly #waiters = new Set<Waiter>()

  constructor(bucket: KvBucket, options: KvCatalogOptions) {
    this.#heads = new CatalogHeads(bucket)
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#watch = bucket.watch(HEADS_PREFIX, (event) => this.#onEvent(event), resolve)
  }

  current(partition: number): PartitionCatalog {
    return this.#local.get(partition) ?? { partition, epoch: 0, checkpoint: 0, segments: [] }
  }

  partitions(): ReadonlyArray<number> {
    return [...this.#local.keys()].sort((a, b) => a - b)
  }

  waitFor(partition: number, checkpoint: Sequence, timeoutMs: number): Promise<PartitionCatalog> {
    const now = this.current(partition)
    if (now.checkpoint >= checkpoint) return Promise.resolve(now)
    return new Promise((resolve, reject) => {
      const { clock } = this.#options
      // A watch may have lost its server: what it would bring is fetched instead.
      const fetch = clock.after(Math.min(FETCH_AFTER_MS, timeoutMs), () => void this.#fetch(partition))
      const timer = clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter)
        const { checkpoint: reached } = this.current(partition)
        reject(new SkaldError('storage_unavailable', `catalog of partition ${partition} is at ${reached}, not yet at ${checkpoint}, after ${timeoutMs} ms`))
      })
      const waiter: Waiter = {
        partition,
        checkpoint,
        wake: (catalog) => {
          timer.cancel()
          fetch.cancel()
          resolve(catalog)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  claim(partition: number, epoch: number): Promise<PartitionCatalog> {
    // Written even when the epoch is there already: only a compare-and-set proves that what was read is the newest.
    return this.#change(partition, epoch, (head) => claimedHead(head, epoch), 'always')
  }

  commit(partition: number, epoch: number, checkpoint: Sequence, segment: SegmentEntry | null): Promise<PartitionCatalog> {
    if (segment !== null && (segment.last !== checkpoint || segment.partition !== partition)) {
      throw new Error(`segment ${segment.key} does not end at checkpoint ${checkpoint} of partition ${partition}`)
    }
    return this.#change(partition, epoch, (head) => committedHead(partition, head, epoch, checkpoint, segment), 'when-changed')
  }

  async close(): Promise<void> {
    this.#watch.stop()
  }

  /** Applies `decide` to the newest head until the write is the one that counts. `decide` returns its argument when nothing has to change. */
  async #change(partition: number, epoch: number, decide: (head: CatalogHead) => CatalogHead, write: 'always' | 'when-changed'): Promise<PartitionCatalog> {
    let known = this.#written.get(partition)
    this.#written.delete(partition)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const stored = known ?? (await this.#heads.read(partition))
      const head = this.#furthest(partition, stored?.head)
      this.#fence(partition, head, Math.max(head.epoch, stored?.head.epoch ?? 0), epoch)
      const next = decide(head)
      if (next === stored?.head && write === 'when-changed') return this.#adopt(partition, head)
      const written = await this.#heads.write(partition, next, stored?.revision ?? null)
      if (written !== null) {
        this.#written.set(partition, written)
        return this.#adopt(partition, written.head)
      }
      known = undefined
      await this.#options.clock.sleep(this.#options.random.next() * Math.min(RETRY_MS_MAX, 2 ** tries))
    }
    throw new SkaldError('storage_unavailable', `catalog of partition ${partition}: ${TRIES_MAX} writes in a row were overtaken by others`)
  }

  /** Whoever is fenced knows at least by whom. */
  #fence(partition: number, head: CatalogHead, newestEpoch: number, epoch: number): void {
    if (newestEpoch > epoch) this.#adopt(partition, head)
    assertNotFenced(partition, { epoch: newestEpoch }, epoch)
  }

  /** Failures are left to whoever waits. */
  async #fetch(partition: number): Promise<void> {
    const stored = await this.#heads.read(partition).catch(() => null)
    if (stored !== null) this.#adopt(partition, stored.head)
  }

  /** A bucket that lost its newest writes (wiped, restored from a backup) is put right from what this node knows. */
  #furthest(partition: number, stored: CatalogHead | undefined): CatalogHead {
    const { epoch, checkpoint, segments } = this.current(partition)
    return stored !== undefined && stored.checkpoint >= checkpoint ? stored : { epoch, checkpoint, pages: [], segments }
  }

  #onEvent(event: KvEvent): void {
    if (event.kind === 'delete') return
    const { key, value } = event.entry
    const parsed = parseKey(key)
    if (parsed === null) return
    try {
      if (parsed.page !== null) return this.#heads.notePage(key, parsed.partition, value)
      const head = decodeHead(key, parsed.partition, value)
      if (this.#heads.hasPages(parsed.partition, head)) this.#adopt(parsed.partition, head)
      else void this.#adoptLater(parsed.partition, head)
    } catch (error) {
      this.#options.onCorrupt?.(error)
    }
  }

  async #adoptLater(partition: number, head: CatalogHead): Promise<void> {
    try {
      await this.#heads.loadPages(partition, head)
      this.#adopt(partition, head)
    } catch (error) {
      this.#options.onCorrupt?.(error)
    }
  }

  /** Watches may lag behind this node's own writes: an older head does not replace a newer one. */
  #adopt(partition: number, head: CatalogHead): PartitionCatalog {
    const local = this.current(partition)
    if (head.checkpoint < local.checkpoint || (head.checkpoint === local.checkpoint && head.epoch < local.epoch)) return local
    const catalog = this.#heads.assemble(partition, head)
    this.#local.set(partition, catalog)
    for (const waiter of this.#waiters) {
      if (waiter.partition !== partition || waiter.checkpoint > catalog.checkpoint) continue
      this.#waiters.delete(waiter)
      waiter.wake(catalog)
    }
    return catalog
  }
}
