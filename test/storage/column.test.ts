import { describe, expect, it } from 'vitest'
import { compareLabels } from '../../protocols/label-order.ts'
import type { Labels } from '../../protocols/model.ts'
import { ByteReader, ByteWriter } from '../../storage/column-bytes.ts'
import { CHUNK_ENCODINGS, compressColumn, decompressColumn } from '../../storage/column-codec.ts'
import { decodeLevels, encodeLevels } from '../../storage/column-levels.ts'
import { decodeMetadata, encodeMetadata, MetadataDictionary } from '../../storage/column-metadata.ts'
import { BLOCK_SPAN_NS_MAX, decodePlanes, decodeTimes, encodePlanes, encodeTimes } from '../../storage/column-numbers.ts'
import { LabelPostings, writePostings } from '../../storage/postings.ts'
import { field, seeded } from '../support/push-bodies.ts'

const corrupt = (what: string) => expect.objectContaining({ code: 'storage_corrupt', message: expect.stringContaining(what) as string })

function thrown(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return null
}

describe('bytes', () => {
  it('give back numbers of every size and text', () => {
    const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32 + 5, 2 ** 52, Number.MAX_SAFE_INTEGER]
    const signed = [0, -1, 1, -64, 64, 2 ** 40, -(2 ** 40), 2 ** 51, -(2 ** 51)]
    const out = new ByteWriter(1)
    for (const n of numbers) out.varint(n)
    for (const n of signed) out.signed(n)
    out.text('grüße')
    out.i64(-(2n ** 63n))
    const input = new ByteReader(Buffer.from(out.view()), 'x')
    expect(numbers.map(() => input.varint())).toEqual(numbers)
    expect(signed.map(() => input.signed())).toEqual(signed)
    expect(input.text()).toBe('grüße')
    expect(input.i64()).toBe(-(2n ** 63n))
    input.end()
  })

  it('that end early, count too much or go on are corrupt, by name', () => {
    const reader = (...bytes: number[]): ByteReader => new ByteReader(Buffer.from(bytes), 'the thing')
    expect(thrown(() => reader(128).varint())).toEqual(corrupt('the thing: ends early'))
    expect(thrown(() => reader(...Array<number>(9).fill(255)).varint())).toEqual(corrupt('number'))
    expect(thrown(() => reader(200, 1).count())).toEqual(corrupt('count'))
    expect(thrown(() => reader(5, 65).text())).toEqual(corrupt('the thing'))
    expect(thrown(() => reader(7).below(7))).toEqual(corrupt('not below'))
    expect(thrown(() => reader(1, 2).end())).toEqual(corrupt('too many'))
    expect(thrown(() => reader(1, 2).u32())).toEqual(corrupt('ends early'))
  })
})

describe('times', () => {
  const random = seeded(4)
  const ramps: Readonly<Record<string, (i: number) => number>> = {
    'of one moment': () => 0,
    'in steady steps': (i) => i * 50_000,
    'in whole seconds': (i) => i * 1e9 * (1 + (i % 3)),
    'in milliseconds, up and down': () => Math.floor(random() * 1e6) * 1e6,
    'anywhere in the block': () => Math.floor(random() * (BLOCK_SPAN_NS_MAX - 1)),
    'at both ends in turn': (i) => (i % 2) * (BLOCK_SPAN_NS_MAX - 1),
  }
  it.each(Object.keys(ramps))('%s come back exactly', (name) => {
    for (const rows of [1, 2, 3, 500]) {
      const times = Float64Array.from({ length: rows }, (_, i) => ramps[name]!(i))
      expect(decodeTimes(Buffer.from(encodeTimes(times)), rows, 'x')).toEqual(times)
    }
  })

  it('in steady steps take a byte a row', () => {
    const steady = Float64Array.from({ length: 1000 }, (_, i) => i * 123_456_789)
    expect(encodeTimes(steady).length).toBeLessThan(1020)
  })

  it('of another row count are corrupt', () => {
    const bytes = Buffer.from(encodeTimes(Float64Array.of(1, 2, 3)))
    expect(thrown(() => decodeTimes(bytes, 2, 'times of x'))).toEqual(corrupt('times of x'))
    expect(thrown(() => decodeTimes(bytes, 4, 'times of x'))).toEqual(corrupt('times of x'))
  })
})

describe('planes', () => {
  it.each([0, 200, 60_000, 10_000_000, 4_000_000_000])('keep numbers up to %i', (max) => {
    const values = Uint32Array.from({ length: 300 }, (_, i) => (i * 7_919) % (max + 1))
    const bytes = encodePlanes(values)
    expect(decodePlanes(bytes, 300, 'x')).toEqual(values)
    expect(thrown(() => decodePlanes(bytes, 301, 'x')) === null).toBe(max === 0)
  })
})

describe('encodings', () => {
  const text = Buffer.from('the same again and '.repeat(500))
  it.each(CHUNK_ENCODINGS)('%s gives back what it took, and nothing else', (encoding) => {
    const { code, stored } = compressColumn(encoding, text)
    expect(CHUNK_ENCODINGS[code]).toBe(encoding)
    expect(decompressColumn(code, stored, text.length, 'x').equals(text)).toBe(true)
    expect(thrown(() => decompressColumn(code, stored, text.length - 1, 'lines of x'))).toEqual(corrupt('lines of x'))
    expect(thrown(() => decompressColumn(code, stored.subarray(0, -3), text.length, 'lines of x'))).toEqual(corrupt('lines of x'))
  })

  it('store what does not shrink as it is', () => {
    const random = seeded(9)
    const noise = Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256)))
    for (const encoding of CHUNK_ENCODINGS) expect(compressColumn(encoding, noise)).toEqual({ code: 0, stored: noise })
    expect(thrown(() => decompressColumn(9, noise, 300, 'x'))).toEqual(corrupt('unknown encoding 9'))
  })
})

describe('metadata', () => {
  const fields = (pairs: ReadonlyArray<readonly [string, string]>): Buffer => Buffer.concat(pairs.map(([n, v]) => field(3, Buffer.concat([field(1, n), field(2, v)]))))

  it('is sorted by name, parsed once for equal fields, and empty for none', () => {
    const dictionary = new MetadataDictionary()
    const bytes = fields([['user', 'ann'], ['trace', 't1'], ['user', 'bob']])
    const code = dictionary.codeOf(bytes, 0, bytes.length)
    expect(dictionary.codeOf(Buffer.from(bytes), 0, bytes.length)).toBe(code)
    expect(dictionary.sets[code]).toEqual([['trace', 't1'], ['user', 'bob']])
    expect(dictionary.codeOf(bytes, 5, 5)).toBe(0)
    expect(dictionary.sets.length).toBe(2)
  })

  it('comes back as a column, without sets that no row has', () => {
    const sets: Labels[] = [[], [['a', '1']], [['never', 'used']], [['a', '2'], ['b', '1']]]
    const { codes, sets: back } = decodeMetadata(Buffer.from(encodeMetadata(Uint32Array.of(3, 0, 1, 3), sets)), 4, 'x')
    expect([...codes].map((code) => back[code])).toEqual([sets[3], sets[0], sets[1], sets[3]])
    expect(back.length).toBe(3)
  })
})

describe('levels', () => {
  it('come back as a column; a code without a value is corrupt', () => {
    const bytes = Buffer.from(encodeLevels(Uint16Array.of(1, 2, 0), ['', 'info', 'error']))
    expect(decodeLevels(bytes, 3, 'x')).toEqual({ codes: Uint16Array.of(1, 2, 0), values: ['', 'info', 'error'] })
    expect(thrown(() => decodeLevels(Buffer.from(encodeLevels(Uint16Array.of(3), ['', 'info'])), 1, 'levels of x'))).toEqual(corrupt('levels of x'))
  })
})

describe('postings', () => {
  it('give back the labels of every stream, names and values', () => {
    const random = seeded(3)
    const streams = Array.from({ length: 200 }, (_, i): Labels => [['app', `a${i % 3}`], ...(random() < 0.5 ? [['pod', `p${Math.floor(random() * 50)}`] as const] : []), ['zone', `z${i}`]]).sort(compareLabels)
    const texts = [...new Set(streams.flat(2))].sort()
    const out = new ByteWriter()
    writePostings(out, streams, (text) => texts.indexOf(text))
    const postings = LabelPostings.read(new ByteReader(Buffer.from(out.view()), 'x'), streams.length, texts)
    expect(streams.map((_, i) => postings.labelsOf(i))).toEqual(streams)
    expect(postings.names()).toEqual(['app', 'pod', 'zone'])
    expect(postings.values('app')).toEqual(['a0', 'a1', 'a2'])
    expect(postings.values('nothing')).toEqual([])
  })
})
