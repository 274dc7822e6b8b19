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
/** Hashes of a word gram, each made of the one before: short words have few grams, and texts few words, so several bits each are cheap and keep them apart. */
export const WORD_HASHES = 4

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
export const FOLD = 0x2020_2020
/** Of the hashes (docs/filters.md). */
export const GRAM_FACTORS = { spread: 0x2c1b_3c6d, idFour: 0x9e37_79b1, idTwo: 0xc2b2_ae35, wordSeed: 0x5bd1_e995, word: 0x85eb_ca6b, wordNext: 0xc2b2_ae35 }

/** Spreads what was multiplied together over 32 bits: the top ones choose a page, the low ones a bit. */
function spread(product: number): number {
  const mixed = Math.imul(product ^ (product >>> 15), GRAM_FACTORS.spread)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

export class GramScanner {
  /** Hashes of the last scan's grams: the first `idCount` of ID grams, the first `wordCount` of word grams (WORD_HASHES each). */
  idHashes = new Uint32Array(1024)
  idCount = 0
  wordHashes = new Uint32Array(WORD_HASHES * 1024)
  wordCount = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))

  /** The bytes that the next scans are about. */
  begin(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

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
      if (i - start >= WORD_GRAM) this.#addRun(start, i)
    }
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
        let hash = spread(Math.imul(four ^ GRAM_FACTORS.wordSeed, GRAM_FACTORS.word))
        wordHashes[wordCount++] = hash
        for (let more = 1; more < WORD_HASHES; more++) wordHashes[wordCount++] = hash = spread(Math.imul(hash, GRAM_FACTORS.wordNext))
      }
      if (i <= to - ID_GRAM) idHashes[idCount++] = spread(Math.imul(four, GRAM_FACTORS.idFour) ^ Math.imul(view.getUint16(i + 4, true) | (FOLD & 0xffff), GRAM_FACTORS.idTwo))
    }
    this.idCount = idCount
    this.wordCount = wordCount
  }
}
