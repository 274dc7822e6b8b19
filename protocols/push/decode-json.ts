/**
 * Transcodes Loki's JSON push, `{"streams":[{"stream":{…},"values":[["<unix ns>","line",{…}]]}]}`, to a `PushRequest` message.
 *
 * Bytes to bytes: no value, string or object per line. The gateway calls it for `application/json`; what comes out takes the same way as a
 * protobuf push. Errors carry the texts that Loki gives, which are its JSON libraries': first the syntax of a stream is checked, then its meaning,
 * and a wrong type is reported where the stream ends.
 */
import { goQuote } from '../logql/go-text.ts'
import { ByteSink, PushEncoder } from './encode-protobuf.ts'
import { JsonCursor, JsonSyntaxError, LIST, RECORD, jsonErrorText, unescapeInto } from './json-cursor.ts'
import { malformed } from './protobuf-wire.ts'

const QUOTE = 0x22
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const LETTER_N = 0x6e

const NOT_A_STRING = `Value is string, but can't find closing '"' symbol`
const NOT_AN_OBJECT = `Value looks like object, but can't find closing '}' symbol`
const NOT_AN_ARRAY = `Value is array, but can't find closing ']' symbol`
const NOT_A_NUMBER = `Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol`

const MAX_SECONDS = 9_223_372_036
const MAX_NANOS_AT_MAX_SECONDS = 854_775_807

/** Well-formed JSON that is not a push. */
class WrongType extends Error {}

/** The message, decompressed JSON in, `PushRequest` out. Throws `malformed_body` with Loki's text. */
export function transcodeJsonPush(body: Buffer): Buffer {
  const encoder = new PushEncoder()
  readStreams(body, new StreamTranscoder(body, encoder))
  return encoder.finish()
}

/** Reads one element of `streams`; throws `JsonSyntaxError` or a plain Error that says what is wrong with its meaning. */
export interface StreamReader {
  readonly cursor: JsonCursor
  readonly typeName: string
  stream(): void
}

/** The outer object, which all JSON forms share. */
export function readStreams(body: Buffer, reader: StreamReader): void {
  if (body.length === 0) throw malformed('EOF')
  const { cursor } = reader
  const open = cursor.token()
  if (open === LETTER_N) return
  if (open !== OPEN_BRACE) throw malformed(cursor.fail('readObjectStart', `expect { or n, but found ${String.fromCharCode(open)}`).message)
  try {
    cursor.members(() => {
      if (cursor.text().toLowerCase() === 'streams') streamList(reader)
      else cursor.skip()
    }, 0, RECORD)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw malformed(`loghttp.PushRequest.${error.message}`)
    throw error
  }
}

function streamList(reader: StreamReader): void {
  const { cursor } = reader
  const path = `Streams: []${reader.typeName}: `
  try {
    const open = cursor.token()
    if (open === LETTER_N) {
      cursor.at--
      return cursor.skip()
    }
    if (open !== OPEN_BRACKET) throw cursor.fail('decode slice', `expect [ or n, but found ${String.fromCharCode(open)}`)
    cursor.elements(() => oneStream(reader), 0, LIST)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new JsonSyntaxError(path + error.message)
    throw error
  }
}

/** A stream of the wrong shape is reported after all of it, unless its syntax is broken too. */
function oneStream(reader: StreamReader): void {
  const { cursor } = reader
  cursor.peek()
  const from = cursor.at
  try {
    reader.stream()
  } catch (error) {
    if (!(error instanceof WrongType)) throw error
    cursor.at = from
    cursor.skip()
    throw new JsonSyntaxError(jsonErrorText(cursor.bytes, cursor.at, 'unmarshalerDecoder', error.message))
  }
}

class StreamTranscoder implements StreamReader {
  readonly typeName = 'loghttp.LogProtoStream'
  readonly cursor: JsonCursor
  readonly #encoder: PushEncoder
  readonly #line = new ByteSink(4096)
  readonly #metadata = new ByteSink(4096)
  readonly #pair = new ByteSink(256)
  readonly #scratch = new ByteSink(256)
  #seconds = 0
  #nanos = 0
  #lineBytes: Buffer
  #lineFrom = 0
  #lineTo = 0

  constructor(body: Buffer, encoder: PushEncoder) {
    this.cursor = new JsonCursor(body)
    this.#encoder = encoder
    this.#lineBytes = body
  }

  stream(): void {
    const { cursor } = this
    if (cursor.token() !== OPEN_BRACE) throw new WrongType(NOT_AN_OBJECT)
    let labels = '{}'
    cursor.members(() => {
      const key = cursor.text()
      if (key === 'stream') labels = this.#labels()
      else if (key === 'values') this.#values()
      else cursor.skip()
    })
    this.#encoder.endStream(labels)
  }

  /** Labels as the text that Loki makes of them, names unquoted, before it parses that: so its errors name columns of this text. */
  #labels(): string {
    const { cursor } = this
    if (cursor.token() !== OPEN_BRACE) throw new WrongType(NOT_AN_OBJECT)
    const pairs = new Map<string, string>()
    cursor.members(() => {
      const name = cursor.text()
      pairs.set(name, this.#labelValue())
    })
    return `{${[...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${goQuote(value)}`).join(', ')}}`
  }

  /** A value that is no string counts as its JSON text. */
  #labelValue(): string {
    const { cursor } = this
    if (cursor.peek() === QUOTE) {
      cursor.string()
      return cursor.text()
    }
    const from = cursor.at
    cursor.skip()
    return cursor.bytes.toString('utf8', from, cursor.at)
  }

  #values(): void {
    const { cursor } = this
    if (this.#isNull()) return
    if (cursor.token() !== OPEN_BRACKET) throw new WrongType(NOT_AN_ARRAY)
    cursor.elements(this.#eachEntry)
  }

  // The callbacks of every line are made once.
  readonly #eachEntry = (): void => {
    if (!this.#isNull()) this.#entry()
  }
  readonly #eachElement = (index: number): void => {
    if (index === 0) this.#time()
    else if (index === 1) this.#readLine()
    else if (index === 2) this.#pairs()
    else this.cursor.skip()
  }
  readonly #eachPair = (): void => {
    this.#pair.length = 0
    this.#pairPart(0x0a)
    this.#string()
    this.#pairPart(0x12)
    this.#metadata.field(0x1a, this.#pair.bytes, 0, this.#pair.length)
  }

  #isNull(): boolean {
    if (this.cursor.peek() !== LETTER_N) return false
    this.cursor.skip()
    return true
  }

  /** `["<unix ns>", "line", {metadata}]`; what is missing is empty, what is more is passed over. */
  #entry(): void {
    const { cursor } = this
    if (cursor.token() !== OPEN_BRACKET) throw new WrongType(NOT_AN_ARRAY)
    this.#seconds = 0
    this.#nanos = 0
    this.#lineTo = this.#lineFrom = 0
    this.#metadata.length = 0
    cursor.elements(this.#eachElement)
    this.#encoder.entry(this.#seconds, this.#nanos, this.#lineBytes, this.#lineFrom, this.#lineTo, this.#metadata.bytes, 0, this.#metadata.length)
  }

  #string(): void {
    if (this.cursor.peek() !== QUOTE) throw new WrongType(NOT_A_STRING)
    this.cursor.string()
  }

  /** Digits with an optional minus, within int64. */
  #time(): void {
    this.#string()
    const { bytes, stringFrom, stringTo } = this.cursor
    const negative = bytes[stringFrom] === 0x2d
    const from = negative ? stringFrom + 1 : stringFrom
    const split = Math.max(from, stringTo - 9)
    let seconds = digits(bytes, from, split)
    let nanos = digits(bytes, split, stringTo)
    if (stringTo === from || !(seconds < MAX_SECONDS || (seconds === MAX_SECONDS && nanos <= MAX_NANOS_AT_MAX_SECONDS))) throw new WrongType(NOT_A_NUMBER)
    if (negative) {
      seconds = nanos === 0 ? -seconds : -seconds - 1
      nanos = nanos === 0 ? 0 : 1e9 - nanos
    }
    this.#seconds = seconds + 0
    this.#nanos = nanos
  }

  #readLine(): void {
    this.#string()
    const { bytes, stringFrom, stringTo, stringEscaped } = this.cursor
    if (stringEscaped) {
      this.#line.length = 0
      unescapeInto(this.#line, bytes, stringFrom, stringTo)
    }
    this.#lineBytes = stringEscaped ? this.#line.bytes : bytes
    this.#lineFrom = stringEscaped ? 0 : stringFrom
    this.#lineTo = stringEscaped ? this.#line.length : stringTo
  }

  #pairs(): void {
    const { cursor } = this
    if (cursor.token() !== OPEN_BRACE) throw new WrongType(NOT_AN_OBJECT)
    cursor.members(this.#eachPair)
  }

  /** The string last read, as a field of the pair. */
  #pairPart(tag: number): void {
    const { bytes, stringFrom, stringTo, stringEscaped } = this.cursor
    if (!stringEscaped) return this.#pair.field(tag, bytes, stringFrom, stringTo)
    this.#scratch.length = 0
    unescapeInto(this.#scratch, bytes, stringFrom, stringTo)
    this.#pair.field(tag, this.#scratch.bytes, 0, this.#scratch.length)
  }
}

function digits(bytes: Buffer, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) throw new WrongType(NOT_A_NUMBER)
    value = value * 10 + digit
  }
  return value
}
