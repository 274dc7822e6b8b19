/**
 * Who still uses the memory of a decoded push. It is several times what came over the wire, one batch may be on its way to several partitions, and
 * waiting for the garbage collector would keep it long after the last of them has copied its rows. The tenant makes it, partitions leave it.
 */
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { PushBatch } from './batch.ts'

export class BatchMemory {
  readonly #batch: PushBatch
  #users = 0

  constructor(batch: PushBatch) {
    this.#batch = batch
  }

  use(): void {
    this.#users++
  }

  /** The last to leave gives the memory back. One that forgets to leave costs nothing but the wait for the garbage collector. */
  leave(): void {
    if (--this.#users > 0) return
    const { body, relativeNs, starts, lengths, metadataStarts, metadataEnds } = this.#batch
    for (const part of [body, relativeNs, starts, lengths, metadataStarts, metadataEnds]) if (part !== null) freeBuffer(part)
  }
}
