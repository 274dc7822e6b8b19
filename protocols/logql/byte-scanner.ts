/**
 * Every place where a literal stands in a large piece of memory, with or without regard to ASCII case, at several GB/s. Two rare bytes of the needle are
 * looked for with vector instructions; only where both stand is the rest compared. Used by the line filters on many rows at once.
 */
import { probe, PROBE_GAP_MAX, PROBE_POSITIONS_MAX } from './probe-wasm.ts'

export interface Needle {
  /** In lower case when `fold`. Not empty. */
  readonly bytes: Uint8Array
  readonly fold: boolean
  readonly first: number
  readonly gap: number
}

/** Bytes from the most frequent down, as logs have them; others are rare. */
const FREQUENT = Buffer.from(' e0ta1o2inr3s456789dlc-.:/=muhp_gTf"bI,SAENvwRCDOkyLPx[]()FMBUWGVHjz+qX#')
const rarity = new Uint8Array(256).fill(255)
for (const [i, byte] of FREQUENT.entries()) rarity[byte] = i

const isLetter = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a
const foldBit = (byte: number, fold: boolean): number => (fold && isLetter(byte) ? 0x20 : 0)

export function makeNeedle(text: string, fold: boolean): Needle {
  const bytes = Buffer.from(fold ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text)
  if (bytes.length === 0) throw new Error('needle: empty')
  const order = [...bytes.subarray(0, PROBE_GAP_MAX).keys()].sort((a, b) => rarity[bytes[b]!]! - rarity[bytes[a]!]! || a - b)
  const [one = 0, other = one] = order
  return { bytes, fold, first: Math.min(one, other), gap: Math.abs(one - other) }
}

export class ByteScanner {
  /** Starts of the matches found last, ascending; they may overlap. */
  hits = new Uint32Array(1024)

  /** How many matches lie wholly in `bytes[from, to)`. */
  scan(bytes: Buffer, from: number, to: number, needle: Needle): number {
    const { memory, hits: candidates, run } = probe()
    const { bytes: wanted, fold, first, gap } = needle
    const byte0 = wanted[first]!
    const byte1 = wanted[first + gap]!
    const lastStart = to - wanted.length
    let count = 0
    for (let at = from; at <= lastStart; at += PROBE_POSITIONS_MAX) {
      const positions = Math.min(PROBE_POSITIONS_MAX, lastStart - at + 1)
      // Not `memory.set`: that is slow from shared memory, which heads are in.
      bytes.copy(memory, 0, at + first, Math.min(bytes.length, at + first + positions + gap))
      const found = run(positions, gap, byte0, byte1, foldBit(byte0, fold), foldBit(byte1, fold))
      if (this.hits.length < count + found) this.#grow(count + found)
      const hits = this.hits
      for (let i = 0; i < found; i++) {
        const position = candidates[i]!
        if (position < positions && (fold ? equalsFolded(bytes, at + position, wanted) : equals(bytes, at + position, wanted))) hits[count++] = at + position
      }
    }
    return count
  }

  #grow(count: number): void {
    const grown = new Uint32Array(count * 2)
    grown.set(this.hits)
    this.hits = grown
  }
}

function equals(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

function equalsFolded(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) {
    const c = bytes[at + i]!
    if ((c >= 0x41 && c <= 0x5a ? c | 0x20 : c) !== wanted[i]) return false
  }
  return true
}
