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

/** `store` serves the files below `directory`; it also gets what fails here, tries again and says why. */
export function withReadsNow(store: ObjectStore, directory: string): ObjectStore {
  const root = path.resolve(directory)
  const files = new OpenFile()
  return {
    async getRange(key, offset, lengthBytes, signal): Promise<Buffer> {
      const mayBlock = offset >= 0 && lengthBytes <= READ_NOW_BYTES_MAX && signal?.aborted !== true
      return (mayBlock ? files.read(fileOf(root, key), offset, lengthBytes) : null) ?? store.getRange(key, offset, lengthBytes, signal)
    },
    put: (key, body, signal): Promise<void> => store.put(key, body, signal),
    head: (key, signal): Promise<ObjectInfo> => store.head(key, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    delete: (keys, signal): Promise<void> => store.delete(keys, signal),
    close: () => store.close(),
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
