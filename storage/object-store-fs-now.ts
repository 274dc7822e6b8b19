/**
 * Small reads of files without leaving the thread: the system has the bytes in its cache as a rule, and four trips through Node's thread pool take ten times as long as
 * the read. For scan threads only, whose work is to read and compute; the event loop of a node never blocks on a disk.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { fileOf } from './object-store-fs.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

/** A cold disk reads this in a few milliseconds; more goes the long way. */
export const READ_NOW_BYTES_MAX = 1 << 20

/** `open` gives a store of the files below `directory`, for all else and for what fails here: it tries again and says why. Asked when it is first needed, because most threads never do. */
export function withReadsNow(open: () => Promise<ObjectStore>, directory: string): ObjectStore {
  const root = path.resolve(directory)
  const files = new OpenFile()
  let opened: Promise<ObjectStore> | null = null
  const store = (): Promise<ObjectStore> => (opened ??= open())
  return {
    async getRange(key, offset, lengthBytes, signal): Promise<Buffer> {
      const mayBlock = offset >= 0 && lengthBytes <= READ_NOW_BYTES_MAX && signal?.aborted !== true
      return (mayBlock ? files.read(fileOf(root, key), offset, lengthBytes) : null) ?? (await store()).getRange(key, offset, lengthBytes, signal)
    },
    put: async (key, body, signal): Promise<void> => (await store()).put(key, body, signal),
    head: async (key, signal): Promise<ObjectInfo> => (await store()).head(key, signal),
    list: async function* (prefix, signal) {
      yield* (await store()).list(prefix, signal)
    },
    delete: async (keys, signal): Promise<void> => (await store()).delete(keys, signal),
    close: async () => (await opened)?.close(),
  }
}

/** The file that is being read: open for as long as its reader asks for one part after the other without waiting, as for pages of filters. */
class OpenFile {
  #file = ''
  #handle = -1

  /** null: not all of it could be read. */
  read(file: string, offset: number, lengthBytes: number): Buffer | null {
    try {
      if (this.#file !== file) this.#open(file)
      const bytes = Buffer.allocUnsafe(lengthBytes)
      return readSync(this.#handle, bytes, 0, lengthBytes, offset) === lengthBytes ? bytes : null
    } catch {
      return null
    }
  }

  #open(file: string): void {
    this.#close()
    this.#handle = openSync(file, 'r')
    this.#file = file
    queueMicrotask(() => this.#close())
  }

  #close(): void {
    if (this.#handle !== -1) closeSync(this.#handle)
    this.#handle = -1
    this.#file = ''
  }
}
