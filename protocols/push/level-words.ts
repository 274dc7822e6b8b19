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
const WORDS_IN_TEXT = ['trace', 'debug', 'fatal', 'critical', 'error', 'err', 'warning', 'warn', 'info']
/** The first three letters, lower case, as one number. */
const prefixOf = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) | 0x20_20_20
const TEXT_WORDS: ReadonlyMap<number, ReadonlyArray<Word>> = Map.groupBy(
  WORDS_IN_TEXT.map((w) => ({ bytes: Buffer.from(w), code: VALUES[w]! })),
  (word) => prefixOf(word.bytes, 0),
)

/** Letters compare without case; other bytes of `bytes` never equal a letter this way because `| 0x20` keeps them apart. */
function startsWith(bytes: Buffer, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if ((bytes[at + i]! | 0x20) !== word[i]) return false
  return true
}

const EDGE_LEFT = 1
const EDGE_RIGHT = 2
const EQUALS = 0x3d
const RIGHT_EDGES = ' \t\n[](){}:,!"='
const KINDS = new Uint8Array(256)
for (const char of ' \t\n[({,"=') KINDS[char.charCodeAt(0)]! |= EDGE_LEFT
for (const char of RIGHT_EDGES) KINDS[char.charCodeAt(0)]! |= EDGE_RIGHT

/**
 * Which pairs of neighbouring bytes occur in the first four bytes of a level word (for `err`: with what may follow it), by their low five bits. Bit k:
 * a word may begin k bytes before the pair. Other bytes share those bits; a hit is only a reason to look.
 */
const PAIRS = new Uint8Array(1024)
const pairAt = (first: number, second: number): number => ((first & 0x1f) << 5) | (second & 0x1f)
for (const word of WORDS_IN_TEXT) {
  for (const text of word === 'err' ? [...RIGHT_EDGES].map((edge) => word + edge) : [word]) {
    for (let k = 0; k < 3; k++) PAIRS[pairAt(text.charCodeAt(k), text.charCodeAt(k + 1))]! |= 1 << k
  }
}

/**
 * Hot. The code of the earliest whole level word of a line, `UNKNOWN` without one.
 *
 * No word is shorter than three letters, so a look at every third pair of bytes meets each word once.
 */
export function levelWord(bytes: Buffer, from: number, to: number): number {
  let i = from + 2
  for (const last = to - 1; i < last; i += 3) {
    const starts = PAIRS[((bytes[i]! & 0x1f) << 5) | (bytes[i + 1]! & 0x1f)]!
    if (starts === 0) continue
    const code = wordAround(bytes, i, from, to, starts)
    if (code !== UNKNOWN) return code
  }
  return i === to - 1 ? wordAround(bytes, i, from, to, 4) : UNKNOWN
}

/** The earliest word that begins 2, 1 or 0 bytes before `at`, as `starts` allows. */
function wordAround(bytes: Buffer, at: number, from: number, to: number, starts: number): number {
  for (let k = 2; k >= 0; k--) {
    const start = at - k
    if ((starts & (1 << k)) === 0) continue
    const code = levelWordAt(bytes, start, from, to)
    if (code !== UNKNOWN) return code
  }
  return UNKNOWN
}

/** Hot. Whether a line has an equals sign, which makes it logfmt. */
export function hasEquals(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === EQUALS) return true
  return false
}

/** The code of the whole level word at `at`, if there is one: `at` must lie in the line `bytes[from..to)`. */
export function levelWordAt(bytes: Buffer, at: number, from: number, to: number): number {
  return at > from && (KINDS[bytes[at - 1]!]! & EDGE_LEFT) === 0 ? UNKNOWN : wordAt(bytes, at, to)
}

/** The level word that stands whole at `at`. Three letters tell which it could be; most words of a text are none. */
function wordAt(bytes: Buffer, at: number, to: number): number {
  if (at + 3 > to) return UNKNOWN
  const words = TEXT_WORDS.get(prefixOf(bytes, at))
  if (words === undefined) return UNKNOWN
  for (const word of words) {
    const end = at + word.bytes.length
    if (end <= to && (end === to || (KINDS[bytes[end]!]! & EDGE_RIGHT) !== 0) && startsWith(bytes, at, word.bytes)) return word.code
  }
  return UNKNOWN
}
