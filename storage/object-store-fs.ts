/**
 * Objects as files below one directory. A put writes a temporary file, syncs it, renames it into place and syncs the directories: after a
 * crash the object is there whole or not at all. Keys are checked first, so no key leads out of the directory; temporary files live in
 * `.tmp`, which no key can name. Unlike S3 a key cannot also be another key's folder (`a` and `a/b`); nobody here names objects so.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { SkaldError } from '../runtime/errors.ts'
import type { Random } from '../runtime/random.ts'
import { listFiles } from './object-list-fs.ts'
import { checkKey, checkPrefix } from './object-key.ts'
import { resolveRange } from './object-range.ts'
import { answerCut, objectNotFound, storeUnavailable, throwIfCancelled } from './object-store-errors.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

/** Written between looks at the signal. */
const WRITE_BYTES = 4 * 1024 * 1024
/** A temporary file this old belongs to a process that died; younger ones may be another node's on a shared directory. */
const ABANDONED_MS = 3_600_000
/** Remembered folders; forgetting them costs a sync each. */
const DURABLE_FOLDERS_MAX = 10_000

export interface FsObjectStoreOptions {
  readonly directory: string
  readonly random: Random
  /** Unix ms, to tell abandoned temporary files. */
  readonly nowMs: number
}

/** Creates the directory and clears what crashed puts left. Rejects `storage_unavailable`. */
export async function openFsObjectStore(options: FsObjectStoreOptions): Promise<ObjectStore> {
  const root = path.resolve(options.directory)
  try {
    await mkdir(path.join(root, '.tmp'), { recursive: true })
    await clearAbandoned(path.join(root, '.tmp'), options.nowMs - ABANDONED_MS)
  } catch (error) {
    throw storeUnavailable(`open ${options.directory}`, error)
  }
  return new FsObjectStore(root, options.random)
}

/** Where the object lies; throws for a key that could lead elsewhere. */
export function fileOf(root: string, key: string): string {
  checkKey(key)
  return path.join(root, ...key.split('/'))
}

class FsObjectStore implements ObjectStore {
  readonly #root: string
  readonly #random: Random
  /** Folders whose own directory entry has been synced, so that an object in them survives a power cut. */
  readonly #durableFolders = new Set<string>()

  constructor(root: string, random: Random) {
    this.#root = root
    this.#random = random
  }

  async put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
    const target = this.#pathOf(key)
    const temporary = path.join(this.#root, '.tmp', this.#random.hex(12))
    try {
      await writeSynced(temporary, body, () => throwIfCancelled(`put ${key}`, signal))
      await this.#moveInto(temporary, target)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw asStoreError(`put ${key}`, key, error)
    }
  }

  async getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer> {
    const file = this.#pathOf(key)
    throwIfCancelled(`read ${key}`, signal)
    try {
      await using handle = await open(file, 'r')
      const range = resolveRange(key, offset, lengthBytes, (await handle.stat()).size)
      return await readExactly(handle, key, range.start, range.end - range.start)
    } catch (error) {
      throw asStoreError(`read ${key}`, key, error)
    }
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo> {
    const file = this.#pathOf(key)
    throwIfCancelled(`head ${key}`, signal)
    try {
      const found = await stat(file)
      if (!found.isFile()) throw objectNotFound(key)
      return { key, sizeBytes: found.size, modifiedMs: Math.floor(found.mtimeMs) }
    } catch (error) {
      throw asStoreError(`head ${key}`, key, error)
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix)
    try {
      for await (const info of listFiles(this.#root, prefix)) {
        throwIfCancelled(`list ${prefix}`, signal)
        yield info
      }
    } catch (error) {
      throw asStoreError(`list ${prefix}`, prefix, error)
    }
  }

  async delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void> {
    const files = keys.map((key) => this.#pathOf(key))
    for (const [i, file] of files.entries()) {
      throwIfCancelled('delete', signal)
      await unlink(file).catch((error: NodeJS.ErrnoException) => {
        if (!isMissing(error)) throw storeUnavailable(`delete ${keys[i]}`, error)
      })
    }
  }

  async close(): Promise<void> {}

  #pathOf(key: string): string {
    return fileOf(this.#root, key)
  }

  /** Renames and syncs the directory, and once a process each folder above it: a new folder is an entry in its parent. */
  async #moveInto(temporary: string, target: string): Promise<void> {
    const parent = path.dirname(target)
    await mkdir(parent, { recursive: true })
    await rename(temporary, target)
    await syncDirectory(parent)
    for (let folder = parent; folder !== this.#root && !this.#durableFolders.has(folder); folder = path.dirname(folder)) {
      await syncDirectory(path.dirname(folder))
      if (this.#durableFolders.size >= DURABLE_FOLDERS_MAX) this.#durableFolders.clear()
      this.#durableFolders.add(folder)
    }
  }
}

async function writeSynced(file: string, body: Uint8Array, check: () => void): Promise<void> {
  await using handle = await open(file, 'wx')
  for (let at = 0; at < body.length; ) {
    check()
    const { bytesWritten } = await handle.write(body, at, Math.min(WRITE_BYTES, body.length - at))
    at += bytesWritten
  }
  await handle.sync()
  check()
}

async function readExactly(handle: FileHandle, key: string, start: number, lengthBytes: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(lengthBytes)
  for (let at = 0; at < lengthBytes; ) {
    const { bytesRead } = await handle.read(into, at, lengthBytes - at, start + at)
    if (bytesRead === 0) throw answerCut(key, lengthBytes, at)
    at += bytesRead
  }
  return into
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}

async function clearAbandoned(directory: string, beforeMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name)
    const found = await stat(file).catch(() => undefined)
    if (found !== undefined && found.mtimeMs < beforeMs) await rm(file, { force: true })
  }
}

const isMissing = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOENT' || error.code === 'ENOTDIR'

/** No space, no permission, a bad disk: all of them may end, and none of them is the reader's fault. */
function asStoreError(doing: string, key: string, error: unknown): SkaldError {
  if (error instanceof SkaldError) return error
  const isRead = !doing.startsWith('put')
  if (isRead && isMissing(error as NodeJS.ErrnoException)) return objectNotFound(key, error)
  return storeUnavailable(doing, error)
}
