/**
 * Objects in memory, for tests and simulations: same rules as the real stores, nothing survives the process. Copies on the way in and out,
 * so a caller that reuses a buffer cannot change what is stored.
 */
import type { Clock } from '../runtime/clock.ts'
import { checkKey, checkPrefix } from './object-key.ts'
import { resolveRange } from './object-range.ts'
import { objectNotFound, throwIfCancelled } from './object-store-errors.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

interface StoredObject {
  readonly body: Buffer
  readonly modifiedMs: number
}

export class MemoryObjectStore implements ObjectStore {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #objects = new Map<string, StoredObject>()

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  async put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkKey(key)
    throwIfCancelled(`put ${key}`, signal)
    this.#objects.set(key, { body: Buffer.from(body), modifiedMs: this.#clock.nowMs() })
  }

  async getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer> {
    throwIfCancelled(`read ${key}`, signal)
    const { body } = this.#find(key)
    const range = resolveRange(key, offset, lengthBytes, body.length)
    return Buffer.from(body.subarray(range.start, range.end))
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo> {
    throwIfCancelled(`head ${key}`, signal)
    const { body, modifiedMs } = this.#find(key)
    return { key, sizeBytes: body.length, modifiedMs }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix)
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    for (const key of keys) {
      throwIfCancelled(`list ${prefix}`, signal)
      const object = this.#objects.get(key)
      if (object !== undefined) yield { key, sizeBytes: object.body.length, modifiedMs: object.modifiedMs }
    }
  }

  async delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void> {
    keys.forEach(checkKey)
    throwIfCancelled('delete', signal)
    for (const key of keys) this.#objects.delete(key)
  }

  async close(): Promise<void> {
    this.#objects.clear()
  }

  #find(key: string): StoredObject {
    checkKey(key)
    const object = this.#objects.get(key)
    if (object === undefined) throw objectNotFound(key)
    return object
  }
}
