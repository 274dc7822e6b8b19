/** Log scans: the first entries in the query's direction, whatever the blocks; each entry once; what need not be fed. */
import { describe, expect, it } from 'vitest'
import { mergePartials } from '../../../protocols/logql/merge.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { compileScan } from '../../../protocols/logql/scan-compile.ts'
import type { LogScanPlan } from '../../../protocols/logql/scan.ts'
import { blockOf } from '../../support/blocks.ts'
import type { TestEntry, TestStream } from '../../support/blocks.ts'
import { executeSharded, NOW_MS, parametersOf, scanBlocks } from '../../support/execute-local.ts'
import { drawFrom, pick, randomStreams, splitStreams } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n

function linesOf(query: string, over: Parameters<typeof parametersOf>[0], shards: TestStream[][]): string[] {
  const data = executeSharded(query, parametersOf({ startNs: START_NS, endNs: START_NS + 300n * S, ...over }), shards.map((part) => [blockOf(part, { levels: false })]))
  if (data.kind !== 'streams') throw new Error('not streams')
  return data.entries.map(({ ns, line }) => `${ns} ${line}`)
}

/** Entries in a direction; ties are compared as sets by the callers. */
function naive(streams: ReadonlyArray<TestStream>, direction: string, keep: (e: TestEntry) => boolean): TestEntry[] {
  const sign = direction === 'forward' ? 1 : -1
  return streams.flatMap((s) => s.entries).filter(keep).sort((a, b) => sign * Number(a.ns - b.ns))
}

describe('log scans', () => {
  it('keep the first entries of the direction, inside [start, end), however the rows are split', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const draw = drawFrom(seed)
      const streams = randomStreams(draw, { startNs: START_NS, seconds: 300, streams: 6, rows: 50 })
      const direction = pick(draw, ['forward', 'backward'] as const)
      const limit = pick(draw, [1, 5, 40, 1000])
      const startNs = START_NS + BigInt(draw(100)) * S
      const endNs = startNs + BigInt(draw(150) + 1) * S
      const got = linesOf('{app=~".+"} |= "1"', { startNs, endNs, limit, direction }, splitStreams(draw, streams, 4))
      const want = naive(streams, direction, (e) => e.ns >= startNs && e.ns < endNs && e.line.includes('1'))
      expect(got.map((text) => text.split(' ')[0])).toEqual(want.slice(0, limit).map((e) => String(e.ns)))
      const all = new Set(want.map((e) => `${e.ns} ${e.line}`))
      expect(got.every((text) => all.has(text))).toBe(true)
      expect(new Set(got).size).toBe(got.length)
    }
  })

  it('show an exact duplicate once, over rows, blocks and shards, whatever the pipeline makes of it', () => {
    const twice: TestStream = { labels: { app: 'a' }, entries: ['x', 'x', 'y'].map((line) => ({ ns: START_NS + S, line })) }
    const other: TestStream = { labels: { app: 'b' }, entries: [{ ns: START_NS + S, line: 'x' }] }
    expect(linesOf('{app=~".+"}', {}, [[twice, other], [twice]])).toHaveLength(3)
    expect(linesOf('{app=~".+"} | line_format "same" | drop app', {}, [[twice, other], [twice]])).toHaveLength(3)
  })

  it('tell entries of different metadata apart', () => {
    const entries = ['1', '2', '1'].map((trace) => ({ ns: START_NS + S, line: 'x', metadata: { trace } }))
    expect(linesOf('{app="a"}', {}, [[{ labels: { app: 'a' }, entries }]])).toHaveLength(2)
  })

  it('know from when on an older block cannot matter', () => {
    const block = (second: number, rows: number) =>
      blockOf([{ labels: { app: 'a' }, entries: Array.from({ length: rows }, (_, i) => ({ ns: START_NS + BigInt(second) * S + BigInt(i), line: `${second} ${i}` })) }])
    const plan = planQuery(parse('{app="a"}'), parametersOf({ startNs: START_NS, endNs: START_NS + 100n * S, limit: 3 })).scans[0]!
    const scan = compileScan(plan, { nowMs: NOW_MS })
    scan.add(block(50, 2))
    expect(scan.bound()).toBeNull()
    scan.add(block(60, 2))
    expect(scan.bound()).toBe(START_NS + 50n * S + 1n)
    let touched = false
    scan.add({ ...block(40, 5), relativeNs: () => { touched = true; return new Float64Array(5) } })
    expect(touched).toBe(false)
  })

  it('thin out to an interval over all streams, in the direction of the query', () => {
    const stream = (app: string, from: number): TestStream => ({
      labels: { app }, entries: Array.from({ length: 10 }, (_, i) => ({ ns: START_NS + BigInt(from + i * 2) * S, line: `${app} ${from + i * 2}` })),
    })
    const shards = [[stream('a', 0)], [stream('b', 1)]]
    const seconds = (over: Parameters<typeof parametersOf>[0]): number[] => linesOf('{app=~".+"}', { intervalNs: 5n * S, ...over }, shards).map((t) => Number(t.split(' ')[2]))
    expect(seconds({ direction: 'forward' })).toEqual([0, 5, 10, 15])
    expect(seconds({ direction: 'backward' })).toEqual([19, 14, 9, 4])
    expect(seconds({ direction: 'forward', limit: 2 })).toEqual([0, 5])
  })

  it('merge the same way in any grouping', () => {
    const draw = drawFrom(5)
    const streams = randomStreams(draw, { startNs: START_NS, seconds: 100, streams: 5, rows: 40 })
    const plan = planQuery(parse('{app=~".+"}'), parametersOf({ startNs: START_NS, endNs: START_NS + 300n * S, limit: 30 })).scans[0] as LogScanPlan
    const [a, b, c] = splitStreams(draw, streams, 3).map((part) => scanBlocks(plan, [blockOf(part)]))
    const times = (partial: ReturnType<typeof mergePartials>): string[] => (partial.kind === 'log' ? partial.entries.map((e) => e.ns) : [])
    expect(times(mergePartials(plan, [mergePartials(plan, [a!, b!]), c!]))).toEqual(times(mergePartials(plan, [c!, b!, a!])))
  })
})
