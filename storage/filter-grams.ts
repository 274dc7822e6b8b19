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
/** Hashes of a word gram: short words have few grams, and texts few words, so two bits each are cheap and keep them apart. */
export const WORD_HASHES = 2

const DOT = 46

/** What a byte is to a run: not in one, in one, a digit in one. */
const ENDS = 0
const IN_RUN = 1
const DIGIT = 2
const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 48 && byte <= 57) return DIGIT
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte >= 128 ? IN_RUN : ENDS
})

/** Sets the bit in which upper and lower case differ in each of four bytes; digits and dots have it. */
const FOLD = 0x2020_2020
const WORD_SEED = 0x5bd1_e995

/** Spreads what was multiplied together over 32 bits: the top ones choose a page, the low ones a bit. */
function spread(product: number): number {
  const mixed = Math.imul(product ^ (product >>> 15), 0x2c1b_3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

/** Runs seen lately are remembered by place, two numbers each, and compared byte by byte: a mistaken "seen" would be a false negative. */
const SEEN_RUNS_LOG2 = 12

export class GramScanner {
  /** Hashes of the last scan's grams: the first `idCount` of ID grams, the first `wordCount` of word grams (WORD_HASHES each). */
  idHashes = new Uint32Array(1024)
  idCount = 0
  wordHashes = new Uint32Array(WORD_HASHES * 1024)
  wordCount = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  readonly #seen: Int32Array | null

  /** With `skipRepeated`, runs that were scanned lately give no grams again: lines repeat themselves, and a repeated run has nothing new. */
  constructor(skipRepeated: boolean) {
    this.#seen = skipRepeated ? new Int32Array(2 << SEEN_RUNS_LOG2) : null
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
      this.wordHashes = new Uint32Array(2 * WORD_HASHES * (to - from))
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
    const hash = Math.imul(first ^ Math.imul(last, 0x9e37_79b1) ^ (to - from), 0x85eb_ca6b)
    const slot = (hash >>> (32 - SEEN_RUNS_LOG2)) << 1
    const other = seen[slot]!
    if (seen[slot + 1] === to - from && view.getInt32(other, true) === first && this.#equal(from + 4, to, other + 4)) return true
    seen[slot] = from
    seen[slot + 1] = to - from
    return false
  }

  #equal(from: number, to: number, other: number): boolean {
    const view = this.#view
    const shift = other - from
    let i = from
    for (; i + 4 < to; i += 4) if (view.getInt32(i, true) !== view.getInt32(i + shift, true)) return false
    return view.getInt32(to - 4, true) === view.getInt32(to - 4 + shift, true)
  }

  #addRun(from: number, to: number): void {
    const { idHashes, wordHashes } = this
    const bytes = this.#bytes
    const view = this.#view
    let { idCount, wordCount } = this
    let letters = 0
    for (let i = from; i < from + WORD_GRAM - 1; i++) letters = CLASSES[bytes[i]!] === IN_RUN ? letters + 1 : 0
    for (let i = from; i <= to - WORD_GRAM; i++) {
      const four = view.getInt32(i, true) | FOLD
      letters = CLASSES[bytes[i + WORD_GRAM - 1]!] === IN_RUN ? letters + 1 : 0
      if (letters >= WORD_GRAM) {
        const hash = spread(Math.imul(four ^ WORD_SEED, 0x85eb_ca6b))
        wordHashes[wordCount++] = hash
        wordHashes[wordCount++] = spread(Math.imul(hash, 0xc2b2_ae35))
      }
      if (i <= to - ID_GRAM) idHashes[idCount++] = spread(Math.imul(four, 0x9e37_79b1) ^ Math.imul(view.getUint16(i + 4, true) | (FOLD & 0xffff), 0xc2b2_ae35))
    }
    this.idCount = idCount
    this.wordCount = wordCount
  }
}
