/**
 * A cache bounded in bytes, for immutable things: footers, ranges of objects, decoded blocks, partial results. Segmented LRU: what comes in
 * is on probation and leaves first; only what is asked for again is protected, so one large scan cannot push out what every query uses.
 * Admission: nothing larger than an eighth of the cache. Concurrent loads of one key are one load. Holds no clock.
 */

export interface CacheOptions {
  readonly bytesMax: number
  /** Asked before bytes are taken, told when they are given back (the node's memory budget). Refused: the value is not kept. */
  readonly budget?: { tryTake(bytes: number): boolean; give(bytes: number): void }
}

interface Item<V> {
  readonly value: V
  readonly bytes: number
}

const ADMIT_SHARE = 1 / 8
/** Of the bytes, for what was asked for more than once. */
const PROTECTED_SHARE = 0.8
/** Key, map entries and object headers of an item, roughly. */
const ITEM_OVERHEAD_BYTES = 200

export class ByteCache<V> {
  readonly #options: CacheOptions
  readonly #protectedBytesMax: number
  /** Maps keep the order of insertion: the first key is the one unused for longest. */
  readonly #probation = new Map<string, Item<V>>()
  readonly #protected = new Map<string, Item<V>>()
  readonly #loading = new Map<string, Promise<V>>()
  #probationBytes = 0
  #protectedBytes = 0

  constructor(options: CacheOptions) {
    this.#options = options
    this.#protectedBytesMax = options.bytesMax * PROTECTED_SHARE
  }

  get sizeBytes(): number {
    return this.#probationBytes + this.#protectedBytes
  }

  get count(): number {
    return this.#probation.size + this.#protected.size
  }

  get(key: string): V | undefined {
    const item = this.#protected.get(key) ?? this.#probation.get(key)
    if (item === undefined) return undefined
    this.#promote(key, item)
    return item.value
  }

  /** The kept value, or the one that `load` gives; `sizeOf` is its size in bytes. A failed load is not kept. */
  async getOrLoad(key: string, load: () => Promise<V>, sizeOf: (value: V) => number): Promise<V> {
    const kept = this.get(key)
    if (kept !== undefined) return kept
    const running = this.#loading.get(key)
    if (running !== undefined) return running
    const loading = load()
    this.#loading.set(key, loading)
    try {
      const value = await loading
      this.set(key, value, sizeOf(value))
      return value
    } finally {
      this.#loading.delete(key)
    }
  }

  /** Whether it was kept. */
  set(key: string, value: V, valueBytes: number): boolean {
    this.delete(key)
    const bytes = valueBytes + ITEM_OVERHEAD_BYTES
    if (bytes > this.#options.bytesMax * ADMIT_SHARE) return false
    this.#evictTo(this.#options.bytesMax - bytes)
    if (this.#options.budget?.tryTake(bytes) === false) return false
    this.#probation.set(key, { value, bytes })
    this.#probationBytes += bytes
    return true
  }

  delete(key: string): void {
    for (const part of [this.#probation, this.#protected]) {
      const item = part.get(key)
      if (item !== undefined) this.#drop(part, key, item)
    }
  }

  /** Every key that the test names; for rare events, since it looks at all. */
  deleteAll(test: (key: string) => boolean): void {
    for (const key of [...this.#probation.keys(), ...this.#protected.keys()]) if (test(key)) this.delete(key)
  }

  /** Gives up bytes when the node needs them elsewhere. */
  shrinkTo(bytes: number): void {
    this.#evictTo(Math.max(0, bytes))
  }

  #promote(key: string, item: Item<V>): void {
    if (this.#protected.delete(key)) {
      this.#protected.set(key, item)
      return
    }
    this.#probation.delete(key)
    this.#probationBytes -= item.bytes
    this.#protected.set(key, item)
    this.#protectedBytes += item.bytes
    while (this.#protectedBytes > this.#protectedBytesMax && this.#protected.size > 1) this.#demoteOldest()
  }

  #demoteOldest(): void {
    const [key, item] = this.#protected.entries().next().value as [string, Item<V>]
    this.#protected.delete(key)
    this.#protectedBytes -= item.bytes
    this.#probation.set(key, item)
    this.#probationBytes += item.bytes
  }

  #evictTo(bytes: number): void {
    while (this.sizeBytes > bytes) {
      const part = this.#probation.size > 0 ? this.#probation : this.#protected
      const [key, item] = part.entries().next().value as [string, Item<V>]
      this.#drop(part, key, item)
    }
  }

  #drop(part: Map<string, Item<V>>, key: string, item: Item<V>): void {
    part.delete(key)
    if (part === this.#probation) this.#probationBytes -= item.bytes
    else this.#protectedBytes -= item.bytes
    this.#options.budget?.give(item.bytes)
  }
}
