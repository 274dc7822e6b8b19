/**
 * Catalog heads and pages in a KV bucket: `p.<partition>` and `p.<partition>.page.<name>`. Reads whole partitions and writes them by
 * compare-and-set, pages first. Knows nothing of epochs' meaning: that is `catalog-kv.ts`; `catalog-rebuild.ts` writes through here too.
 */
import { SkaldError } from '../runtime/errors.ts'
import type { KvBucket } from '../runtime/kv.ts'
import { type CatalogHead, decodeHead, decodePage } from './catalog-codec.ts'
import { splitHead } from './catalog-pages.ts'
import type { PartitionCatalog, SegmentEntry } from './catalog.ts'

export const HEADS_PREFIX = 'p.'

export interface StoredHead {
  readonly head: CatalogHead
  readonly revision: number
}

export const headKey = (partition: number): string => `${HEADS_PREFIX}${partition}`
const pageKey = (partition: number, name: string): string => `${headKey(partition)}.page.${name}`

/** What a key of the bucket is about; null for keys of nobody's. */
export function parseKey(key: string): { readonly partition: number; readonly page: string | null } | null {
  const match = /^p\.(\d+)(?:\.page\.([0-9a-f]+))?$/.exec(key)
  return match === null ? null : { partition: Number(match[1]), page: match[2] ?? null }
}

export class CatalogHeads {
  readonly #bucket: KvBucket
  /** Pages by key. They never change, and every one is part of the local catalog anyway. */
  readonly #pages = new Map<string, ReadonlyArray<SegmentEntry>>()

  constructor(bucket: KvBucket) {
    this.#bucket = bucket
  }

  async read(partition: number): Promise<StoredHead | null> {
    const entry = await this.#bucket.get(headKey(partition))
    if (entry === null) return null
    const head = decodeHead(entry.key, partition, entry.value)
    await this.loadPages(partition, head)
    return { head, revision: entry.revision }
  }

  /** Revision `null`: the key must not exist yet. Null when somebody else was first. */
  async write(partition: number, next: CatalogHead, revision: number | null): Promise<StoredHead | null> {
    const { head, value, pages } = splitHead(next)
    for (const page of pages) {
      const key = pageKey(partition, page.name)
      await this.#bucket.create(key, page.value)
      this.#pages.set(key, page.segments)
    }
    const written = await (revision === null ? this.#bucket.create(headKey(partition), value) : this.#bucket.update(headKey(partition), value, revision))
    return written === null ? null : { head, revision: written }
  }

  /** Keeps a page that a watch brought. */
  notePage(key: string, partition: number, value: Buffer): void {
    if (!this.#pages.has(key)) this.#pages.set(key, decodePage(key, partition, value))
  }

  hasPages(partition: number, head: CatalogHead): boolean {
    return head.pages.every((name) => this.#pages.has(pageKey(partition, name)))
  }

  /** Fetches the pages that are not here yet. Rejects `storage_corrupt` when one is gone. */
  async loadPages(partition: number, head: CatalogHead): Promise<void> {
    for (const name of head.pages) {
      const key = pageKey(partition, name)
      if (this.#pages.has(key)) continue
      const entry = await this.#bucket.get(key)
      if (entry === null) throw new SkaldError('storage_corrupt', `catalog page ${key} is missing; rebuild the catalog from the bucket`)
      this.notePage(key, partition, entry.value)
    }
  }

  /** All segments, oldest first; the head's pages must have been loaded. */
  assemble(partition: number, head: CatalogHead): PartitionCatalog {
    const older = head.pages.map((name) => {
      const page = this.#pages.get(pageKey(partition, name))
      if (page === undefined) throw new Error(`catalog page ${name} of partition ${partition} is not loaded`)
      return page
    })
    const segments = older.length === 0 ? head.segments : older.flat().concat(head.segments)
    return { partition, epoch: head.epoch, checkpoint: head.checkpoint, segments }
  }
}

/** Of any partition; null: nothing is stored yet. Rejects `storage_corrupt`. */
export async function newestSegmentOf(bucket: KvBucket): Promise<SegmentEntry | null> {
  const heads = new CatalogHeads(bucket)
  for (const key of await bucket.keys(HEADS_PREFIX)) {
    const parsed = parseKey(key)
    const stored = parsed === null || parsed.page !== null ? null : await heads.read(parsed.partition)
    const newest = stored === null ? undefined : heads.assemble(parsed!.partition, stored.head).segments.at(-1)
    if (newest !== undefined) return newest
  }
  return null
}
