/**
 * Byte strings to small integers: equal bytes get equal codes, 0, 1, 2 … in order of first sight. The operators use it to turn label names and
 * label values into array indexes without making a JavaScript string per line. Never forgets; whoever feeds it hostile input watches `size`.
 */

const START_SLOTS = 256
const FNV_PRIME = 0x01000193

export class ByteInterner {
  #slots = new Int32Array(START_SLOTS).fill(-1)
  #mask = START_SLOTS - 1
  #hashes: number[] = []
  #starts: number[] = []
  #ends: number[] = []
  #arena = Buffer.allocUnsafe(4096)
  #used = 0
  readonly #texts: Array<string | undefined> = []

  get size(): number {
    return this.#hashes.length
  }

  /** The code of `bytes[start, end)`. */
  codeOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME)
    hash = (hash ^ (hash >>> 15)) >>> 0
    let slot = hash & this.#mask
    for (;;) {
      const code = this.#slots[slot]!
      if (code === -1) return this.#add(bytes, start, end, hash, slot)
      if (this.#hashes[code] === hash && this.#equals(code, bytes, start, end)) return code
      slot = (slot + 1) & this.#mask
    }
  }

  codeOfText(text: string): number {
    const bytes = Buffer.from(text)
    return this.codeOf(bytes, 0, bytes.length)
  }

  textOf(code: number): string {
    return (this.#texts[code] ??= this.#arena.toString('utf8', this.#starts[code]!, this.#ends[code]!))
  }

  #equals(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[code]!
    if (this.#ends[code]! - from !== end - start) return false
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== this.#arena[j]) return false
    return true
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const code = this.#hashes.length
    const length = end - start
    if (this.#used + length > this.#arena.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#arena.length * 2, this.#used + length))
      this.#arena.copy(grown, 0, 0, this.#used)
      this.#arena = grown
    }
    for (let i = start, j = this.#used; i < end; i++, j++) this.#arena[j] = bytes[i]!
    this.#hashes.push(hash)
    this.#starts.push(this.#used)
    this.#ends.push((this.#used += length))
    this.#slots[slot] = code
    if (this.#hashes.length * 2 > this.#slots.length) this.#rehash()
    return code
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    this.#mask = this.#slots.length - 1
    for (let code = 0; code < this.#hashes.length; code++) {
      let slot = this.#hashes[code]! & this.#mask
      while (this.#slots[slot] !== -1) slot = (slot + 1) & this.#mask
      this.#slots[slot] = code
    }
  }
}
