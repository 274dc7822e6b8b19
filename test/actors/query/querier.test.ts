/** One scan over heads and segments: exactly once between them (Q1), a warning for what is missing (Q3), nothing of other tenants. */
import { describe, expect, it } from 'vitest'
import type { PartitionAnswer, PartitionReads } from '../../../actors/cluster/partition-reads.ts'
import { inlineAnswers } from '../../../actors/query/answer-work.ts'
import { PartialCache } from '../../../actors/query/partial-cache.ts'
import { makeQuerier } from '../../../actors/query/querier.ts'
import { encodePartial } from '../../../actors/segments/encoded-partial.ts'
import { emptyStatistics } from '../../../actors/segments/read-statistics.ts'
import type { ScanAnswer } from '../../../actors/segments/segment-work.ts'
import type { Services } from '../../../actors/services.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { parseLogQuery } from '../../../protocols/logql/parser.ts'
import type { LogScanPlan } from '../../../protocols/logql/scan.ts'
import type { PartitionCatalog, SegmentEntry } from '../../../storage/catalog.ts'
import { scannedLines } from '../../support/scanned-lines.ts'

const { matchers } = parseLogQuery('{a="b"}')
const PLAN: LogScanPlan = { kind: 'log', matchers, stages: [], startNs: '0', endNs: '1000', limit: 100, direction: 'forward', intervalNs: '0' }

const segment = (first: number, last: number, tenants: string[] | null = ['t']): SegmentEntry => ({
  key: `${first}-${last}`, partition: 0, first, last, sizeBytes: 1, footerBytes: 1, minNs: '0', maxNs: '900', rowCount: 1, rawBytes: 1, appliedIdCount: 0, tenants,
})

function answerOf(line: string, warnings: ReadonlyArray<string> = []): ScanAnswer {
  const stats = { linesProcessed: 1, bytesProcessed: 1, metadataBytesProcessed: 0, linesPassed: 1 }
  const partial = encodePartial({ kind: 'log', streams: [{ stream: [['a', 'b']], metadata: [], parsed: [] }], entries: [{ ns: '5', line, stream: 0, identity: line }], stats })
  return { partial, statistics: emptyStatistics(), warnings }
}

interface World {
  readonly segments: ReadonlyArray<SegmentEntry>
  /** What this node's copy of the catalog shows at first; by default all of it. */
  readonly seen?: ReadonlyArray<SegmentEntry>
  readonly head: () => Promise<PartitionAnswer<ScanAnswer>>
  /** Segments that cannot be read the first time. */
  readonly damaged?: ReadonlyArray<string>
  /** A segment over which the scan fails, and one whose scan takes until it is cancelled. */
  readonly failing?: string
  readonly endless?: string
}

function world({ segments, seen = segments, head, damaged = [], failing, endless }: World) {
  const reads: string[] = []
  /** Segments whose scan was cancelled. */
  const ended: string[] = []
  const catalogOf = (shown: ReadonlyArray<SegmentEntry>): PartitionCatalog => ({ partition: 0, epoch: 1, checkpoint: shown.at(-1)?.last ?? 0, segments: shown })
  const services = {
    clock: new ManualClock(),
    partitionCount: () => 1,
    settings: { queryMemoryBytesMax: 1 << 20 },
    catalog: { current: () => catalogOf(seen), waitFor: async () => catalogOf(segments) },
    work: {
      threads: 1,
      select: async (_tenant: string, _plan: LogScanPlan, wanted: ReadonlyArray<SegmentEntry>) => ({ statistics: { ...emptyStatistics(), segments: wanted.length }, warnings: [] }),
      scanSegments: async (_tenant: string, _plan: LogScanPlan, [one]: ReadonlyArray<SegmentEntry>, _nowMs: number, signal: AbortSignal) => {
        const isFirst = !reads.includes(one!.key)
        reads.push(one!.key)
        if (one!.key === failing) throw new SkaldError('query_failed', `${one!.key} fails`)
        if (endless === one!.key) await new Promise((_, reject) => signal.addEventListener('abort', () => (ended.push(one!.key), reject(signal.reason))))
        return answerOf(`segment ${one!.key}`, isFirst && damaged.includes(one!.key) ? ['damaged'] : [])
      },
    },
  } as unknown as Services
  const querier = makeQuerier({ services, reads: { scan: head } as unknown as PartitionReads, cache: new PartialCache(1 << 20), answers: inlineAnswers })
  const scan = async () => {
    const parts = await querier.scan({ tenant: 't', plan: PLAN, signal: new AbortController().signal, cached: true })
    return { lines: scannedLines(PLAN, parts).toSorted(), warnings: parts.warnings }
  }
  const explain = () => querier.explain('t', PLAN, new AbortController().signal)
  return { scan, explain, reads, ended, services }
}

const headUpTo = (checkpoint: number) => async (): Promise<PartitionAnswer<ScanAnswer>> => ({ checkpoint, answer: answerOf('head') })

describe('a scan', () => {
  it('takes no segment that was stored after the owner answered: the head had its entries (Q1)', async () => {
    const { scan } = world({ segments: [segment(1, 10), segment(11, 20)], head: headUpTo(10) })
    expect(await scan()).toEqual({ lines: ['head', 'segment 1-10'], warnings: [] })
  })

  it('waits for segments that the owner has stored and this node has not heard of (Q1)', async () => {
    const { scan } = world({ segments: [segment(1, 10), segment(11, 20)], seen: [segment(1, 10)], head: headUpTo(20) })
    expect(await scan()).toEqual({ lines: ['head', 'segment 1-10', 'segment 11-20'], warnings: [] })
  })

  it('says so when an owner does not answer, and gives what is stored (Q3)', async () => {
    const { scan } = world({ segments: [segment(1, 10)], head: () => Promise.reject(new SkaldError('not_ready', 'nobody there')) })
    const { lines, warnings } = await scan()
    expect(lines).toEqual(['segment 1-10'])
    expect(warnings).toEqual([expect.stringMatching(/^partition 0: its owner did not answer \(nobody there\); entries not yet in segments may be missing$/)])
  })

  it('fails when the owner refuses what asking again would not change', async () => {
    const { scan } = world({ segments: [segment(1, 10)], head: () => Promise.reject(new SkaldError('query_limit', 'too much')) })
    await expect(scan()).rejects.toThrow('too much')
  })

  it('reads no segment without the tenant in it, and those that do not name theirs', async () => {
    const { scan } = world({ segments: [segment(1, 10, ['other']), segment(11, 20, null), segment(21, 30, ['other', 't'])], head: headUpTo(30) })
    expect((await scan()).lines).toEqual(['head', 'segment 11-20', 'segment 21-30'])
  })

  it('keeps answers of whole segments, and reads again what was incomplete', async () => {
    const { scan, reads } = world({ segments: [segment(1, 10), segment(11, 20)], head: headUpTo(20), damaged: ['11-20'] })
    expect((await scan()).warnings).toEqual(['damaged'])
    expect((await scan()).warnings).toEqual([])
    await scan()
    expect(reads).toEqual(['1-10', '11-20', '11-20'])
  })

  it('ends what else it reads when one segment fails', async () => {
    const { scan, reads, ended } = world({ segments: [segment(1, 10), segment(11, 20), segment(21, 30)], head: headUpTo(30), failing: '21-30', endless: '11-20' })
    await expect(scan()).rejects.toThrow('21-30 fails')
    await expect.poll(() => ended).toEqual(['11-20'])
    expect(reads).toEqual(['1-10', '11-20', '21-30'])
  })
})

describe('explain', () => {
  it('counts no segment without the tenant in it', async () => {
    const late = { ...segment(31, 40), minNs: '2000', maxNs: '3000' }
    const { explain } = world({ segments: [segment(1, 10, ['other']), segment(11, 20, null), segment(21, 30), late, { ...late, tenants: ['other'] }], head: headUpTo(40) })
    expect((await explain()).statistics).toMatchObject({ segments: 2, segmentsSkippedByTime: 1 })
  })
})

describe('facts about streams', () => {
  const facts = (count: number) => ({ series: { bytes: new Uint8Array(), count, lineBytes: 0 }, warnings: [] })
  const gather = (partsMax: number) => {
    const { services } = world({ segments: [segment(1, 10)], head: headUpTo(10) })
    const work = { ...services.work, series: async () => facts(2) }
    const reads = { series: async () => ({ checkpoint: 10, answer: facts(1) }) } as unknown as PartitionReads
    const querier = makeQuerier({ services: { ...services, work }, reads, cache: new PartialCache(0), answers: inlineAnswers })
    return querier.series('t', { matcherSets: [], within: null, partsMax }, new AbortController().signal)
  }

  it('are refused when all places together have more parts than may be added up (Q4)', async () => {
    expect((await gather(3)).parts.map(({ count }) => count)).toEqual([1, 2])
    await expect(gather(2)).rejects.toMatchObject({ code: 'query_limit', message: expect.stringContaining('more than the 2 parts') })
  })
})
