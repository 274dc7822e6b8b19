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

const isDigit = (weight: number): boolean => (weight & 1) === 1

export class GramScanner {
  /** Hashes of the last scan's grams: the first `idCount` of ID grams, the first `wordCount` of word grams. */
  idHashes = new Uint32Array(1024)
  idCount = 0
  wordHashes = new Uint32Array(1024)
  wordCount = 0
  /** Runs seen lately, by hash: lines repeat themselves, and a repeated run has nothing new. Null for literals, whose grams are all wanted. */
  readonly #seen: Int32Array | null

  constructor(seenRuns: number) {
    this.#seen = seenRuns === 0 ? null : new Int32Array(seenRuns)
  }

  /** Before the lines of another block. */
  forget(): void {
    this.#seen?.fill(0)
  }

  /** Hot: runs over every byte that is stored. */
  scan(bytes: Uint8Array, from: number, to: number): void {
    this.idCount = 0
    this.wordCount = 0
    if (this.idHashes.length < to - from) {
      this.idHashes = new Uint32Array(2 * (to - from))
      this.wordHashes = new Uint32Array(2 * (to - from))
    }
    const seen = this.#seen
    const mask = seen === null ? 0 : seen.length - 1
    let i = from
    while (i < to) {
      let weight = WEIGHTS[bytes[i]!]!
      if (weight === 0) {
        i++
        continue
      }
      const start = i
      let run = 0
      for (;;) {
        run = (Math.imul(run, MULTIPLIER) + weight) | 0
        if (++i === to) break
        const next = WEIGHTS[bytes[i]!]!
        if (next !== 0) weight = next
        else if (bytes[i] === DOT && isDigit(weight) && i + 1 < to && isDigit(WEIGHTS[bytes[i + 1]!]!)) weight = DOT_WEIGHT
        else break
      }
      if (i - start < WORD_GRAM) continue
      if (seen !== null) {
        const slot = (run ^ (run >>> 15)) & mask
        if (seen[slot] === run) continue
        seen[slot] = run
      }
      this.#addRun(bytes, start, i)
    }
  }

  #addRun(bytes: Uint8Array, from: number, to: number): void {
    const { idHashes, wordHashes } = this
    let { idCount, wordCount } = this
    let sum = 0
    let letters = 0
    let word = 0
    for (let i = from; i < to; i++) {
      const weight = bytes[i] === DOT ? DOT_WEIGHT : WEIGHTS[bytes[i]!]!
      sum = (Math.imul(sum, MULTIPLIER) + weight) | 0
      if (i - from >= ID_GRAM) sum = (sum - Math.imul(LEAVING, bytes[i - ID_GRAM] === DOT ? DOT_WEIGHT : WEIGHTS[bytes[i - ID_GRAM]!]!)) | 0
      if (i - from >= ID_GRAM - 1) idHashes[idCount++] = spread(sum)
      // Letters hash by their case-folded bytes themselves: four of them fill the word.
      letters = isDigit(weight) || bytes[i] === DOT ? 0 : letters + 1
      word = (word << 8) | (bytes[i]! | 0x20)
      if (letters >= WORD_GRAM) wordHashes[wordCount++] = spread(Math.imul(word, MULTIPLIER))
    }
    this.idCount = idCount
    this.wordCount = wordCount
  }
}
