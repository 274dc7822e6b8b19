/** Every form in which a push comes, and every hostile one: the content, a clear 4xx in Loki's words, memory bounded. */
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { describe, expect, it } from 'vitest'
import { decodeOtlpTransfer, decodePush, mediaType } from '../../../protocols/push/content.ts'
import type { PushContent, PushSizes } from '../../../protocols/push/content.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { busyAgentPush, plainOf, pushBody, seeded, varint } from '../../support/push-bodies.ts'

const PROTOBUF = 'application/x-protobuf'
const JSON_TYPE = 'application/json'
const push = busyAgentPush(seeded(1), 1_000)
const body = pushBody(push)
const SIZES: PushSizes = { bodyBytesMax: 1_000_000, decompressedBytesMax: 2_000_000 }
const content = (bytes: Buffer, contentType: string | undefined = PROTOBUF, contentEncoding?: string): PushContent => ({ body: bytes, contentType, contentEncoding })
const refused = (what: PushContent, sizes = SIZES): { status: number; message: string } => {
  try {
    decodePush(what, sizes)
    return { status: 204, message: '' }
  } catch (error) {
    if (error instanceof SkaldError) return { status: error.status, message: error.message }
    throw error
  }
}

describe('content', () => {
  const z = snappy.compressSync(body)
  it.each([
    ['snappy', content(z)],
    ['snappy, named', content(z, PROTOBUF, 'snappy')],
    ['snappy with any other type', content(z, 'text/plain; charset=utf-8')],
    ['snappy in gzip', content(gzipSync(z), PROTOBUF, 'gzip')],
    ['snappy in deflate', content(deflateRawSync(z), PROTOBUF, 'deflate')],
  ])('%s', (_name, what) => {
    const decoded = decodePush(what, SIZES)
    expect(plainOf(decoded.batches[0]!)).toEqual(push)
    expect(decoded.snappyBody?.equals(z)).toBe(true)
  })

  it('JSON has no snappy body to log as it came', () => {
    const json = Buffer.from('{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}')
    for (const encoding of [undefined, '', 'snappy']) expect(decodePush(content(json, JSON_TYPE, encoding), SIZES)).toMatchObject({ snappyBody: null, batches: [{ rowCount: 1 }] })
    expect(decodePush(content(gzipSync(json), 'Application/JSON;charset=UTF-8', 'gzip'), SIZES).batches[0]!.rowCount).toBe(1)
  })

  it('a push over months is several batches, and none of them is the body that came', () => {
    const wide = pushBody([{ labels: '{a="b"}', entries: [0n, 10n ** 18n].map((ns) => ({ ns, line: Buffer.from('x') })) }])
    expect(decodePush(content(snappy.compressSync(wide)), SIZES)).toMatchObject({ snappyBody: null, batches: [{ rowCount: 1 }, { rowCount: 1 }] })
  })
})

describe('refusals', () => {
  it.each([
    ['no content type', { ...content(body), contentType: undefined }, 400, 'mime: no media type'],
    ['an encoding that is not known', content(body, PROTOBUF, 'br'), 400, 'Content-Encoding "br" not supported'],
    ['gzip that is none', content(body, PROTOBUF, 'gzip'), 400, 'gzip: invalid header'],
    ['gzip cut short', content(gzipSync(body).subarray(0, 40), PROTOBUF, 'gzip'), 400, 'unexpected EOF'],
    ['no bytes as gzip', content(Buffer.alloc(0), PROTOBUF, 'gzip'), 400, 'EOF'],
    ['deflate that is none', content(Buffer.from([0xff, 0xff]), PROTOBUF, 'deflate'), 400, 'flate: corrupt input before offset 0'],
    ['not snappy', content(body), 400, 'snappy: corrupt input'],
    ['no bytes as snappy', content(Buffer.alloc(0)), 400, 'snappy: corrupt input'],
    ['snappy cut short', content(snappy.compressSync(body).subarray(0, -3)), 400, 'snappy: corrupt input'],
    ['no bytes as JSON', content(Buffer.alloc(0), JSON_TYPE), 400, 'EOF'],
    ['snappy of nothing', content(Buffer.from([0])), 204, ''],
    ['a broken media type', content(body, 'application'), 400, 'mime: expected slash after first token'],
    ['a broken parameter', content(body, 'application/json; charset'), 400, 'mime: invalid media parameter'],
  ])('%s', (_name, what, status, message) => {
    expect(refused(what)).toEqual({ status, message })
  })

  it('bodies over the limit, by what they are', () => {
    const large = Buffer.alloc(SIZES.bodyBytesMax + 1)
    expect(refused(content(large))).toEqual({ status: 413, message: 'request body too large: message size too large than max (1000001 vs 1000000)' })
    expect(refused(content(large, JSON_TYPE))).toEqual({ status: 400, message: 'compressed message size 1000001 exceeds limit 1000000' })
  })

  it('media types as Go reads them', () => {
    expect(mediaType('Text/HTML; a=b; c="d"')).toBe('text/html')
    expect(() => mediaType('a/b/c')).toThrow('mime: unexpected content after media subtype')
    expect(() => mediaType(' ')).toThrow('mime: no media type')
  })
})

describe('bombs', () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024)
  /** Bytes that the process grew by, heap and buffers, while it refused. */
  const grownBy = (run: () => void): number => {
    const before = process.memoryUsage().arrayBuffers
    run()
    return process.memoryUsage().arrayBuffers - before
  }

  it.each([
    ['gzip', content(gzipSync(zeros), PROTOBUF, 'gzip')],
    ['deflate', content(deflateRawSync(zeros), PROTOBUF, 'deflate')],
    ['JSON in gzip', content(gzipSync(zeros), JSON_TYPE, 'gzip')],
  ])('%s is stopped at the limit', (_name, what) => {
    const grown = grownBy(() => expect(refused(what)).toEqual({ status: 400, message: 'decompressed message size too large than max (2000001 vs 2000000)' }))
    expect(grown).toBeLessThan(16_000_000)
  })

  it('snappy is refused by the length that it announces, before anything is allocated', () => {
    const sizes = { bodyBytesMax: 10_000_000, decompressedBytesMax: 2_000_000 }
    expect(refused(content(snappy.compressSync(zeros)), sizes)).toEqual({ status: 400, message: 'decompressed message size too large than max (67108864 vs 2000000)' })
    const grown = grownBy(() => expect(refused(content(Buffer.concat([varint(0xffff_ffff), Buffer.alloc(1_000)])))).toEqual({ status: 400, message: 'snappy: corrupt input' }))
    expect(grown).toBeLessThan(1_000_000)
  })

  it('OTLP forms are stopped too', () => {
    const text = (bytes: Buffer, encoding: string): string => {
      try {
        decodeOtlpTransfer(bytes, encoding, SIZES)
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    const tooLarge = /^decompressed message size too large than max \(\d+ vs 2000000\)$/
    expect(text(gzipSync(zeros), 'gzip')).toMatch(tooLarge)
    expect(text(zstdCompressSync(zeros), 'zstd')).toMatch(tooLarge)
    expect(grownBy(() => expect(text(lz4.compressFrameSync(zeros), 'lz4')).toMatch(tooLarge))).toBeLessThan(1_000_000)
    expect(text(Buffer.from('x'), 'br')).toBe('unsupported content encoding br: only gzip, lz4 and zstd are supported')
    for (const encoding of ['gzip', 'zstd', 'lz4']) expect(text(Buffer.from('what is this?'), encoding)).not.toBe('')
    for (const [encoding, bytes] of [['', body], ['gzip', gzipSync(body)], ['zstd', zstdCompressSync(body)], ['lz4', lz4.compressFrameSync(body)]] as const) {
      expect(decodeOtlpTransfer(bytes, encoding, SIZES).equals(body)).toBe(true)
    }
  })

  it('random bytes of every form end in an answer', () => {
    const next = seeded(21)
    for (let round = 0; round < 5_000; round++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)))
      const encoding = [undefined, 'gzip', 'deflate', 'snappy'][round % 4]
      expect([204, 400]).toContain(refused(content(bytes, round % 8 < 4 ? PROTOBUF : JSON_TYPE, encoding)).status)
    }
  })
})
