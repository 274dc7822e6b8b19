/**
 * A count of bytes that two threads share: what the caches of a scan thread hold, and how much they may. The node's thread makes it, reads it for its
 * memory budget, and lowers the limit when memory is short; the scan thread takes and gives back. Only numbers cross over.
 */

const LIMIT = 0
const USED = 1
/** Counted in KiB: 32 bits then reach 2 TiB. */
const UNIT_BYTES = 1024

export class SharedLedger {
  /** What crosses to a thread; the same memory on both sides. */
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  get limitBytes(): number {
    return Atomics.load(this.#words, LIMIT) * UNIT_BYTES
  }

  set limitBytes(bytes: number) {
    Atomics.store(this.#words, LIMIT, Math.floor(bytes / UNIT_BYTES))
  }

  get usedBytes(): number {
    return Atomics.load(this.#words, USED) * UNIT_BYTES
  }

  get isOver(): boolean {
    return Atomics.load(this.#words, USED) > Atomics.load(this.#words, LIMIT)
  }

  /** False when the limit would be passed; then nothing is taken. */
  tryTake(bytes: number): boolean {
    const units = unitsOf(bytes)
    if (Atomics.add(this.#words, USED, units) + units <= Atomics.load(this.#words, LIMIT)) return true
    Atomics.sub(this.#words, USED, units)
    return false
  }

  give(bytes: number): void {
    Atomics.sub(this.#words, USED, unitsOf(bytes))
  }
}

const unitsOf = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES)
