/**
 * Opens segments for a scan thread, through its caches. What turns out to be damaged is forgotten, and asked for once more as long as nothing was made of it;
 * so a bit that flipped on the way costs a read, not an answer.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { DiskCachedStore } from '../../storage/cache-disk.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { SegmentCache } from '../../storage/segment-cache.ts'
import { readFooter, type ReaderOptions, SegmentReader } from '../../storage/segment-read.ts'
import type { ReadStatistics } from './segment-work.ts'

/** A segment as far as it has to be known to be read. */
type Stored = Pick<SegmentEntry, 'key' | 'sizeBytes' | 'footerBytes'>
/** Nobody has said how long its footer is. */
type ObjectAlone = Pick<SegmentEntry, 'key' | 'sizeBytes'> & { readonly footerBytes: null }

export class SegmentReads {
  private readonly store: ObjectStore | DiskCachedStore
  private readonly cache: SegmentCache
  private readonly options: ReaderOptions

  constructor(store: ObjectStore | DiskCachedStore, cache: SegmentCache, options: ReaderOptions = {}) {
    this.store = store
    this.cache = cache
    this.options = options
  }

  /** Runs `use` with a reader of the segment; once more if what was read is damaged. `use` must have no effect until all it reads has been read. */
  async with<A>(segment: Stored, statistics: ReadStatistics, use: (reader: SegmentReader) => Promise<A> | A): Promise<A> {
    try {
      return await use(await this.open(segment, statistics))
    } catch (error) {
      if (!isDamage(error)) throw error
      await this.forget(segment.key)
      return use(await this.open(await this.asItIs(segment), statistics))
    }
  }

  /** A stale owner may have put it once more, in another compression: it holds the same lines (F3), and its footer lies elsewhere. */
  private async asItIs(segment: Stored): Promise<Stored | ObjectAlone> {
    const { key, sizeBytes } = await this.store.head(segment.key)
    return sizeBytes === segment.sizeBytes ? segment : { key, sizeBytes, footerBytes: null }
  }

  async forget(key: string): Promise<void> {
    this.cache.forget(key)
    if ('forget' in this.store) await this.store.forget(key)
  }

  private async open({ key, sizeBytes, footerBytes }: Stored | ObjectAlone, statistics: ReadStatistics): Promise<SegmentReader> {
    const fetch = (offset: number, lengthBytes: number): Promise<Buffer> => {
      statistics.bytesFetched += lengthBytes
      return this.store.getRange(key, offset, lengthBytes)
    }
    const read = (offset: number, lengthBytes: number): Promise<Buffer> => this.cache.range(key, offset, lengthBytes, () => fetch(offset, lengthBytes))
    return new SegmentReader(key, await this.cache.footer(key, () => readFooter(key, sizeBytes, footerBytes, fetch)), read, this.options)
  }
}

export const isDamage = (error: unknown): boolean => error instanceof SkaldError && error.code === 'storage_corrupt'
