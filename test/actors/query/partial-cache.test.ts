import { describe, expect, it } from 'vitest'
import { inlineAnswers } from '../../../actors/query/answer-work.ts'
import { PartialCache, partialKey, planKey } from '../../../actors/query/partial-cache.ts'
import { PartialSum } from '../../../actors/query/partial-sum.ts'
import { decodePartial, encodePartial, type EncodedPartial } from '../../../actors/segments/encoded-partial.ts'
import { emptyStatistics } from '../../../actors/segments/read-statistics.ts'
import { overQueryMemory } from '../../../protocols/logql/query-memory.ts'
import { parseLogQuery } from '../../../protocols/logql/parser.ts'
import type { LogPartial, LogScanPlan, ScanPlan } from '../../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'

const segment: SegmentEntry = { key: 's/0/1-2', partition: 0, first: 1, last: 2, sizeBytes: 1, footerBytes: 1, minNs: '100', maxNs: '200', rowCount: 1, rawBytes: 1, appliedIdCount: 0, tenants: ['t'] }

function logPlan(query: string, startNs: string, endNs: string, limit = 10): LogScanPlan {
  const { matchers, stages } = parseLogQuery(query)
  return { kind: 'log', matchers, stages, startNs, endNs, limit, direction: 'backward', intervalNs: '0' }
}

const keyOf = (tenant: string, of: SegmentEntry, plan: LogScanPlan): string | null => {
  const ofPlan = planKey(tenant, plan)
  return ofPlan === null ? null : partialKey(ofPlan, of, plan)
}

const partialOf = (lines: ReadonlyArray<string>): EncodedPartial => encodePartial(plainOf(lines))

function plainOf(lines: ReadonlyArray<string>): LogPartial {
  return {
    kind: 'log',
    streams: [{ stream: [['a', 'b']], metadata: [], parsed: [] }],
    entries: lines.map((line, i) => ({ ns: String(1000 - i), line, stream: 0, identity: line })),
    stats: { linesProcessed: 1, bytesProcessed: 1, metadataBytesProcessed: 0, linesPassed: 1 },
  }
}

describe('the cache of partial answers', () => {
  it('finds a log query again although its bounds moved outside the segment', () => {
    const key = keyOf('t', segment, logPlan('{a="b"}', '50', '300'))
    expect(keyOf('t', segment, logPlan('{a="b"}', '90', '900'))).toBe(key)
    expect(keyOf('t', segment, logPlan('{a="b"}', '150', '900'))).not.toBe(key)
    expect(keyOf('t', segment, logPlan('{a="b"}', '50', '150'))).not.toBe(key)
  })

  it('tells a query that ends at the segment’s last entry from one that takes it in: ends are exclusive, beginnings inclusive', () => {
    const whole = keyOf('t', segment, logPlan('{a="b"}', '50', '300'))
    expect(keyOf('t', segment, logPlan('{a="b"}', '100', '201'))).toBe(whole)
    expect(keyOf('t', segment, logPlan('{a="b"}', '100', '200'))).not.toBe(whole)
    expect(keyOf('t', segment, logPlan('{a="b"}', '101', '201'))).not.toBe(whole)
  })

  it('keeps tenants, segments, limits and queries apart', () => {
    const plan = logPlan('{a="b"}', '0', '300')
    const keys = [keyOf('t', segment, plan), keyOf('u', segment, plan), keyOf('t', { ...segment, key: 's/0/3-4' }, plan), keyOf('t', segment, { ...plan, limit: 11 }), keyOf('t', segment, logPlan('{a="c"}', '0', '300'))]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('keeps nothing of a query that asks for the time', () => {
    expect(keyOf('t', segment, logPlan('{a="b"} | line_format "{{now}}"', '0', '300'))).toBeNull()
    expect(keyOf('t', segment, logPlan('{a="b"} | label_format x="{{ now | unixEpoch }}"', '0', '300'))).toBeNull()
  })

  it('stays within its bytes, drops what was used least recently, and refuses giants', () => {
    const cache = new PartialCache(32_000)
    cache.put('first', partialOf(['x'.repeat(1000)]))
    for (let i = 0; i < 50; i++) {
      expect(cache.get('first')).not.toBeNull()
      cache.put(`k${i}`, partialOf(['x'.repeat(1000)]))
      expect(cache.bytes).toBeLessThanOrEqual(32_000)
    }
    expect(cache.get('k0')).toBeNull()
    cache.put('giant', partialOf(['x'.repeat(20_000)]))
    expect(cache.get('giant')).toBeNull()
    cache.put('none', partialOf([]))
    expect(new PartialCache(0).get('none')).toBeNull()
  })

  it('gives copies: what a reader does to one is not seen by the next', () => {
    const cache = new PartialCache(1 << 20)
    cache.put('k', partialOf(['a']))
    expect(cache.get('k')).not.toBe(cache.get('k'))
    cache.get('k')!.bytes.fill(0)
    expect(decodePartial(cache.get('k')!.bytes)).toEqual(plainOf(['a']))
  })
})

describe('the memory of a query (Q4)', () => {
  const answer = (lines: ReadonlyArray<string>) => ({ partial: partialOf(lines), statistics: emptyStatistics(), warnings: ['w'] })
  const merge = (plan: ScanPlan, partials: ReadonlyArray<EncodedPartial>) => inlineAnswers.run({ kind: 'merge', plan, partials: partials.map(({ bytes }) => bytes) })

  it('merges what has grown too large and goes on when the merged one fits', async () => {
    const sum = new PartialSum(logPlan('{a="b"}', '0', '2000', 2), 4 * partialOf(['x'.repeat(100), 'y']).bytes.length, merge)
    await Promise.all(Array.from({ length: 100 }, (_, i) => sum.add(answer([`${i}`.padStart(100, 'x'), `y${i}`]))))
    const { partials, warnings } = sum.answer()
    expect(partials.length).toBeLessThan(5)
    const merged = decodePartial((await merge(logPlan('{a="b"}', '0', '2000', 2), partials)).bytes)
    expect(merged.kind === 'log' && merged.entries).toHaveLength(2)
    expect(partials.reduce((lines, { stats }) => lines + stats.linesPassed, 0)).toBe(100)
    expect(warnings).toEqual(['w'])
  })

  it('refuses beyond the limit, and names it', async () => {
    const sum = new PartialSum(logPlan('{a="b"}', '0', '2000', 1000), 10_000, merge)
    const adding = Array.from({ length: 100 }, (_, i) => sum.add(answer([`${i}`.padStart(1000, 'x')])))
    const [first] = (await Promise.allSettled(adding)).filter(({ status }) => status === 'rejected') as [PromiseRejectedResult]
    expect(first.reason).toMatchObject({ code: 'query_limit', message: overQueryMemory(10_000).message })
    expect(overQueryMemory(10_000)).toMatchObject({ status: 400, message: expect.stringContaining('querier.query_memory') })
  })

  it('knows how far back a page reaches, merging only when no part is a whole page', async () => {
    const merges: number[] = []
    const counted = (plan: ScanPlan, partials: ReadonlyArray<EncodedPartial>) => (merges.push(partials.length), merge(plan, partials))
    const sum = new PartialSum(logPlan('{a="b"}', '0', '2000', 3), 1 << 20, counted)
    await sum.add(answer(['a', 'b']))
    expect(await sum.bound()).toBeNull()
    await sum.add(answer(['a', 'b']))
    // Exact duplicates are one entry: together they are no page of three.
    expect(await sum.bound()).toBeNull()
    await sum.add(answer(['c', 'd']))
    expect(await sum.bound()).toBe(999n)
    expect(merges).toEqual([2, 2])
    await sum.add(answer(['e', 'f', 'g', 'h']))
    expect(await sum.bound()).toBe(999n)
    expect(merges).toEqual([2, 2])
  })
})
