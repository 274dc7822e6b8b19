/**
 * Remembers what a label text means, because the same few thousand texts come with every push: a lookup instead of a parse.
 *
 * Bounded by the bytes of its keys: two generations, the older dropped whole when the younger is full, so that a flood of new streams costs memory
 * once and never a scan. One tenant's state; pure otherwise.
 */
const BYTES_MAX_DEFAULT = 8 * 1024 * 1024
/** Map entry, key header and a small value, measured roughly. */
const ENTRY_OVERHEAD_BYTES = 200

export class TextCache<V> {
  readonly #make: (text: string) => V
  readonly #generationBytesMax: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  #youngBytes = 0

  /** `make` is called for a text that is not remembered; if it throws, nothing is remembered. */
  constructor(make: (text: string) => V, bytesMax = BYTES_MAX_DEFAULT) {
    this.#make = make
    this.#generationBytesMax = bytesMax / 2
  }

  get(text: string): V {
    return this.#young.get(text) ?? this.#revive(text)
  }

  get entryCount(): number {
    return this.#young.size + this.#old.size
  }

  #revive(text: string): V {
    const value = this.#old.get(text) ?? this.#make(text)
    this.#old.delete(text)
    const bytes = text.length * 2 + ENTRY_OVERHEAD_BYTES
    if (this.#youngBytes + bytes > this.#generationBytesMax) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(text, value)
    this.#youngBytes += bytes
    return value
  }
}
