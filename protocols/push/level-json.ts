/**
 * Finds the first level field of a JSON line: a string member with one of the names, in document order, objects entered down to a depth.
 * One pass over bytes, tolerant: broken JSON gives what was found before the break, or nothing.
 */
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COLON = 0x3a

export class JsonLevelFinder {
  /** The value found, without its quotes. */
  valueFrom = 0
  valueTo = 0
  readonly #names: ReadonlyArray<ReadonlyArray<Buffer> | undefined>
  readonly #depthMax: number

  constructor(fields: ReadonlyArray<string>, depthMax: number) {
    this.#names = byLength(fields.map((f) => Buffer.from(f)))
    this.#depthMax = depthMax > 0 ? depthMax : Number.MAX_SAFE_INTEGER
  }

  /** True when a field was found in `bytes[from..to)`, a line that begins with a brace. */
  find(bytes: Buffer, from: number, to: number): boolean {
    let depth = 0
    let at = from
    while (at < to) {
      const byte = bytes[at]!
      if (byte === OPEN_BRACE) {
        depth++
        at++
      } else if (byte === CLOSE_BRACE) {
        if (--depth === 0) return false
        at++
      } else if (byte === OPEN_BRACKET) at = skipArray(bytes, at, to)
      else if (byte === QUOTE) {
        at = this.#member(bytes, at, to, depth)
        if (at === FOUND) return true
      } else at++
    }
    return false
  }

  /** A key and, if it is a string, its value. Returns where to go on. */
  #member(bytes: Buffer, keyQuote: number, to: number, depth: number): number {
    const keyTo = stringEnd(bytes, keyQuote, to)
    let at = keyTo + 1
    while (at < to && bytes[at]! <= 0x20) at++
    if (bytes[at] !== COLON || at >= to) return at
    at++
    while (at < to && bytes[at]! <= 0x20) at++
    if (at >= to || bytes[at] !== QUOTE) return at
    const valueTo = stringEnd(bytes, at, to)
    if (depth <= this.#depthMax && valueTo < to && this.#isLevelName(bytes, keyQuote + 1, keyTo)) {
      this.valueFrom = at + 1
      this.valueTo = valueTo
      return FOUND
    }
    return valueTo + 1
  }

  #isLevelName(bytes: Buffer, from: number, to: number): boolean {
    const names = this.#names[to - from]
    if (names === undefined) return false
    for (const name of names) if (equalAt(bytes, from, name)) return true
    return false
  }
}

const FOUND = -1

/** Names in lists by their length, so that most keys are passed over by one look. */
export function byLength(names: ReadonlyArray<Buffer>): ReadonlyArray<ReadonlyArray<Buffer> | undefined> {
  const lists: Array<Buffer[] | undefined> = Array.from({ length: Math.max(0, ...names.map((n) => n.length)) + 1 }, () => undefined)
  for (const name of names) (lists[name.length] ??= []).push(name)
  return lists
}

function equalAt(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false
  return true
}

/** The closing quote of the string that opens at `quote`, or `to`. */
function stringEnd(bytes: Buffer, quote: number, to: number): number {
  for (let i = quote + 1; i < to; i++) {
    const byte = bytes[i]!
    if (byte === QUOTE) return i
    if (byte === BACKSLASH) i++
  }
  return to
}

/** Behind an array, whatever is in it. */
function skipArray(bytes: Buffer, open: number, to: number): number {
  let depth = 0
  for (let i = open; i < to; i++) {
    const byte = bytes[i]!
    if (byte === QUOTE) i = stringEnd(bytes, i, to)
    else if (byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACKET && --depth === 0) return i + 1
  }
  return to
}
