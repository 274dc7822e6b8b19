/**
 * Looks at the bucket's mark again and again: answers nodes of other clusters that ask whether somebody lives, puts back what was deleted, and tells when the bucket has become another
 * cluster's. Every node does; a look is one small read of the bucket and one of the catalog's bucket.
 */
import type { Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/log.ts'
import { keepKnown, type MarkParts, putMark, readMark } from './bucket-mark.ts'

/** Give or take a half. */
const LOOK_MS = 10_000

export class BucketMarkWatch {
  readonly #parts: MarkParts & { readonly log: Logger }
  readonly #cluster: string
  readonly #onTaken: (by: string) => void
  #timer: Timer | undefined
  #isClosed = false

  /** `onTaken`: this node must store nothing any more. */
  constructor(parts: MarkParts & { readonly log: Logger }, cluster: string, onTaken: (by: string) => void) {
    this.#parts = parts
    this.#cluster = cluster
    this.#onTaken = onTaken
    this.#lookLater()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #lookLater(): void {
    if (this.#isClosed) return
    const { clock, random } = this.#parts
    this.#timer = clock.after(LOOK_MS * (0.5 + random.next()), () => void this.#look().then(() => this.#lookLater(), () => this.#lookLater()))
  }

  /** Rejects while the bucket is away: the next look comes anyway. While NATS is away, no node of this cluster can be asking. */
  async #look(): Promise<void> {
    const { store, kv, log } = this.#parts
    await keepKnown(kv, this.#cluster).catch(() => undefined)
    const mark = await readMark(store)
    if (this.#isClosed) return
    if (mark !== null && mark.cluster !== this.#cluster) return this.#onTaken(mark.cluster)
    if (mark?.asked !== undefined) log.warn('a node of another cluster has asked for object_store.url, and was told that it is in use')
    if (mark?.asked !== undefined || mark === null) await putMark(store, { cluster: this.#cluster })
  }
}
