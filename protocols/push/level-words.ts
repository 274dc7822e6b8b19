/**
 * The words for levels: known values of level fields, and level words in free text. Bytes in, codes out; tables made once.
 */

/** Codes are positions in this list. */
export const LEVEL_NAMES: ReadonlyArray<string> = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'critical', 'fatal']
export const UNKNOWN = 0

const VALUES: Readonly<Record<string, number>> = {
  trace: 1, trc: 1,
  debug: 2, dbg: 2,
  info: 3, inf: 3, information: 3,
  warn: 4, wrn: 4, warning: 4,
  error: 5, err: 5,
  critical: 6,
  fatal: 7,
}

/** The code of a level field's text, whatever its case; `UNKNOWN` when it is no known level. */
export function levelCodeOfText(text: string): number {
  return text.length > LONGEST ? UNKNOWN : (LEVELS_BY_TEXT.get(text) ?? LEVELS_BY_TEXT.get(text.toLowerCase()) ?? UNKNOWN)
}
const LEVELS_BY_TEXT: ReadonlyMap<string, number> = new Map(Object.entries(VALUES))
const LONGEST = Math.max(...Object.keys(VALUES).map((word) => word.length))

/** The same for bytes. */
export function levelCodeOfValue(bytes: Buffer, from: number, to: number): number {
  if (to - from > LONGEST || to - from < 3) return UNKNOWN
  for (const word of VALUE_WORDS[bytes[from]! & 0x1f]!) if (word.bytes.length === to - from && startsWith(bytes, from, word.bytes)) return word.code
  return UNKNOWN
}

interface Word {
  readonly bytes: Uint8Array
  readonly code: number
}

/** Words by the low five bits of their first letter, which upper and lower case share. */
const byFirstLetter = (words: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<Word>> =>
  Array.from({ length: 32 }, (_, letter) => words.filter((w) => (w.charCodeAt(0) & 0x1f) === letter).map((w) => ({ bytes: Buffer.from(w), code: VALUES[w]! })))

const VALUE_WORDS = byFirstLetter(Object.keys(VALUES))
/** Longer words first where one begins another; only a whole word counts anyway. */
const TEXT_WORDS = byFirstLetter(['trace', 'debug', 'fatal', 'critical', 'error', 'err', 'warning', 'warn', 'info'])

/** Letters compare without case; other bytes of `bytes` never equal a letter this way because `| 0x20` keeps them apart. */
function startsWith(bytes: Buffer, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if ((bytes[at + i]! | 0x20) !== word[i]) return false
  return true
}

const EDGE_LEFT = 1
const EDGE_RIGHT = 2
const FIRST_LETTER = 4
const KINDS = new Uint8Array(256)
for (const char of ' \t\n[({,"=') KINDS[char.charCodeAt(0)]! |= EDGE_LEFT
for (const char of ' \t\n[](){}:,!"=') KINDS[char.charCodeAt(0)]! |= EDGE_RIGHT
for (const char of 'tdfcewiTDFCEWI') KINDS[char.charCodeAt(0)]! |= FIRST_LETTER

/** Hot. The code of the earliest whole level word of a line, `UNKNOWN` without one. */
export function levelWord(bytes: Buffer, from: number, to: number): number {
  let edge = EDGE_LEFT
  for (let i = from; i < to; i++) {
    const kind = KINDS[bytes[i]!]!
    if ((edge & EDGE_LEFT) !== 0 && kind === FIRST_LETTER) {
      const code = wordAt(bytes, i, to)
      if (code !== UNKNOWN) return code
    }
    edge = kind
  }
  return UNKNOWN
}

function wordAt(bytes: Buffer, at: number, to: number): number {
  for (const word of TEXT_WORDS[bytes[at]! & 0x1f]!) {
    const end = at + word.bytes.length
    if (end <= to && (end === to || (KINDS[bytes[end]!]! & EDGE_RIGHT) !== 0) && startsWith(bytes, at, word.bytes)) return word.code
  }
  return UNKNOWN
}
