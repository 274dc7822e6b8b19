/**
 * Transcodes the oldest JSON push (`POST /api/prom/push`): `{"streams":[{"labels":"{…}","entries":[{"ts":"<RFC 3339>","line":"…"}]}]}`.
 *
 * Only very old agents send it, so it is written for the reader and not for speed.
 */
import { ByteSink, PushEncoder } from './encode-protobuf.ts'
import { readStreams } from './decode-json.ts'
import type { StreamReader } from './decode-json.ts'
import { JsonCursor, unescapeInto } from './json-cursor.ts'
import { malformed } from './protobuf-wire.ts'

const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/

export function transcodeLegacyJsonPush(body: Buffer): Buffer {
  const encoder = new PushEncoder()
  readStreams(body, new LegacyTranscoder(body, encoder))
  return encoder.finish()
}

class LegacyTranscoder implements StreamReader {
  readonly typeName = 'logproto.Stream'
  readonly cursor: JsonCursor
  readonly #encoder: PushEncoder
  readonly #line = new ByteSink(4096)

  constructor(body: Buffer, encoder: PushEncoder) {
    this.cursor = new JsonCursor(body)
    this.#encoder = encoder
  }

  stream(): void {
    const { cursor } = this
    let labels = ''
    this.#open(OPEN_BRACE, '{')
    cursor.members(() => {
      const key = cursor.text()
      if (key === 'labels') labels = this.#text()
      else if (key === 'entries') this.#entries()
      else cursor.skip()
    })
    this.#encoder.endStream(labels)
  }

  #open(bracket: number, name: string): void {
    const token = this.cursor.token()
    if (token !== bracket) throw this.cursor.fail('readObjectStart', `expect ${name} or n, but found ${String.fromCharCode(token)}`)
  }

  #text(): string {
    this.cursor.string()
    return this.cursor.text()
  }

  #entries(): void {
    this.#open(OPEN_BRACKET, '[')
    this.cursor.elements(() => this.#entry())
  }

  #entry(): void {
    const { cursor } = this
    let time = { seconds: 0, nanos: 0 }
    this.#line.length = 0
    this.#open(OPEN_BRACE, '{')
    cursor.members(() => {
      const key = cursor.text()
      if (key === 'ts' || key === 'timestamp') time = parseRfc3339(this.#text())
      else if (key === 'line') this.#readLine()
      else cursor.skip()
    })
    this.#encoder.entry(time.seconds, time.nanos, this.#line.bytes, 0, this.#line.length, null, 0, 0)
  }

  #readLine(): void {
    this.cursor.string()
    this.#line.length = 0
    unescapeInto(this.#line, this.cursor.bytes, this.cursor.stringFrom, this.cursor.stringTo)
  }
}

/** Whole seconds and nanoseconds of an RFC 3339 time, nine digits kept. */
export function parseRfc3339(text: string): { seconds: number; nanos: number } {
  const match = RFC3339.exec(text)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[4]!.toUpperCase()}`)
  if (match === null || Number.isNaN(ms)) throw malformed(`parsing time "${text}" as "2006-01-02T15:04:05Z07:00": cannot parse "${text}" as an RFC 3339 time`)
  return { seconds: ms / 1000, nanos: Number((match[3] ?? '').padEnd(9, '0')) }
}
