/**
 * The json operator's way through the lines that are most of what there is: compact objects with the same keys in the same order as the line before, when
 * only some labels are needed. It gives up on anything else, and the full walk takes the line from the start; fields that are set already stay.
 * A hot path: one loop over bytes.
 */
import { decodeJsonPlain } from '../json-text.ts'
import { decodeUtf8, type LineState } from '../line-state.ts'
import type { NameTable } from '../name-table.ts'
import { JsonBatch } from './json-batch.ts'
import { isWanted, setField } from './json-field.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d

export class QuickJson {
  #lastTried = 0
  #failures = 0
  readonly #ahead = new JsonBatch()

  /** True: the line is done. False: nothing is lost by walking it again. */
  walk(state: LineState, names: NameTable): boolean {
    // Lines of all shapes: trying first would only cost.
    if (this.#failures > 64 && ++this.#lastTried % 64 !== 0) return false
    const done = this.#ahead.take(state, names) || this.#walk(state, names)
    this.#failures = done ? 0 : this.#failures + 1
    return done
  }

  #walk(state: LineState, names: NameTable): boolean {
    const { buffer: bytes, end } = state
    let at = state.start
    if (at >= end || bytes[at] !== OPEN_BRACE) return false
    at++
    for (let entry = names.first; entry !== null; entry = entry.next) {
      const { key } = entry
      const size = key.length
      if (at + size + 4 > end || bytes[at] !== QUOTE) return false
      at++
      let i = 0
      while (i < size && bytes[at + i] === key[i]) i++
      at += size
      if (i < size || bytes[at] !== QUOTE || bytes[at + 1] !== COLON) return false
      at += 2
      const start = at
      const first = bytes[at]!
      if (first === QUOTE) {
        let c = 0
        for (at++; at < end; at++) {
          c = bytes[at]!
          if (c === QUOTE || c === BACKSLASH) break
        }
        if (c !== QUOTE || at >= end) return false
        if (isWanted(entry)) setField(state, entry, start + 1, at, decodeJsonPlain)
        at++
      } else if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
        at = numberEnd(bytes, at, end)
        // A number that anything else ends may go on, for the full walk.
        if (at >= end || (bytes[at] !== COMMA && bytes[at] !== CLOSE_BRACE)) return false
        if (isWanted(entry)) setField(state, entry, start, at, decodeUtf8)
      } else return false
      if (at >= end) return false
      const after = bytes[at]
      if (after === CLOSE_BRACE) return true
      if (after !== COMMA) return false
      if (isWanted(entry) && state.hasAllRequired()) return true
      at++
    }
    return false
  }
}

/** Where the token ends, as the full walk sees it. */
function numberEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  for (; at < end; at++) {
    const c = bytes[at]!
    if (c === COMMA || c === CLOSE_BRACE || c === CLOSE_BRACKET || c <= 0x20) break
  }
  return at
}
