/**
 * Ranges of remote objects kept on the local disk, bounded in bytes: a warm copy that survives restarts, in front of an S3 store. Each range
 * is a file whose name begins with the hash of its object's key and whose content carries its own checksum; anything that does not check out is a miss.
 * Losing it, or its disk filling up, costs time only. Nothing is synced, and nothing relies on it.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

export interface DiskCacheOptions {
  readonly directory: string
  readonly bytesMax: number
  readonly clock: Pick<Clock, 'nowMs'>
  readonly random: Random
}

const CHECKSUM_BYTES = 4
/** Larger ranges pass through: they are scans, and the bucket streams them well. */
const RANGE_BYTES_MAX = 8 * 1024 * 1024
const SUFFIX = '.range'

export interface DiskCachedStore extends ObjectStore {
  /** What was read of the object turned out to be damaged: the next read asks the store again. */
  forget(key: string): Promise<void>
}

/** Scans the directory once; what is there from an earlier run counts. Rejects only when the directory cannot be made. */
export async function openDiskCache(store: ObjectStore, options: DiskCacheOptions): Promise<DiskCachedStore> {
  await mkdir(options.directory, { recursive: true })
  const files = new RangeFiles(options)
  await files.load()
  return {
    getRange: (key, offset, lengthBytes, signal): Promise<Buffer> => files.through(key, offset, lengthBytes, () => store.getRange(key, offset, lengthBytes, signal)),
    put: (key, body, signal): Promise<void> => store.put(key, body, signal),
    head: (key, signal): Promise<ObjectInfo> => store.head(key, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    delete: (keys, signal): Promise<void> => store.delete(keys, signal),
    close: () => store.close(),
    forget: (key) => files.forget(key),
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

class RangeFiles {
  readonly #options: DiskCacheOptions
  /** Least recently used first: name -> bytes. */
  readonly #files = new Map<string, number>()
  #bytes = 0

  constructor(options: DiskCacheOptions) {
    this.#options = options
  }

  async load(): Promise<void> {
    const names = await readdir(this.#options.directory)
    const found = await Promise.all(names.map(async (name) => ({ name, info: await stat(this.#path(name)).catch(() => undefined) })))
    for (const { name, info } of found.toSorted((a, b) => (a.info?.mtimeMs ?? 0) - (b.info?.mtimeMs ?? 0))) {
      if (info === undefined) continue
      if (name.endsWith(SUFFIX)) this.#note(name, info.size)
      else await rm(this.#path(name), { force: true })
    }
    await this.#evict()
  }

  async through(key: string, offset: number, lengthBytes: number, fetch: () => Promise<Buffer>): Promise<Buffer> {
    if (lengthBytes > RANGE_BYTES_MAX) return fetch()
    const name = `${digest(key)}-${offset}-${lengthBytes}${SUFFIX}`
    const kept = this.#files.has(name) ? await this.#read(name) : undefined
    if (kept !== undefined) return kept
    const bytes = await fetch()
    await this.#write(name, bytes).catch(() => undefined)
    return bytes
  }

  async forget(key: string): Promise<void> {
    const own = `${digest(key)}-`
    for (const name of Array.from(this.#files.keys())) if (name.startsWith(own)) await this.#remove(name)
  }

  async #read(name: string): Promise<Buffer | undefined> {
    const file = await readFile(this.#path(name)).catch(() => undefined)
    if (file !== undefined && file.length >= CHECKSUM_BYTES) {
      const body = file.subarray(CHECKSUM_BYTES)
      if (crc32(body) === file.readUInt32LE(0)) {
        this.#touch(name, file.length)
        return body
      }
    }
    await this.#remove(name)
    return undefined
  }

  async #write(name: string, body: Buffer): Promise<void> {
    const checksum = Buffer.alloc(CHECKSUM_BYTES)
    checksum.writeUInt32LE(crc32(body))
    const temporary = this.#path(`${this.#options.random.hex(8)}.tmp`)
    try {
      await writeFile(temporary, Buffer.concat([checksum, body]), { flag: 'wx' })
      await rename(temporary, this.#path(name))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    this.#note(name, body.length + CHECKSUM_BYTES)
    await this.#evict()
  }

  /** The file's time is its place in the order after a restart. */
  #touch(name: string, bytes: number): void {
    this.#note(name, bytes)
    const now = this.#options.clock.nowMs() / 1000
    utimes(this.#path(name), now, now).catch(() => undefined)
  }

  #note(name: string, bytes: number): void {
    this.#bytes += bytes - (this.#files.get(name) ?? 0)
    this.#files.delete(name)
    this.#files.set(name, bytes)
  }

  async #evict(): Promise<void> {
    while (this.#bytes > this.#options.bytesMax) {
      await this.#remove(this.#files.keys().next().value as string)
    }
  }

  async #remove(name: string): Promise<void> {
    this.#bytes -= this.#files.get(name) ?? 0
    this.#files.delete(name)
    await rm(this.#path(name), { force: true }).catch(() => undefined)
  }

  #path(name: string): string {
    return path.join(this.#options.directory, name)
  }
}
