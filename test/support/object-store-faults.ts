/**
 * A store that misbehaves on order: refuses, stalls, answers 503, cuts or damages answers, forgets objects. Wraps any store; what it does is
 * decided call by call by the test (or by chance, under a seed).
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts'

export type Operation = 'put' | 'getRange' | 'head' | 'list' | 'delete'

export type Fault =
  /** The connection is refused: nothing happens. */
  | 'refuse'
  /** 503 before anything happens. */
  | 'unavailable'
  /** The call takes effect, and its answer is lost. */
  | 'lost-answer'
  /** Never answers, until it is cancelled. */
  | 'stall'
  /** Half of the bytes. */
  | 'truncate'
  | 'flip-bit'
  /** As if the object had never been put. */
  | 'forget'

export type Decide = (operation: Operation, key: string) => Fault | undefined

export class FaultyStore implements ObjectStore {
  readonly calls: Array<{ readonly operation: Operation; readonly key: string; readonly fault: Fault | undefined }> = []
  decide: Decide
  readonly #store: ObjectStore

  constructor(store: ObjectStore, decide: Decide = () => undefined) {
    this.#store = store
    this.decide = decide
  }

  put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#call('put', key, signal, () => this.#store.put(key, body, signal))
  }

  async getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer> {
    let fault: Fault | undefined
    const bytes = await this.#call('getRange', key, signal, () => this.#store.getRange(key, offset, lengthBytes, signal), (f) => (fault = f))
    if (fault === 'truncate') return bytes.subarray(0, bytes.length >> 1)
    if (fault === 'flip-bit' && bytes.length > 0) bytes[bytes.length >> 1]! ^= 0x10
    return bytes
  }

  head(key: string, signal?: AbortSignal): Promise<ObjectInfo> {
    return this.#call('head', key, signal, () => this.#store.head(key, signal))
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    for await (const info of this.#store.list(prefix, signal)) {
      await this.#call('list', info.key, signal, async () => undefined)
      yield info
    }
  }

  delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void> {
    return this.#call('delete', keys[0] ?? '', signal, () => this.#store.delete(keys, signal))
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #call<A>(operation: Operation, key: string, signal: AbortSignal | undefined, run: () => Promise<A>, tell?: (fault: Fault | undefined) => void): Promise<A> {
    const fault = this.decide(operation, key)
    this.calls.push({ operation, key, fault })
    tell?.(fault)
    if (fault === 'refuse') throw new SkaldError('storage_unavailable', `${operation} ${key}: connection refused`)
    if (fault === 'unavailable') throw new SkaldError('storage_unavailable', `${operation} ${key}: 503 Slow Down`)
    if (fault === 'forget') throw new SkaldError('not_found', `object ${key} does not exist`)
    if (fault === 'stall') await aborted(signal)
    const answer = await run()
    if (fault === 'lost-answer') throw new SkaldError('storage_unavailable', `${operation} ${key}: connection reset`)
    return answer
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new SkaldError('query_cancelled', 'cancelled')), { once: true })
  })
}
