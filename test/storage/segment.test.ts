import { describe, expect, it } from 'vitest'
import type { EntryBlock, TenantId } from '../../protocols/model.ts'
import { CHUNK_ENCODINGS } from '../../storage/column-codec.ts'
import { encodeSegment } from '../../storage/segment-encode.ts'
import { segmentKey } from '../../storage/segment-format.ts'
import { entryFromFooter, readFooter, SegmentReader } from '../../storage/segment-read.ts'
import { type LevelOf, levelsByRow } from '../support/levels.ts'
import { TestPartition } from '../support/cuts.ts'
import { type PlainStream, seeded } from '../support/push-bodies.ts'
import { ALL, type PlainRow, readAll, readerOf, textOf } from '../support/segments.ts'

const T0 = 1_700_000_000_000_000_000n
const TENANT = 'acme' as TenantId
const levelOf: LevelOf = (_labels, metadata, bytes, from, to) => metadata.find(([n]) => n === 'level')?.[1] ?? (bytes.toString('latin1', from, to).includes('error') ? 'error' : 'info')

const entry = (ns: bigint, line: string, metadata: Record<string, string> = {}) => ({ ns, line: Buffer.from(line), metadata: Object.entries(metadata) })

/** Streams with times of all kinds: in order, out of order, equal, far apart. */
function randomPushes(seed: number, pushes: number): PlainStream[][] {
  const random = seeded(seed)
  const below = (n: number): number => Math.floor(random() * n)
  return Array.from({ length: pushes }, (_, p) =>
    Array.from({ length: 1 + below(4) }, () => ({
      labels: `{app="a${below(3)}", pod="p${below(4)}"}`,
      entries: Array.from({ length: 1 + below(30) }, () =>
        entry(
          T0 + BigInt(p) * 1_000_000_000n + BigInt(below(5)) * 700_000_001n + (below(50) === 0 ? -(BigInt(below(300)) * 86_400_000_000_000n) : 0n),
          below(20) === 0 ? '' : `line ${below(1000)} ${below(9) === 0 ? 'error' : 'ok'} ${'x'.repeat(below(200))} é`,
          below(3) === 0 ? { trace: `t${below(40)}`, level: below(2) === 0 ? 'warn' : 'debug' } : {},
        ),
      ),
    })),
  )
}

/** What the segment must say: rows by stream, by time, then by arrival. */
function expected(pushes: ReadonlyArray<ReadonlyArray<PlainStream>>): Map<string, PlainRow[]> {
  const byStream = new Map<string, PlainRow[]>()
  for (const stream of pushes.flat()) {
    const rows = byStream.get(stream.labels) ?? []
    byStream.set(stream.labels, rows)
    const own = stream.entries.map((e) => {
      const metadata = [...(e.metadata ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
      return { ns: e.ns, line: e.line.toString(), metadata: textOf(metadata), level: levelOf([], metadata, e.line, 0, e.line.length) }
    })
    rows.push(...own.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)))
  }
  for (const rows of byStream.values()) rows.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0))
  return new Map([...byStream].sort(([a], [b]) => (a < b ? -1 : 1)))
}

describe('segment', () => {
  it.each(CHUNK_ENCODINGS)('gives back what was cut, in label and time order (%s)', async (encoding) => {
    for (let seed = 1; seed <= 12; seed++) {
      const pushes = randomPushes(seed, 20)
      const partition = new TestPartition()
      for (const push of pushes) partition.push(TENANT, push)
      const segment = encodeSegment(partition.cut({ encoding, blockTargetBytes: seed * 700 }), () => levelsByRow(levelOf))
      expect(await readAll(segment, TENANT)).toEqual(expected(pushes))
    }
  })

  it('has bytes that follow from its content alone (F3)', () => {
    const encode = (): Buffer => {
      const partition = new TestPartition()
      for (const push of randomPushes(5, 30)) partition.push(TENANT, push)
      return encodeSegment(partition.cut(), () => levelsByRow(levelOf)).bytes
    }
    expect(encode().equals(encode())).toBe(true)
  })

  it('keeps tenants apart and answers nothing for one that is not in it', async () => {
    const partition = new TestPartition()
    partition.push('zeta', [{ labels: '{app="z"}', entries: [entry(T0, 'of zeta')] }])
    partition.push('acme', [{ labels: '{app="a"}', entries: [entry(T0, 'of acme')] }])
    const segment = encodeSegment(partition.cut(), () => null)
    expect(segment.entry.tenants).toEqual(['acme', 'zeta'])
    expect([...(await readAll(segment, 'zeta' as TenantId)).values()].flat().map((r) => r.line)).toEqual(['of zeta'])
    const reader = await readerOf(segment)
    expect(await reader.select('other' as TenantId, () => true, ALL)).toBeNull()
    expect(reader.streams('other' as TenantId, () => true)).toEqual([])
    expect(reader.series('acme' as TenantId)).toEqual([
      { labels: [['app', 'a']], minNs: T0, maxNs: T0, receivedMinMs: 1000, receivedMaxMs: 2000, rowCount: 1, lineBytes: 7, chunkCount: 1 },
    ])
  })

  it('rebuilds the catalog entry from the object alone (F4)', async () => {
    const partition = new TestPartition()
    for (const push of randomPushes(9, 10)) partition.push(TENANT, push)
    const cut = partition.cut({ first: 7, last: 12 })
    const segment = encodeSegment({ ...cut, pushIds: [{ tenant: TENANT, id: 'once', sequence: 8 }], recordIds: [{ tenant: '', id: 'r-1', sequence: 9 }] }, () => levelsByRow(levelOf))
    expect(segment.entry.key).toBe('segments/p3/0000000000000007-0000000000000012.seg')
    expect(segment.entry.key).toBe(segmentKey(3, 7, 12))
    const read = async (offset: number, length: number): Promise<Buffer> => segment.bytes.subarray(offset, offset + length)
    const footer = await readFooter(segment.entry.key, segment.bytes.length, null, read)
    expect(entryFromFooter(footer)).toEqual(segment.entry)
    expect(footer.pushIds).toEqual([{ tenant: TENANT, id: 'once', sequence: 8 }])
    expect(footer.recordIds).toEqual([{ tenant: '', id: 'r-1', sequence: 9 }])
  })

  it('reads the footer in one read and only the columns that are needed', async () => {
    const partition = new TestPartition()
    for (let i = 0; i < 40; i++) partition.push(TENANT, [{ labels: '{app="a"}', entries: [entry(T0 + BigInt(i) * 1_000_000n, `${i} ${'long '.repeat(2000)}${Math.sin(i)}`)] }])
    const segment = encodeSegment(partition.cut({ encoding: 'none', blockTargetBytes: 50_000 }), () => null)
    const reads: Array<[number, number]> = []
    const reader = await readerOf(segment, reads)
    expect(reads).toEqual([[segment.bytes.length - segment.entry.footerBytes, segment.entry.footerBytes]])
    const selection = await reader.select(TENANT, () => true, ALL)
    expect(selection!.blocks.length).toBeGreaterThan(4)
    const blocks: EntryBlock[] = []
    for await (const block of reader.load(selection!, ['times'])) blocks.push(block)
    expect(reads.slice(1).reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(segment.bytes.length / 100)
    expect(blocks[0]!.relativeNs()[1]).toBe(1_000_000)
    expect(() => blocks[0]!.lines()).toThrow('was not fetched')
  })

  it('decompresses the lines of one block after the other into the same memory, and those of an earlier one again when asked', async () => {
    const partition = new TestPartition()
    for (let i = 0; i < 40; i++) partition.push(TENANT, [{ labels: '{app="a"}', entries: [entry(T0 + BigInt(i), `${i} ${'long '.repeat(8000)}`)] }])
    for (const encoding of ['zstd', 'none'] as const) {
      const segment = encodeSegment(partition.cut({ encoding, blockTargetBytes: 200_000 }), () => null)
      const reader = await readerOf(segment)
      const selection = await reader.select(TENANT, () => true, ALL)
      const blocks: EntryBlock[] = []
      const places = new Set<number>()
      for await (const block of reader.load(selection!, ['lengths', 'lines'])) {
        expect(block.lines().bytes.subarray(-6).toString()).toBe(' long ')
        blocks.push(block)
        places.add(block.lines().bytes.byteOffset)
      }
      expect(blocks.length).toBeGreaterThan(4)
      if (encoding === 'zstd') expect(places).toEqual(new Set([0]))
      const first = blocks[0]!
      expect(first.lines().bytes.subarray(0, 6).toString()).toBe('0 long')
      expect(blocks[1]!.lines().bytes.subarray(0, 6).toString()).not.toBe('0 long')
      expect(first.lines().bytes.subarray(0, 6).toString()).toBe('0 long')
    }
  })

  it('gives back what it fetched where that is its own', async () => {
    const partition = new TestPartition()
    for (let i = 0; i < 40; i++) partition.push(TENANT, [{ labels: '{app="a"}', entries: [entry(T0 + BigInt(i), `${i} ${'long '.repeat(8000)}`)] }])
    const segment = encodeSegment(partition.cut({ encoding: 'none', blockTargetBytes: 200_000 }), () => null)
    const read: Buffer[] = []
    const opened = await readerOf(segment)
    const reader = new SegmentReader(opened.key, opened.footer, async (offset, length) => {
      const bytes = Buffer.alloc(length, segment.bytes.subarray(offset, offset + length))
      read.push(bytes)
      return bytes
    }, { ownsReads: true, windowBytesMax: 400_000 })
    const selection = await reader.select(TENANT, () => true, ALL)
    let rows = 0
    for await (const block of reader.load(selection!, ['lengths', 'lines'])) rows += block.lines().starts.length
    expect(rows).toBe(40)
    const large = read.filter(({ buffer }) => buffer.byteLength === 0 || buffer.byteLength > 100_000)
    expect(large.length).toBeGreaterThan(1)
    expect(large.every(({ length }) => length === 0)).toBe(true)
  })

  it('passes over blocks of other streams and other times, and says so', async () => {
    const partition = new TestPartition()
    for (const [k, app] of ['a', 'b', 'c', 'd'].entries()) {
      partition.push(TENANT, [{ labels: `{app="${app}"}`, entries: Array.from({ length: 50 }, (_, i) => entry(T0 + BigInt(k * 1000 + i) * 1_000_000_000n, `line ${i} of ${app} `.repeat(10))) }])
    }
    const reader = await readerOf(encodeSegment(partition.cut({ blockTargetBytes: 4000 }), () => null))
    const all = await reader.select(TENANT, () => true, ALL)
    const some = await reader.select(TENANT, (labels) => labels[0]![1] !== 'a', { ...ALL, minNs: T0 + 1_000_000_000_000n, maxNs: T0 + 1_010_000_000_000n })
    expect(some!.blocks.length).toBe(1)
    const { stats } = some!
    expect(stats.blocks).toBe(all!.blocks.length)
    expect(stats.blocksSkippedByLabels + stats.blocksSkippedByTime + 1).toBe(stats.blocks)
    expect(stats.blocksSkippedByLabels).toBeGreaterThan(0)
    expect(stats.bytesSkippedByTime).toBeGreaterThan(stats.bytesSkippedByLabels)
  })

  it('holds nothing but a footer when nothing was cut', async () => {
    const segment = encodeSegment(new TestPartition().cut(), () => null)
    expect(segment.entry).toMatchObject({ rowCount: 0, rawBytes: 0, tenants: [] })
    expect((await readerOf(segment)).tenants()).toEqual([])
  })
})
