import { describe, expect, it } from 'vitest'
import type { Labels, TenantId } from '../../protocols/model.ts'
import { GramScanner, WORD_HASHES } from '../../storage/filter-grams.ts'
import { literalProbe } from '../../storage/filter-read.ts'
import { encodeSegment } from '../../storage/segment-encode.ts'
import { readFooter, SegmentReader } from '../../storage/segment-read.ts'
import type { Selection } from '../../storage/segment-read.ts'
import { logLine } from '../bench/data.ts'
import { TestPartition } from '../support/cuts.ts'
import { levelsByRow } from '../support/levels.ts'
import { seeded } from '../support/push-bodies.ts'

const TENANT = 'acme' as TenantId
const T0 = 1_700_000_000_000_000_000n
const BOUNDS = { minNs: 0n, maxNs: 2n ** 62n }

function gramsOf(line: string): Set<number> {
  const scanner = new GramScanner()
  const bytes = Buffer.from(line)
  scanner.begin(bytes)
  scanner.scan(0, bytes.length)
  return new Set([...scanner.idHashes.subarray(0, scanner.idCount), ...scanner.wordHashes.subarray(0, scanner.wordCount)])
}

describe('grams', () => {
  it('of any piece of a line are among those of the line', () => {
    const random = seeded(1)
    for (let i = 0; i < 3000; i++) {
      const line = i % 3 === 0 ? Array.from({ length: 40 }, () => 'ab1.2é-_ '[Math.floor(random() * 9)]).join('') : logLine(random, i)
      const all = gramsOf(line)
      const bytes = Buffer.from(line)
      const from = Math.floor(random() * bytes.length)
      const piece = bytes.subarray(from, from + 1 + Math.floor(random() * 40)).toString()
      if (!line.includes(piece)) continue
      for (const gram of literalProbe(piece, WORD_HASHES)) expect(all.has(gram), `${JSON.stringify(piece)} in ${JSON.stringify(line)}`).toBe(true)
    }
  })

  it('are there for ids, UUIDs, addresses and words, and fold case', () => {
    for (const literal of ['9f86d081884c7d65', '7e7cc42f-3cb9-4d91-804c-f5a32d54f1c5', '10.251.43.21', '0x14ed93111f20027', 'panic', 'time']) expect(literalProbe(literal, WORD_HASHES)).not.toEqual([])
    expect(literalProbe('DeadLock', WORD_HASHES)).toEqual(literalProbe('deadlock', WORD_HASHES))
  })

  it('ask each word of a literal for some of its bits, and segments of version 1 for those that they have', () => {
    const all = literalProbe('zzzz-not-there', WORD_HASHES)
    const rare = literalProbe('zzzz', WORD_HASHES)
    expect(rare.length).toBe(WORD_HASHES)
    expect(rare.filter((hash) => all.includes(hash)).length).toBe(WORD_HASHES)
    expect(literalProbe('zzzz', 2)).toEqual(rare.slice(0, 2))
    expect(literalProbe('a very long literal with quite a number of different words in it', WORD_HASHES).length).toBeLessThanOrEqual(12)
  })

  it('are not there for what cannot be asked: short runs and punctuation', () => {
    for (const literal of ['GET', '500', '": "', 'a=1 b=2', '']) expect(literalProbe(literal, WORD_HASHES)).toEqual([])
  })
})

interface Stored {
  readonly select: (literals: ReadonlyArray<ReadonlyArray<string>>, metadataEquals?: ReadonlyArray<readonly [string, string]>) => Promise<Selection>
  readonly lines: ReadonlyArray<string>
}

async function storedLines(lines: ReadonlyArray<string>, metadata: (i: number) => Labels = () => []): Promise<Stored> {
  const partition = new TestPartition()
  for (let i = 0; i < lines.length; i += 500) {
    partition.push(TENANT, [{ labels: '{app="a"}', entries: lines.slice(i, i + 500).map((line, k) => ({ ns: T0 + BigInt(i + k), line: Buffer.from(line), metadata: metadata(i + k) })) }])
  }
  const { bytes, entry } = encodeSegment(partition.cut({ blockTargetBytes: 20_000 }), () => levelsByRow((_labels, _metadata, line, from, to) => (line.toString('latin1', from, to).includes('level=error') ? 'error' : 'info')))
  const read = async (offset: number, length: number): Promise<Buffer> => bytes.subarray(offset, offset + length)
  const reader = new SegmentReader(entry.key, await readFooter(entry.key, bytes.length, entry.footerBytes, read), read)
  return { lines, select: async (literals, metadataEquals = []) => (await reader.select(TENANT, () => true, { ...BOUNDS, literals, metadataEquals }))! }
}

const holds = async (stored: Stored, selection: Selection, row: number): Promise<boolean> => {
  let from = 0
  for (const block of (await stored.select([])).blocks) {
    if (row < from + block.rowCount) return selection.blocks.includes(block)
    from += block.rowCount
  }
  return false
}

describe('filters', () => {
  const random = seeded(7)
  const lines = Array.from({ length: 4000 }, (_, i) => logLine(random, i))

  it('never rule out a block that has the literal', async () => {
    const stored = await storedLines(lines)
    for (let k = 0; k < 400; k++) {
      const row = Math.floor(random() * lines.length)
      const line = lines[row]!
      const from = Math.floor(random() * line.length)
      const selection = await stored.select([[line.slice(from, from + 4 + Math.floor(random() * 30))]])
      expect(await holds(stored, selection, row)).toBe(true)
    }
  })

  it('rule out nearly all blocks for an absent id, and say how much', async () => {
    const stored = await storedLines(lines)
    const all = await stored.select([])
    expect(all.blocks.length).toBeGreaterThan(20)
    expect(all.stats.filterBytesRead).toBe(0)
    const { blocks, stats } = await stored.select([['00deadbeef00cafe']])
    expect(blocks.length).toBeLessThanOrEqual(1)
    expect(stats.blocksSkippedByFilter + blocks.length).toBe(all.blocks.length)
    expect(stats.filterBytesRead).toBeGreaterThan(0)
  })

  it('take all of a conjunction and one of each disjunction', async () => {
    const stored = await storedLines(lines.map((line, i) => (i === 100 ? `${line} uniqueneedle77` : i === 3000 ? `${line} otherneedle88` : line)))
    const both = await stored.select([['uniqueneedle77', 'otherneedle88']])
    expect(both.blocks.length).toBeGreaterThanOrEqual(2)
    expect(await holds(stored, both, 100)).toBe(true)
    expect(await holds(stored, both, 3000)).toBe(true)
    expect((await stored.select([['uniqueneedle77'], ['otherneedle88']])).blocks).toEqual([])
    expect((await stored.select([['uniqueneedle77', 'x']])).stats.blocksSkippedByFilter).toBe(0)
  })

  it('find structured metadata by its whole value, and levels', async () => {
    const stored = await storedLines(lines.map((line, i) => (i === 2000 ? `${line} level=error` : line.replace('level=error', 'level=info'))), (i) => [['trace_id', `t-${i}`]])
    const one = await stored.select([], [['trace_id', 't-1234']])
    expect(await holds(stored, one, 1234)).toBe(true)
    expect(one.blocks.length).toBeLessThan(5)
    expect((await stored.select([], [['trace_id', 't-123456']])).blocks.length).toBeLessThan(5)
    const errors = await stored.select([], [['detected_level', 'error']])
    expect(await holds(stored, errors, 2000)).toBe(true)
    expect(errors.blocks.length).toBeLessThan(5)
    expect((await stored.select([], [['app', 'a']])).stats.blocksSkippedByFilter).toBe(0)
  })
})
