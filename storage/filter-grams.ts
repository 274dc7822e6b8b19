/**
 * Which short pieces ("grams") of a line go into a block's filter, and which of a search's literal to ask it for: one function for both, because a
 * filter has no false negatives exactly as long as the two agree.
 *
 * A run is a maximal row of letters, digits and bytes above 127; a dot between two digits belongs to it, so that addresses and versions are one run.
 * Of each run all pieces of `ID_GRAM` bytes go in (ids, hexadecimal, UUID parts, numbers, long words), and of its letters alone all pieces of
 * `WORD_GRAM` (short words). A piece never crosses the end of a run: whatever run of a literal lies inside a line lies inside one of the line's runs, so its
 * grams are among that run's. ASCII case is folded. Nothing else about a line is in the filter: blanks and punctuation cannot be asked for.
 */

export const ID_GRAM = 6
export const WORD_GRAM = 4

const DOT = 46
const MULTIPLIER = 0x9e3779b1 | 0
/** Of a byte that leaves the window of an ID gram. */
const LEAVING = power(MULTIPLIER, ID_GRAM)

/** Per byte a number to hash with, equal for both cases of a letter; odd for digits; 0 for bytes that end a run. */
const WEIGHTS = weights()
const DOT_WEIGHT = 0x5bd1e994

function weights(): Int32Array {
  const table = new Int32Array(256)
  let state = 0x2545f491
  for (let byte = 0; byte < 256; byte++) {
    state = Math.imul(state ^ (state >>> 13), 0x5bd1e995) + byte
    const digit = byte >= 48 && byte <= 57
    const letter = (byte >= 97 && byte <= 122) || byte >= 128
    if (digit) table[byte] = state | 1
    else if (letter) table[byte] = (state | 2) & ~1
  }
  for (let byte = 65; byte <= 90; byte++) table[byte] = table[byte + 32]!
  return table
}

function power(base: number, exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base)
  return result
}

/** Spreads a window's sum over 32 bits. */
function spread(sum: number): number {
  const mixed = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

/** Whether a byte ends a run, continues it, or is a digit in it. */
const ENDS = 0
const DIGIT = 2
const CLASSES = Uint8Array.from(WEIGHTS, (weight) => (weight === 0 ? ENDS : (weight & 1) === 1 ? DIGIT : 1))

/** Runs seen lately are remembered by place, two numbers each, and compared byte by byte: a mistaken "seen" would be a false negative. */
const SEEN_RUNS = 1 << 12

export class GramScanner {
  /** Hashes of the last scan's grams: the first `idCount` of ID grams, the first `wordCount` of word grams. */
  idHashes = new Uint32Array(1024)
  idCount = 0
  wordHashes = new Uint32Array(1024)
  wordCount = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  readonly #seen: Int32Array | null

  /** With `skipRepeated`, runs that were scanned lately give no grams again: lines repeat themselves, and a repeated run has nothing new. */
  constructor(skipRepeated: boolean) {
    this.#seen = skipRepeated ? new Int32Array(2 * SEEN_RUNS) : null
  }

  /** The bytes that the next scans are about; they must not change while runs of theirs are remembered. */
  begin(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#seen?.fill(0)
  }

  /** Hot: runs over every byte that is stored. */
  scan(from: number, to: number): void {
    this.idCount = 0
    this.wordCount = 0
    if (this.idHashes.length < to - from) {
      this.idHashes = new Uint32Array(2 * (to - from))
      this.wordHashes = new Uint32Array(2 * (to - from))
    }
    const bytes = this.#bytes
    for (let i = from; i < to; i++) {
      if (CLASSES[bytes[i]!] === ENDS) continue
      const start = i++
      while (i < to && (CLASSES[bytes[i]!] !== ENDS || (bytes[i] === DOT && i + 1 < to && CLASSES[bytes[i - 1]!] === DIGIT && CLASSES[bytes[i + 1]!] === DIGIT))) i++
      if (i - start >= WORD_GRAM && !this.#isRepeated(start, i)) this.#addRun(start, i)
    }
  }

  #isRepeated(from: number, to: number): boolean {
    const seen = this.#seen
    if (seen === null) return false
    const view = this.#view
    const first = view.getInt32(from, true)
    const last = view.getInt32(to - 4, true)
    const hash = Math.imul(first ^ Math.imul(last, MULTIPLIER) ^ (to - from), 0x85ebca6b)
    const slot = (hash >>> 20) << 1
    const other = seen[slot]!
    if (seen[slot + 1] === to - from && view.getInt32(other, true) === first && this.#equal(from + 4, to, other + 4)) return true
    seen[slot] = from
    seen[slot + 1] = to - from
    return false
  }

  #equal(from: number, to: number, other: number): boolean {
    const bytes = this.#bytes
    for (let i = from, k = other; i < to; i++, k++) if (bytes[i] !== bytes[k]) return false
    return true
  }

  #addRun(from: number, to: number): void {
    const { idHashes, wordHashes } = this
    const bytes = this.#bytes
    let { idCount, wordCount } = this
    let sum = 0
    let letters = 0
    let word = 0
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!
      const weight = byte === DOT ? DOT_WEIGHT : WEIGHTS[byte]!
      sum = (Math.imul(sum, MULTIPLIER) + weight) | 0
      if (i - from >= ID_GRAM) {
        const left = bytes[i - ID_GRAM]!
        sum = (sum - Math.imul(LEAVING, left === DOT ? DOT_WEIGHT : WEIGHTS[left]!)) | 0
      }
      if (i - from >= ID_GRAM - 1) idHashes[idCount++] = spread(sum)
      // Letters hash by their case-folded bytes themselves: four of them fill the word.
      letters = byte === DOT || CLASSES[byte] === DIGIT ? 0 : letters + 1
      word = (word << 8) | (byte | 0x20)
      if (letters >= WORD_GRAM) wordHashes[wordCount++] = spread(Math.imul(word, MULTIPLIER))
    }
    this.idCount = idCount
    this.wordCount = wordCount
  }
}
