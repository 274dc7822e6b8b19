/**
 * The levels that lines alone tell, for many rows at once: one look over their bytes with vector instructions finds what could be a level word and what
 * makes a line logfmt, then each row is judged by the rules of `level.ts`, which uses it. Makes no string.
 */
import type { LineColumn } from '../model.ts'
import type { LevelPolicy } from './level.ts'
import { JsonLevelFinder } from './level-json.ts'
import { LogfmtLevelFinder } from './level-logfmt.ts'
import { LEVEL_TEXT_BYTES_MAX, levelProbe } from './level-wasm.ts'
import { UNKNOWN, hasEquals, levelCodeOfValue, levelWord, levelWordAt } from './level-words.ts'

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** Foreign bytes between two rows that are looked at along with them. */
const GAP_BYTES_MAX = 256

/** Levels as codes into `LEVEL_NAMES`. */
export class LineLevels {
  readonly #json: JsonLevelFinder
  readonly #logfmt: LogfmtLevelFinder

  constructor(policy: LevelPolicy) {
    this.#json = new JsonLevelFinder(policy.fields, policy.jsonDepthMax)
    this.#logfmt = new LogfmtLevelFinder(policy.fields)
  }

  /** Hot. The codes of rows `[from, to)` into the places of the same numbers. */
  codesOf(lines: LineColumn, from: number, to: number, into: Uint8Array | Uint16Array): void {
    const { bytes, starts, lengths } = lines
    for (let first = from; first < to; ) {
      const next = stretchEnd(lines, first, to)
      if (next > first) this.#stretch(lines, first, next, into)
      else into[first] = this.codeOf(bytes, starts[first]!, starts[first]! + lengths[first]!)
      first = Math.max(next, first + 1)
    }
  }

  /** The code for `bytes[from..to)`: what `codesOf` gives, byte by byte; for lines that are too long for one look. */
  codeOf(bytes: Buffer, from: number, to: number): number {
    const code = this.#codeOfField(bytes, from, to, hasEquals(bytes, from, to))
    return code === UNKNOWN ? levelWord(bytes, from, to) : code
  }

  /** Rows `[first, end)`, that lie close together. */
  #stretch({ bytes, starts, lengths }: LineColumn, first: number, end: number, into: Uint8Array | Uint16Array): void {
    const { text, starts: words, equals, run } = levelProbe()
    const base = starts[first]!
    const length = starts[end - 1]! + lengths[end - 1]! - base
    bytes.copy(text, 0, base, base + length)
    const wordCount = run(length)
    let word = 0
    for (let row = first; row < end; row++) {
      const from = starts[row]! - base
      const to = from + lengths[row]!
      let code = this.#codeOfField(text, from, to, this.#hasLevelKey(text, equals, from, to))
      while (word < wordCount && words[word]! < from) word++
      for (let i = word; code === UNKNOWN && i < wordCount && words[i]! < to; i++) code = levelWordAt(text, words[i]!, from, to)
      into[row] = code
    }
  }

  /** Whether an equals sign in `[from, to)` follows what can be the name of a level field: others make a line logfmt that has no level. */
  #hasLevelKey(text: Buffer, equals: Uint32Array, from: number, to: number): boolean {
    for (let word = from >>> 5; word << 5 < to; word++) {
      for (let bits = equals[word]!; bits !== 0; bits &= bits - 1) {
        const at = (word << 5) + 31 - Math.clz32(bits & -bits)
        if (at >= to) return false
        if (at > from && this.#logfmt.mayBeKey(text, at)) return true
      }
    }
    return false
  }

  /** What a level field of a line in JSON or logfmt says. */
  #codeOfField(bytes: Buffer, from: number, to: number, mayBeLogfmt: boolean): number {
    const finder = looksLikeJson(bytes, from, to) ? this.#json : mayBeLogfmt ? this.#logfmt : null
    return finder?.find(bytes, from, to) === true ? levelCodeOfValue(bytes, finder.valueFrom, finder.valueTo) : UNKNOWN
  }
}

/** Behind the last row from `first` on that one look can take in with it; `first` when not even that one fits. */
function stretchEnd({ starts, lengths }: LineColumn, first: number, to: number): number {
  const base = starts[first]!
  let end = base
  let row = first
  for (; row < to; row++) {
    const start = starts[row]!
    if (start < end || start - end > GAP_BYTES_MAX || start + lengths[row]! - base > LEVEL_TEXT_BYTES_MAX) break
    end = start + lengths[row]!
  }
  return row
}

function looksLikeJson(bytes: Buffer, from: number, to: number): boolean {
  let first = from
  while (first < to && isSpace(bytes[first]!)) first++
  if (first === to || bytes[first] !== OPEN_BRACE) return false
  let last = to - 1
  while (isSpace(bytes[last]!)) last--
  return bytes[last] === CLOSE_BRACE
}

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
