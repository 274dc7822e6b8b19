/**
 * Finds the level field of a logfmt line: of the keys that equal a field name (case aside), the one that stands first in the list of names.
 * One pass over bytes; a syntax error ends the search with what was found before it.
 */
import { byLength } from './level-json.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const EQUALS = 0x3d

export class LogfmtLevelFinder {
  /** The value found, without quotes. */
  valueFrom = 0
  valueTo = 0
  /** Lower-case names by length, each with its first place in the list. */
  readonly #names: ReadonlyArray<ReadonlyArray<Buffer> | undefined>
  readonly #rank: ReadonlyMap<Buffer, number>
  readonly #nameCount: number
  /** By the low five bits of two bytes, which both cases of a letter share: whether a name may end in them. */
  readonly #keyEnds = new Uint8Array(1024)
  #rankFound = 0

  constructor(fields: ReadonlyArray<string>) {
    const lower = [...new Set(fields.map((f) => f.toLowerCase()))].map((f) => Buffer.from(f))
    this.#names = byLength(lower)
    this.#rank = new Map(lower.map((name, i) => [name, i]))
    this.#nameCount = lower.length
    for (const name of lower) {
      if (name.length < 2) this.#keyEnds.fill(1)
      else this.#keyEnds[((name.at(-2)! & 0x1f) << 5) | (name.at(-1)! & 0x1f)] = 1
    }
  }

  /** Whether what stands before the equals sign at `at` ends as a level field. */
  mayBeKey(bytes: Buffer, at: number): boolean {
    if (at > 1 && this.#keyEnds[((bytes[at - 2]! & 0x1f) << 5) | (bytes[at - 1]! & 0x1f)] === 0) return false
    for (const name of this.#rank.keys()) if (name.length <= at && equalIgnoringCase(bytes, at - name.length, name)) return true
    return false
  }

  find(bytes: Buffer, from: number, to: number): boolean {
    this.#rankFound = this.#nameCount
    let at = from
    while (at < to && this.#rankFound > 0) {
      while (at < to && bytes[at]! <= 0x20) at++
      at = this.#pair(bytes, at, to)
    }
    return this.#rankFound < this.#nameCount
  }

  /** One `key`, `key=` or `key=value`; returns where the next may begin, `to` after an error. */
  #pair(bytes: Buffer, from: number, to: number): number {
    let keyTo = from
    while (keyTo < to && bytes[keyTo]! > 0x20 && bytes[keyTo] !== EQUALS && bytes[keyTo] !== QUOTE) keyTo++
    if (keyTo === to || bytes[keyTo]! <= 0x20) return keyTo
    if (bytes[keyTo] === QUOTE || keyTo === from) return to
    const valueFrom = keyTo + 1
    if (valueFrom < to && bytes[valueFrom] === QUOTE) return this.#quoted(bytes, from, keyTo, to)
    let valueTo = valueFrom
    while (valueTo < to && bytes[valueTo]! > 0x20 && bytes[valueTo] !== EQUALS && bytes[valueTo] !== QUOTE) valueTo++
    if (valueTo < to && bytes[valueTo]! > 0x20) return to
    this.#note(bytes, from, keyTo, valueFrom, valueTo)
    return valueTo
  }

  #quoted(bytes: Buffer, keyFrom: number, keyTo: number, to: number): number {
    let at = keyTo + 2
    while (at < to && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
    if (at >= to) return to
    this.#note(bytes, keyFrom, keyTo, keyTo + 2, at)
    return at + 1
  }

  /** Takes the value if its key is a level field that stands further up in the list than what was found. */
  #note(bytes: Buffer, keyFrom: number, keyTo: number, valueFrom: number, valueTo: number): void {
    const names = this.#names[keyTo - keyFrom]
    if (names === undefined) return
    for (const name of names) {
      if (!equalIgnoringCase(bytes, keyFrom, name)) continue
      const rank = this.#rank.get(name)!
      if (rank >= this.#rankFound) return
      this.#rankFound = rank
      this.valueFrom = valueFrom
      this.valueTo = valueTo
      return
    }
  }
}

function equalIgnoringCase(bytes: Buffer, from: number, lower: Buffer): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[from + i]!
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== lower[i]) return false
  }
  return true
}
