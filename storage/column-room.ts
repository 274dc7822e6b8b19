/**
 * Memory that columns are decompressed into, one after the other: new memory for each would cost more than what is done with it. Readers of blocks have one a thread for lines and
 * one for the rest; what is in it holds until the next column comes.
 */

/** Larger columns (very long lines) get memory of their own, so that a thread does not keep it. */
const ROOM_BYTES_MAX = 4 << 20
const GROWTH_BYTES = 256 << 10

export class ColumnRoom {
  #memory = Buffer.alloc(0)
  #leave: (() => void) | null = null

  /** At least this many bytes, with anything in them; null: that is too many. */
  take(bytes: number): Buffer | null {
    if (bytes > ROOM_BYTES_MAX) return null
    if (this.#memory.length < bytes) this.#memory = Buffer.allocUnsafeSlow(Math.ceil(bytes / GROWTH_BYTES) * GROWTH_BYTES)
    return this.#memory
  }

  /** Whoever had it until now is told to leave: what they see of it is theirs no longer. */
  handTo(leave: () => void): void {
    this.#leave?.()
    this.#leave = leave
  }

  /** Whether these bytes lie in it, so that they are gone when the next column comes. */
  holds({ buffer }: Uint8Array): boolean {
    return buffer === this.#memory.buffer
  }
}
