/** The walk over `PushRequest` bytes finds what a naive reader finds, in time order, and refuses what is broken. */
import { describe, expect, it } from 'vitest'
import { decodePushBatches, decodePushInPlace, decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { encodeStreams } from '../../../protocols/push/encode-protobuf.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { busyAgentPush, entryMessage, field, plainOf, pushBody, seeded, timestamp, varint } from '../../support/push-bodies.ts'
import type { PlainEntry, PlainStream } from '../../support/push-bodies.ts'

const T0 = 1_793_491_200_000_000_000n
const one = (entry: Partial<PlainEntry>): PlainStream[] => [{ labels: '{a="b"}', entries: [{ ns: T0, line: Buffer.from('x'), ...entry }] }]

function randomPush(next: () => number): PlainStream[] {
  const below = (n: number): number => Math.floor(next() * n)
  return Array.from({ length: below(6) }, (_, s) => ({
    labels: `{s="${s}"}`,
    entries: Array.from({ length: below(next() < 0.1 ? 400 : 12) }, () => {
      const ns = T0 + BigInt(below(2_000_000_000)) * (next() < 0.1 ? 1_000_000n : 1n) - 1_000_000_000n
      const line = Buffer.from(Array.from({ length: below(next() < 0.05 ? 40_000 : 150) }, () => below(256)))
      const pairs = next() < 0.3 ? Array.from({ length: 1 + below(4) }, (_v, k): [string, string] => [`m${k}`, 'v'.repeat(below(next() < 0.1 ? 300 : 9))]) : null
      return pairs === null ? { ns, line } : { ns, line, metadata: pairs }
    }),
  }))
}
const inTimeOrder = (streams: ReadonlyArray<PlainStream>): PlainStream[] =>
  streams.map((s) => ({ ...s, entries: [...s.entries].sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)) }))
/** Comparing long buffers byte by byte takes seconds. */
const asText = (streams: ReadonlyArray<PlainStream>) => streams.map((s) => ({ ...s, entries: s.entries.map((entry) => ({ ...entry, line: entry.line.toString('latin1') })) }))
const codeOf = (body: Buffer): string => {
  try {
    decodePushBatches(body)
    return 'ok'
  } catch (error) {
    return error instanceof SkaldError ? error.code : `not an operating error: ${String(error)}`
  }
}
const messageOf = (body: Buffer): string => {
  try {
    decodePushBatches(body)
    return 'ok'
  } catch (error) {
    return (error as Error).message
  }
}

describe('decodePushRequest', () => {
  it('finds what was written, rows of a stream in time order and stable, for random pushes', () => {
    const next = seeded(7)
    for (let round = 0; round < 300; round++) {
      const push = randomPush(next)
      expect(asText(plainOf(decodePushRequest(pushBody(push))))).toEqual(asText(inTimeOrder(push)))
    }
  })

  it('finds the same in place, in columns that hold until the next push', () => {
    const body = pushBody(busyAgentPush(seeded(2), 2_000))
    const inPlace = decodePushInPlace(body)
    expect(plainOf(inPlace)).toEqual(plainOf(decodePushRequest(body)))
    expect(decodePushInPlace(body).starts.buffer).toBe(inPlace.starts.buffer)
    expect(decodePushRequest(body).starts.buffer).not.toBe(inPlace.starts.buffer)
  })

  it('reads a busy agent push', () => {
    const push = busyAgentPush(seeded(1), 5_000)
    const batch = decodePushRequest(pushBody(push))
    expect(plainOf(batch)).toEqual(push)
    expect(batch.metadataStarts).toBeNull()
    expect(batch.streams.map((s) => s.lineBytes)).toEqual(push.map((s) => s.entries.reduce((sum, e) => sum + e.line.length, 0)))
  })

  it('gives bounds, sizes and byte ranges of each stream', () => {
    const push: PlainStream[] = [
      { labels: '{a="1"}', entries: [{ ns: T0 + 9n, line: Buffer.from('later'), metadata: [['k', 'val']] }, { ns: T0, line: Buffer.from('xx') }] },
      { labels: '{a="2"}', entries: [] },
    ]
    const batch = decodePushRequest(pushBody(push))
    const [first, second] = batch.streams
    expect(first).toMatchObject({ labelsText: '{a="1"}', rowFrom: 0, rowTo: 2, minRelativeNs: 0, maxRelativeNs: 9, lineBytes: 7, metadataBytes: 4, byteFrom: 0 })
    expect(second).toMatchObject({ rowFrom: 2, rowTo: 2, byteFrom: first!.byteTo, byteTo: batch.body.length, lineBytes: 0 })
    expect(plainOf(decodePushRequest(encodeStreams(batch, [1])))).toEqual([push[1]])
  })

  it('keeps equal times in arrival order after sorting', () => {
    const entries = [3n, 1n, 1n, 2n, 1n].map((ns, i) => ({ ns: T0 + ns, line: Buffer.from(String(i)) }))
    const lines = plainOf(decodePushRequest(pushBody([{ labels: '{}', entries }])))[0]!.entries.map((e) => e.line.toString())
    expect(lines).toEqual(['1', '2', '4', '3', '0'])
  })

  it('passes over fields it does not know, wherever they stand', () => {
    const unknown = Buffer.concat([field(15, 'zzz'), varint((9 << 3) | 0), varint(77), varint((8 << 3) | 5), Buffer.alloc(4), varint((8 << 3) | 1), Buffer.alloc(8)])
    const entry = Buffer.concat([unknown, entryMessage({ ns: T0, line: Buffer.from('x') }), unknown, field(4, field(1, 'parsed'))])
    const stream = Buffer.concat([unknown, field(2, entry), unknown, field(1, '{a="b"}'), Buffer.concat([varint(3 << 3), varint(1n << 63n)])])
    const batch = decodePushRequest(Buffer.concat([unknown, field(1, stream), field(2, 'format'), unknown]))
    expect(plainOf(batch)).toEqual(one({}))
  })

  it('reads metadata on both sides of other fields, and refuses a line given twice', () => {
    const pair = (name: string): Buffer => field(3, Buffer.concat([field(1, name), field(2, 'v')]))
    const push = (...fields: Buffer[]): Buffer => field(1, Buffer.concat([field(1, '{}'), field(2, Buffer.concat(fields))]))
    const batch = decodePushRequest(push(pair('a'), field(1, timestamp(T0)), field(2, 'line'), pair('b')))
    expect(plainOf(batch)[0]!.entries[0]).toEqual({ ns: T0, line: Buffer.from('line'), metadata: [['a', 'v'], ['b', 'v']] })
    expect(messageOf(push(field(2, 'old'), field(2, 'new')))).toBe('proto: EntryAdapter: field Line given twice')
    expect(messageOf(push(field(1, timestamp(T0)), field(1, timestamp(T0))))).toBe('proto: EntryAdapter: field Timestamp given twice')
  })

  it('reads times far back and exactly, each batch within the exact range', () => {
    const entries = [T0 + 1n, 0n, 123_456_789_012_345_678n, T0 - 1n, -1n, -5_000_000_001n].map((ns) => ({ ns, line: Buffer.from(String(ns)) }))
    const batches = decodePushBatches(pushBody([{ labels: '{a="b"}', entries }]))
    expect(batches.length).toBeGreaterThan(1)
    const found = batches.flatMap((b) => plainOf(b)).flatMap((s) => s.entries)
    expect(found.map((e) => e.ns)).toEqual([...entries].map((e) => e.ns).sort((a, b) => (a < b ? -1 : 1)))
    for (const e of found) expect(e.line.toString()).toBe(String(e.ns))
  })

  it('keeps lines that are not UTF-8 as they are', () => {
    const line = Buffer.from([0xff, 0xfe, 0x41])
    expect(plainOf(decodePushRequest(pushBody(one({ line }))))[0]!.entries[0]!.line).toEqual(line)
  })

  it('accepts a message without streams, and a stream without anything', () => {
    expect(decodePushRequest(Buffer.alloc(0))).toMatchObject({ rowCount: 0, streams: [] })
    expect(decodePushRequest(field(1, '')).streams[0]).toMatchObject({ labelsText: '', rowFrom: 0, rowTo: 0 })
  })
})

describe('broken messages', () => {
  it('says what is wrong in the words of Go decoders', () => {
    const body = pushBody(one({}))
    expect(messageOf(body.subarray(0, body.length - 1))).toBe('unexpected EOF')
    expect(messageOf(Buffer.from([0x08, 1]))).toBe('proto: wrong wireType = 0 for field Streams')
    expect(messageOf(field(1, Buffer.from([0x10, 1])))).toBe('proto: wrong wireType = 0 for field Entries')
    expect(messageOf(field(1, field(2, Buffer.from([0x10, 1]))))).toBe('proto: wrong wireType = 0 for field Line')
    expect(messageOf(Buffer.from([0x00, 1]))).toBe('proto: PushRequest: illegal tag 0 (wire type 0)')
    expect(messageOf(Buffer.from([0x0f, 1]))).toBe('proto: wrong wireType = 7 for field Streams')
    expect(messageOf(Buffer.from([0x7f, 1]))).toBe('proto: illegal wireType 7')
    expect(messageOf(Buffer.concat([Buffer.from([0x0a]), Buffer.alloc(11, 0xff)]))).toBe('proto: integer overflow')
  })

  it('refuses times that no clock can mean', () => {
    const push = (time: Buffer): Buffer => field(1, field(2, field(1, time)))
    expect(messageOf(push(Buffer.concat([varint(0x10), varint(1_000_000_000)])))).toMatch(/nanos not in range/)
    expect(messageOf(push(Buffer.concat([varint(0x10), varint(-1)])))).toMatch(/nanos not in range/)
    expect(messageOf(push(Buffer.concat([varint(0x08), varint(1n << 60n)])))).toMatch(/outside the years/)
    expect(messageOf(push(Buffer.concat([varint(0x08), varint(9_223_372_036n), varint(0x10), varint(854_775_808n)])))).toMatch(/outside the years/)
    expect(messageOf(push(Buffer.concat([varint(0x08), varint(9_223_372_036n), varint(0x10), varint(854_775_807n)])))).toBe('ok')
  })

  it('never accepts a truncated stream, whatever the cut', () => {
    const body = pushBody(one({ line: Buffer.from('a line'), metadata: [['name', 'value']] }))
    for (let cut = 1; cut < body.length; cut++) expect([cut, codeOf(body.subarray(0, cut))]).toEqual([cut, 'malformed_body'])
  })

  it('answers 20,000 mutated bodies with rows inside the body or an operating error', () => {
    const next = seeded(99)
    const bases = [pushBody(randomPush(next)), pushBody(busyAgentPush(next, 400)), pushBody(one({ metadata: [['k', 'v']] }))]
    for (let round = 0; round < 20_000; round++) {
      const body = Buffer.from(bases[round % bases.length]!)
      for (let k = 0; k <= round % 3; k++) body[Math.floor(next() * body.length)] = Math.floor(next() * 256)
      try {
        for (const batch of decodePushBatches(next() < 0.2 ? body.subarray(0, Math.floor(next() * body.length)) : body)) {
          for (let i = 0; i < batch.rowCount; i++) if (batch.starts[i]! + batch.lengths[i]! > batch.body.length) throw new Error('row outside the body')
          for (const s of batch.streams) for (let i = s.rowFrom + 1; i < s.rowTo; i++) if (!(batch.relativeNs[i]! >= batch.relativeNs[i - 1]!)) throw new Error('not in time order')
        }
      } catch (error) {
        if (!(error instanceof SkaldError)) throw error
      }
    }
  })

  it('bounds the number of entries, because empty ones cost more memory than bytes', () => {
    const body = Buffer.concat([varint(0x0a), varint(2 * 4_200_000), Buffer.alloc(2 * 4_200_000, Buffer.from([0x12, 0x00]))])
    expect(codeOf(body)).toBe('body_too_large')
  })
})
