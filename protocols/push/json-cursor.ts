/**
 * Walks JSON bytes without making values: tokens, strings as ranges, skipping. Used by the JSON forms of a push.
 *
 * Clients see its errors, so operation names, texts and the two excerpts around the position are those of json-iterator, the library whose
 * answers the recorded cases show (its reader works in pieces of 512 bytes, and the excerpts end where a piece does).
 */
import type { ByteSink } from './encode-protobuf.ts'

const DEPTH_MAX = 512
const PIECE_BYTES = 512
const NUMBER_BYTES: ReadonlySet<number> = new Set(Buffer.from('0123456789+-.eE'))

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const LETTER_N = 0x6e
const LETTER_U = 0x75

/** Broken JSON: the whole text for the client is made once the path to it is known. */
export class JsonSyntaxError extends Error {}

/** `operation: message`, where the reader stood, and what was around. */
export function jsonErrorText(bytes: Buffer, at: number, operation: string, message: string): string {
  const pieceFrom = at === 0 ? 0 : Math.floor((at - 1) / PIECE_BYTES) * PIECE_BYTES
  const pieceTo = Math.min(pieceFrom + PIECE_BYTES, bytes.length)
  const excerpt = (radius: number): string => bytes.toString('utf8', Math.max(at - radius, pieceFrom), Math.min(at + radius, pieceTo))
  return `${operation}: ${message}, error found in #${at - Math.max(at - 10, pieceFrom)} byte of ...|${excerpt(10)}|..., bigger context ...|${excerpt(50)}|...`
}

const char = (byte: number): string => Buffer.from([byte]).toString('latin1')

/** What is said of a broken object; the library reads a record of known fields with other code than one that it skips. */
export interface ObjectWords {
  readonly first: (found: string) => readonly [operation: string, message: string]
  readonly colon: (found: string) => readonly [operation: string, message: string]
  readonly end: (found: string) => readonly [operation: string, message: string]
}
const SKIPPED: ObjectWords = {
  first: (found) => ['ReadObjectCB', `expect " after {, but found ${found}`],
  colon: (found) => ['ReadObject', `expect : after object field, but found ${found}`],
  end: () => ['ReadObjectCB', 'object not ended with }'],
}
export const RECORD: ObjectWords = {
  first: (found) => ['readFieldHash', `expect ", but found ${found}`],
  colon: (found) => ['readFieldHash', `expect :, but found ${found}`],
  end: (found) => ['isObjectEnd', `object ended prematurely, unexpected char ${found}`],
}
const SKIPPED_ARRAY = ['ReadArrayCB', 'expect ] in the end'] as const
export const LIST = ['decode slice', 'expect ]'] as const

export class JsonCursor {
  readonly bytes: Buffer
  at = 0
  /** Of the string last read: its content and whether it has escapes. */
  stringFrom = 0
  stringTo = 0
  stringEscaped = false

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** The next byte that is not white space, consumed; 0 at the end. */
  token(): number {
    const { bytes } = this
    while (this.at < bytes.length) {
      const byte = bytes[this.at++]!
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
    }
    return 0
  }

  peek(): number {
    const token = this.token()
    if (token !== 0) this.at--
    return token
  }

  fail(operation: string, message: string): JsonSyntaxError {
    return new JsonSyntaxError(jsonErrorText(this.bytes, this.at, operation, message))
  }

  /** Reads a string value or an object's key; leaves its range in `stringFrom`, `stringTo`, `stringEscaped`. */
  string(): void {
    const token = this.token()
    if (token !== QUOTE) throw this.fail('ReadString', `expects " or n, but found ${char(token)}`)
    const { bytes } = this
    this.stringFrom = this.at
    this.stringEscaped = false
    for (let i = this.at; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (byte === QUOTE) {
        this.stringTo = i
        this.at = i + 1
        return
      }
      if (byte === BACKSLASH) {
        this.stringEscaped = true
        i = SHORT_ESCAPES[bytes[i + 1] ?? 0] !== 0 ? i + 1 : this.#escape(i)
      } else if (byte < 0x20 && !this.stringEscaped) throw this.fail('trySkipString', `invalid control character found: ${byte}`)
    }
    this.at = bytes.length
    throw this.fail('readStringSlowPath', 'unexpected end of input')
  }

  /** The last byte of an escape that begins at `from` and is none of the short ones. */
  #escape(from: number): number {
    const byte = this.bytes[from + 1]
    if (byte === undefined) return from
    if (byte !== LETTER_U) {
      this.at = from + 2
      throw this.fail('readEscapedChar', 'invalid escape char after \\')
    }
    for (let i = from + 2; i < from + 6 && i < this.bytes.length; i++) {
      if (HEX[this.bytes[i]!] !== undefined) continue
      this.at = i + 1
      throw this.fail('readU4', `expects 0~9 or a~f, but found ${char(this.bytes[i]!)}`)
    }
    return from + 5
  }

  /** The text of the string last read. */
  text(): string {
    const raw = this.bytes.toString('utf8', this.stringFrom, this.stringTo)
    return this.stringEscaped ? unescapedText(raw) : raw
  }

  /** Passes over one value of any type, checking its syntax. */
  skip(depth = 0): void {
    const token = this.token()
    switch (token) {
      case QUOTE:
        this.at--
        return this.string()
      case OPEN_BRACE:
        return this.members(() => this.skip(depth + 1), depth)
      case OPEN_BRACKET:
        return this.elements(() => this.skip(depth + 1), depth)
      case LETTER_N:
        return this.#word('ull', 'skipThreeBytes')
      case 0x74:
        return this.#word('rue', 'skipThreeBytes')
      case 0x66:
        return this.#word('alse', 'skipFourBytes')
    }
    if (token !== 0x2d && (token < 0x30 || token > 0x39)) throw this.fail('Skip', `do not know how to skip: ${token}`)
    while (NUMBER_BYTES.has(this.bytes[this.at] ?? 0)) this.at++
  }

  #word(rest: string, operation: string): void {
    for (const expected of Buffer.from(rest)) if (this.bytes[this.at++] !== expected) throw this.fail(operation, `expect ${rest}`)
  }

  /** The members of an object whose brace was just read; `each` reads one value, the key being the string last read. */
  members(each: () => void, depth = 0, words = SKIPPED): void {
    if (depth >= DEPTH_MAX) throw this.fail('incrementDepth', 'exceeded max depth')
    let token = this.token()
    if (token === CLOSE_BRACE) return
    if (token !== QUOTE) throw this.fail(...words.first(char(token)))
    this.at--
    for (;;) {
      this.string()
      const colon = this.token()
      if (colon !== COLON) throw this.fail(...words.colon(char(colon)))
      each()
      token = this.token()
      if (token === CLOSE_BRACE) return
      if (token !== COMMA) throw this.fail(...words.end(char(token)))
    }
  }

  /** The elements of an array whose bracket was just read; `each` reads one value. */
  elements(each: (index: number) => void, depth = 0, [operation, expected]: readonly [string, string] = SKIPPED_ARRAY): void {
    if (depth >= DEPTH_MAX) throw this.fail('incrementDepth', 'exceeded max depth')
    if (this.peek() === CLOSE_BRACKET) {
      this.at++
      return
    }
    for (let index = 0; ; index++) {
      each(index)
      const token = this.token()
      if (token === CLOSE_BRACKET) return
      if (token !== COMMA) throw this.fail(operation, `${expected}, but found ${char(token)}`)
    }
  }
}

const ESCAPES: Readonly<Record<number, number>> = { 0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 0x08, 0x66: 0x0c, 0x6e: 0x0a, 0x72: 0x0d, 0x74: 0x09 }
const SHORT_ESCAPES = new Uint8Array(256)
for (const [kind, byte] of Object.entries(ESCAPES)) SHORT_ESCAPES[Number(kind)] = byte
const HEX: Readonly<Record<number, number>> = Object.fromEntries([...'0123456789abcdef'].flatMap((c, i) => [[c.charCodeAt(0), i], [c.toUpperCase().charCodeAt(0), i]]))

/** Hot. Appends the content of a JSON string (already checked) with its escapes resolved: never more bytes than before. Lone surrogates become U+FFFD. */
export function unescapeInto(sink: ByteSink, bytes: Buffer, from: number, to: number): void {
  let at = sink.reserve(to - from)
  const out = sink.bytes
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    if (byte !== BACKSLASH) out[at++] = byte
    else if (bytes[++i] !== LETTER_U) out[at++] = SHORT_ESCAPES[bytes[i]!]!
    else {
      const codePoint = escapedCodePoint(bytes, i + 1, to)
      i += codePoint >= 0x10000 ? 10 : 4
      at = writeUtf8(out, at, codePoint)
    }
  }
  sink.length = at
}

/** Of four hexadecimal digits, or of a surrogate pair of two escapes. */
function escapedCodePoint(bytes: Buffer, at: number, to: number): number {
  const unit = hexUnit(bytes, at)
  if (unit < 0xd800 || unit >= 0xe000) return unit
  if (unit >= 0xdc00 || at + 10 > to || bytes[at + 4] !== BACKSLASH || bytes[at + 5] !== LETTER_U) return 0xfffd
  const low = hexUnit(bytes, at + 6)
  return low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : 0xfffd
}

function writeUtf8(out: Buffer, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    out[at] = codePoint
    return at + 1
  }
  const tail = codePoint < 0x800 ? 1 : codePoint < 0x10000 ? 2 : 3
  out[at] = [0, 0xc0, 0xe0, 0xf0][tail]! | (codePoint >>> (6 * tail))
  for (let k = 1; k <= tail; k++) out[at + k] = 0x80 | ((codePoint >>> (6 * (tail - k))) & 0x3f)
  return at + tail + 1
}

const hexUnit = (bytes: Buffer, at: number): number => (HEX[bytes[at]!]! << 12) | (HEX[bytes[at + 1]!]! << 8) | (HEX[bytes[at + 2]!]! << 4) | HEX[bytes[at + 3]!]!

/** For the few strings that become JavaScript strings: labels and names. Raw control characters are legal after an escape, as in json-iterator. */
function unescapedText(raw: string): string {
  return raw
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_all, unit: string | undefined, short: string) =>
      unit === undefined ? String.fromCharCode(ESCAPES[short.charCodeAt(0)]!) : String.fromCharCode(Number.parseInt(unit, 16)),
    )
    .toWellFormed()
}
