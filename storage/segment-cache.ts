/**
 * What a scan thread keeps of segments, which never change: decoded footers, and (of stores behind a network) the ranges that queries fetched. Bounded by a
 * ledger, whose limit the node lowers when memory is short. Never holds decoded lines.
 */
import { ByteCache } from './cache.ts'
import type { SegmentFooter } from './segment-footer.ts'
import type { SharedLedger } from './shared-ledger.ts'

export interface SegmentCacheOptions {
  /** Bounds it: the limit there may change at any time. */
  readonly ledger: SharedLedger
  /** Whether ranges are worth keeping: local files are in the system's own cache already. */
  readonly keepsRanges: boolean
}

/** A decoded footer takes about this many times its stored bytes. */
const FOOTER_GROWTH = 4

export class SegmentCache {
  readonly #options: SegmentCacheOptions
  readonly #items: ByteCache<SegmentFooter | Buffer>

  constructor(options: SegmentCacheOptions) {
    this.#options = options
    this.#items = new ByteCache({ bytesMax: options.ledger.limitBytes, budget: options.ledger })
  }

  get sizeBytes(): number {
    return this.#items.sizeBytes
  }

  async footer(key: string, load: () => Promise<SegmentFooter>): Promise<SegmentFooter> {
    this.#yield()
    return (await this.#items.getOrLoad(footerName(key), load, (footer) => (footer as SegmentFooter).footerBytes * FOOTER_GROWTH)) as SegmentFooter
  }

  range(key: string, offset: number, lengthBytes: number, load: () => Promise<Buffer>): Promise<Buffer> {
    if (!this.#options.keepsRanges) return load()
    this.#yield()
    return this.#items.getOrLoad(`${rangePrefix(key)}${offset}+${lengthBytes}`, load, (bytes) => (bytes as Buffer).length) as Promise<Buffer>
  }

  /** What was read of the object turned out to be damaged: the next read asks the store again. */
  forget(key: string): void {
    this.#items.delete(footerName(key))
    this.#items.deleteAll((name) => name.startsWith(rangePrefix(key)))
  }

  #yield(): void {
    if (this.#options.ledger.isOver) this.#items.shrinkTo(this.#options.ledger.limitBytes)
  }
}

const footerName = (key: string): string => `footer ${key}`
const rangePrefix = (key: string): string => `range ${key} `
