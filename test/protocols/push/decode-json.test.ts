/** JSON pushes say the same as protobuf ones, and are refused with the words of Loki's JSON libraries. */
import { describe, expect, it } from 'vitest'
import { transcodeJsonPush } from '../../../protocols/push/decode-json.ts'
import { parseRfc3339, transcodeLegacyJsonPush } from '../../../protocols/push/decode-json-legacy.ts'
import { decodePushBatches, decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { plainOf, seeded } from '../../support/push-bodies.ts'
import type { PlainStream } from '../../support/push-bodies.ts'

const NS = 1_793_491_200_000_000_000n
const rows = (json: string): PlainStream[] => plainOf(decodePushRequest(transcodeJsonPush(Buffer.from(json))))
const one = (value: string): PlainStream['entries'][number] => rows(`{"streams":[{"stream":{"a":"b"},"values":[${value}]}]}`)[0]!.entries[0]!
const errorOf = (json: string, transcode = transcodeJsonPush): string => {
  try {
    transcode(Buffer.from(json))
    return 'decoded'
  } catch (error) {
    if (error instanceof SkaldError && error.status === 400) return error.message
    throw error
  }
}
const value = (text: string): string => `{"streams":[{"stream":{"a":"b"},"values":[${text}]}]}`

describe('meaning', () => {
  it('keys in any order, unknown ones passed over, white space anywhere', () => {
    const json = ` {"x":[1,{"y":null}], "streams" : [ {"values":[ [ "${NS}" , "x" ] ], "z":-1.5e3,"stream":{"b":"2","a":"1"}} ], "t":true } trailing`
    expect(rows(json)).toEqual([{ labels: '{a="1", b="2"}', entries: [{ ns: NS, line: Buffer.from('x') }] }])
  })

  it.each([
    ['no line', `["${NS}"]`, { ns: NS, line: Buffer.alloc(0) }],
    ['more than three elements', `["${NS}","x",{},[1],"y"]`, { ns: NS, line: Buffer.from('x') }],
    ['metadata', `["${NS}","x",{"k":"v","l":"\\u00e4\\n"}]`, { ns: NS, line: Buffer.from('x'), metadata: [['k', 'v'], ['l', 'ä\n']] }],
    ['escapes', `["${NS}","a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20ac\\ud83d\\ude00z"]`, { ns: NS, line: Buffer.from('a"\\/\b\f\n\r\tä€😀z') }],
    ['lone surrogates', `["${NS}","\\ud83d-\\ude00-\\ud83d\\u0041"]`, { ns: NS, line: Buffer.from('\uFFFD-\uFFFD-\uFFFDA') }],
    ['a negative time', `["-1","x"]`, { ns: -1n, line: Buffer.from('x') }],
    ['a short time', `["7","x"]`, { ns: 7n, line: Buffer.from('x') }],
    ['the largest time', `["9223372035999999999","x"]`, { ns: 9_223_372_035_999_999_999n, line: Buffer.from('x') }],
  ])('%s', (_name, text, entry) => {
    expect(one(text)).toEqual(entry)
  })

  it('nulls: no streams, no values, an entry passed over', () => {
    expect(rows('null')).toEqual([])
    expect(rows('{"streams":null}')).toEqual([])
    expect(rows('{"STREAMS":[]}')).toEqual([])
    expect(rows('{"streams":[{"stream":{"a":"b"},"values":null}]}')[0]!.entries).toEqual([])
    expect(rows(`{"streams":[{"stream":{"a":"b"},"values":[null,["${NS}","x"]]}]}`)[0]!.entries).toHaveLength(1)
  })

  it('labels: the last of a name, what is no string as its text', () => {
    const labels = (json: string): string => rows(`{"streams":[{"stream":${json},"values":[]}]}`)[0]!.labels
    expect(labels('{"a":"1","a":"2"}')).toBe('{a="2"}')
    expect(labels('{"a":5,"b":true,"c":{"x":[1]},"d":"q\\"\\u00e4"}')).toBe('{a="5", b="true", c="{\\"x\\":[1]}", d="q\\"ä"}')
  })

  it('bytes of a line that are no UTF-8 stay', () => {
    const json = Buffer.concat([Buffer.from(`{"streams":[{"stream":{"a":"b"},"values":[["${NS}","`), Buffer.from([0xff, 0xfe]), Buffer.from('"]]}]}')])
    expect(plainOf(decodePushRequest(transcodeJsonPush(json)))[0]!.entries[0]!.line).toEqual(Buffer.from([0xff, 0xfe]))
  })

  it('random pushes come through as JSON.parse reads them', () => {
    const next = seeded(5)
    const below = (n: number): number => Math.floor(next() * n)
    const alphabet = [...'ab"\\\n\t/{}[],:\u0001ä€😀\u2028\uFFFD ']
    const word = (n: number): string => Array.from({ length: below(n) }, () => alphabet[below(alphabet.length)]!).join('')
    for (let round = 0; round < 500; round++) {
      const streams = Array.from({ length: below(4) }, () => ({
        stream: { [`l${below(9)}`]: word(9) },
        values: Array.from({ length: below(30) }, (_, i): unknown[] => [String(NS + BigInt(i)), word(40), ...(next() < 0.3 ? [{ [`m${below(5)}`]: word(9) }] : [])]),
      }))
      const found = rows(JSON.stringify({ streams }, null, round % 3)).map((s) => s.entries.map((e) => [String(e.ns), e.line.toString(), ...(e.metadata === undefined ? [] : [Object.fromEntries(e.metadata)])]))
      expect(found).toEqual(streams.map((s) => s.values))
    }
  })
})

describe('errors', () => {
  const path = 'loghttp.PushRequest.Streams: []loghttp.LogProtoStream: '
  it.each([
    ['{', 'loghttp.PushRequest.readFieldHash: expect ", but found \u0000'],
    ['{"a" 1}', 'loghttp.PushRequest.readFieldHash: expect :, but found 1'],
    ['{"a":1]', 'loghttp.PushRequest.isObjectEnd: object ended prematurely, unexpected char ]'],
    ['{"streams":[{}}', `${path}decode slice: expect ], but found }`],
    ['[]', 'readObjectStart: expect { or n, but found [, error found in #1 byte of ...|[]|..., bigger context ...|[]|...'],
    ['{"streams":5}', `loghttp.PushRequest.Streams: []loghttp.LogProtoStream: decode slice: expect [ or n, but found 5`],
    [value('["x"'), `${path}ReadArrayCB: expect ] in the end, but found }`],
    [value('["1793491200000000000",'), `${path}Skip: do not know how to skip: 93`],
    [value('["text","x"]'), `${path}unmarshalerDecoder: Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol`],
    [value('["","x"]'), `${path}unmarshalerDecoder: Value looks like Number/Boolean/None`],
    [value('["9223372036854775808","x"]'), `${path}unmarshalerDecoder: Value looks like Number/Boolean/None`],
    [value('[1793491200000000000,"x"]'), `${path}unmarshalerDecoder: Value is string, but can't find closing '"' symbol`],
    [value('["1","x",{"k":5}]'), `${path}unmarshalerDecoder: Value is string, but can't find closing '"' symbol`],
    [value('["1","x",null]'), `${path}unmarshalerDecoder: Value looks like object, but can't find closing '}' symbol`],
    [value('"x"'), `${path}unmarshalerDecoder: Value is array, but can't find closing ']' symbol`],
    ['{"streams":[5]}', `${path}unmarshalerDecoder: Value looks like object, but can't find closing '}' symbol`],
    [value('["1","x'), `${path}readStringSlowPath: unexpected end of input`],
    [value('["1","x\\q"]'), `${path}readEscapedChar: invalid escape char after \\`],
    [value('["1","x\\u12g4"]'), `${path}readU4: expects 0~9 or a~f, but found g`],
    [value('["1","x\ny"]'), `${path}trySkipString: invalid control character found: 10`],
    [value('["1",nul]'), `${path}skipThreeBytes: expect ull`],
  ])('%j', (json, message) => {
    expect(errorOf(json).slice(0, message.length)).toBe(message)
  })

  it('prefer broken syntax later in a stream to a wrong type before it', () => {
    expect(errorOf('{"streams":[{"stream":5,"values":[["1","x"]')).toMatch(/ReadArrayCB: expect \] in the end, but found \0/)
  })

  it('bound nesting', () => {
    expect(errorOf(`{"x":${'['.repeat(100_000)}`)).toMatch(/exceeded max depth/)
    expect(errorOf(`{"x":${'{"a":'.repeat(100_000)}`)).toMatch(/exceeded max depth/)
  })

  it('mutated pushes end in an answer, never in anything else', () => {
    const next = seeded(77)
    const base = Buffer.from(`{"streams":[{"stream":{"a":"b","c":"\\u00e4"},"values":[["${NS}","line \\n x",{"k":"v"}],["${NS}","y"]]},{"stream":{},"values":[]}]}`)
    const alphabet = Buffer.from('{}[]",:\\u0n1e- \u0000')
    for (let round = 0; round < 10_000; round++) {
      const json = Buffer.from(base)
      for (let k = 0; k <= round % 4; k++) json[Math.floor(next() * json.length)] = alphabet[Math.floor(next() * alphabet.length)]!
      try {
        decodePushBatches(transcodeJsonPush(next() < 0.2 ? json.subarray(0, Math.floor(next() * json.length)) : json))
      } catch (error) {
        if (!(error instanceof SkaldError)) throw error
      }
    }
  })
})

describe('the legacy form', () => {
  it('has label text, RFC 3339 times and lines', () => {
    const json = '{"streams":[{"labels":"{a=\\"b\\"}","entries":[{"ts":"2026-11-01T01:00:00.000000007+01:00","line":"x\\ty"},{"line":"z","ts":"2026-11-01T00:00:01Z"}]}]}'
    expect(plainOf(decodePushRequest(transcodeLegacyJsonPush(Buffer.from(json))))).toEqual([
      { labels: '{a="b"}', entries: [{ ns: NS + 7n, line: Buffer.from('x\ty') }, { ns: NS + 1_000_000_000n, line: Buffer.from('z') }] },
    ])
  })

  it('refuses other shapes and times', () => {
    expect(errorOf('{"streams":[{"entries":[5]}]}', transcodeLegacyJsonPush)).toMatch(/Streams: \[\]logproto.Stream: readObjectStart: expect \{ or n, but found 5/)
    expect(errorOf('{"streams":[{"entries":[{"ts":"yesterday"}]}]}', transcodeLegacyJsonPush)).toMatch(/^parsing time "yesterday"/)
    expect(() => parseRfc3339('2026-13-01T00:00:00Z')).toThrow(/parsing time/)
  })
})
