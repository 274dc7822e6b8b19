/**
 * Codes of values by their first eight bytes, in front of a `ByteInterner`: most values of labels that somebody groups or filters by are short and come again and again, so one
 * comparison of two words is enough. Used by `scan-json.ts`; a hot path.
 */
import { ByteInterner } from './byte-interner.ts'

const PLACES_BITS = 8
const BYTES_MAX = 8

export class ShortCodes {
  readonly #interner = new ByteInterner()
  readonly #low = new Uint32Array(1 << PLACES_BITS)
  readonly #high = new Uint32Array(1 << PLACES_BITS)
  readonly #lengths = new Uint8Array(1 << PLACES_BITS)
  readonly #codes = new Int32Array(1 << PLACES_BITS)

  codeOfText(text: string): number {
    return this.#interner.codeOfText(text)
  }

  /** The code of `bytes[start, end)`, whose first eight bytes are these two words (0 behind the end). */
  codeOf(bytes: Uint8Array, start: number, end: number, low: number, high: number): number {
    const length = end - start
    if (length === 0 || length > BYTES_MAX) return this.#interner.codeOf(bytes, start, end)
    const place = Math.imul(low ^ Math.imul(high, 0x85ebca6b) ^ length, 0x9e3779b1) >>> (32 - PLACES_BITS)
    if (this.#low[place] === low && this.#high[place] === high && this.#lengths[place] === length) return this.#codes[place]!
    this.#low[place] = low
    this.#high[place] = high
    this.#lengths[place] = length
    return (this.#codes[place] = this.#interner.codeOf(bytes, start, end))
  }
}
