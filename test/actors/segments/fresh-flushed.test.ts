/** Random queries over the same entries in memory, in segments, and in both: the tasks of scan threads give one answer wherever the entries lie. */
import { describe, expect, it } from 'vitest'
import { decodePartial } from '../../../actors/segments/encoded-partial.ts'
import { SegmentReads } from '../../../actors/segments/segment-reads.ts'
import { runEncode, SegmentTasks } from '../../../actors/segments/segment-tasks.ts'
import type { LevelPolicy } from '../../../actors/segments/segment-work.ts'
import type { Expr } from '../../../protocols/logql/ast.ts'
import { evaluate } from '../../../protocols/logql/evaluate.ts'
import { mergePartials } from '../../../protocols/logql/merge.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { format } from '../../../protocols/logql/print.ts'
import type { ScanPartial, ScanPlan } from '../../../protocols/logql/scan.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { SegmentCache } from '../../../storage/segment-cache.ts'
import { SharedLedger } from '../../../storage/shared-ledger.ts'
import type { TestStream } from '../../support/blocks.ts'
import { comparable, dressed, FOUND_WORDS, type Outcome } from '../../support/comparable-answers.ts'
import { packed, TestPartition } from '../../support/cuts.ts'
import { NOW_MS, parametersOf } from '../../support/execute-local.ts'
import { drawFrom, pick, randomStreams, splitStreams } from '../../support/random-entries.ts'
import { RandomQueries } from '../../support/random-query.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n
const QUERIES = 300
const TENANT = 't'
const LEVELS: LevelPolicy = { fields: ['level'], jsonDepthMax: 2 }
const SIGNAL = { check: () => undefined, turn: async () => undefined }

function partitionOf(streams: ReadonlyArray<TestStream>): TestPartition {
  const partition = new TestPartition()
  for (const { labels, entries } of streams) {
    const text = `{${Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(', ')}}`
    partition.push(TENANT, [{ labels: text, entries: entries.map(({ ns, line, metadata = {} }) => ({ ns, line: Buffer.from(line), metadata: Object.entries(metadata) })) }])
  }
  return partition
}

/** What a thread finds of one scan in each part of the entries. */
type ScanPart = (tasks: SegmentTasks, plan: ScanPlan) => Promise<ScanPartial>

const fresh = (streams: ReadonlyArray<TestStream>): ScanPart => {
  const { slabs, tenants } = partitionOf(streams).cut()
  const content = { tenant: TENANT, slabs, levels: LEVELS, streams: tenants.map(({ streams: own }) => packed(own)) }
  return async (tasks, plan) => decodePartial((await tasks.scanHead(content, plan, NOW_MS, SIGNAL)).partial.bytes)
}

async function flushed(store: MemoryObjectStore, streams: ReadonlyArray<TestStream>, number: number): Promise<ScanPart> {
  const cut = partitionOf(streams).cut({ first: number, last: number, blockTargetBytes: 600, encoding: 'none' })
  const tenants = cut.tenants.map((tenant) => ({ ...tenant, streams: [packed(tenant.streams)] }))
  const { entry, bytes } = runEncode({ cut: { ...cut, tenants }, levels: [[TENANT, LEVELS]] })
  await store.put(entry.key, Buffer.from(bytes))
  const stored: SegmentEntry = entry
  return async (tasks, plan) => {
    const { partial, warnings } = await tasks.scanSegments(TENANT, plan, [stored], NOW_MS, SIGNAL)
    expect(warnings).toEqual([])
    return decodePartial(partial.bytes)
  }
}

describe('random queries', () => {
  it(`${QUERIES} of them give the same over fresh and flushed entries, and over some of each`, async () => {
    const queries = new RandomQueries(31, FOUND_WORDS)
    const store = new MemoryObjectStore(new ManualClock())
    const ledger = new SharedLedger()
    ledger.limitBytes = 1 << 20
    const tasks = new SegmentTasks(new SegmentReads(store, new SegmentCache({ ledger, keepsRanges: false })), store)
    let found = 0
    for (let i = 0; i < QUERIES; i++) {
      const draw = drawFrom(i)
      const expr = queries.expr()
      const kind = pick(draw, ['range', 'range', 'instant'] as const)
      const direction = pick(draw, ['forward', 'backward'] as const)
      const answer = async (parts: ReadonlyArray<ScanPart>): Promise<unknown> => comparable(await outcome(tasks, expr, { kind, direction, limit: 1000 }, parts))
      const streams = dressed(draw, randomStreams(draw, { startNs: START_NS, seconds: 220, streams: 5, rows: 20 }))
      const inMemory = await answer([fresh(streams)])
      const [some, more, others] = splitStreams(draw, streams, 3) as [TestStream[], TestStream[], TestStream[]]
      expect(await answer([await flushed(store, streams, i * 10 + 1)]), format(expr)).toEqual(inMemory)
      expect(await answer([await flushed(store, some, i * 10 + 2), fresh(more), await flushed(store, others, i * 10 + 3)]), format(expr)).toEqual(inMemory)
      if (Array.isArray(inMemory) && inMemory.length > 0) found++
    }
    expect(found).toBeGreaterThan(QUERIES / 4)
  })
})

interface Asked {
  readonly kind: 'range' | 'instant'
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

async function outcome(tasks: SegmentTasks, expr: Expr, { kind, direction, limit }: Asked, parts: ReadonlyArray<ScanPart>): Promise<Outcome> {
  const range = kind === 'range' ? { startNs: START_NS, stepNs: 20n * S } : { startNs: START_NS + 200n * S, stepNs: 0n }
  try {
    const plan = planQuery(expr, parametersOf({ ...range, kind, endNs: START_NS + 200n * S, limit, direction }))
    const partials: ScanPartial[] = []
    for (const scan of plan.scans as ReadonlyArray<ScanPlan>) partials.push(mergePartials(scan, await Promise.all(parts.map((part) => part(tasks, scan)))))
    return { data: evaluate(plan, partials) }
  } catch (error) {
    if (error instanceof SkaldError && error.status === 400) return { error: error.message }
    throw error
  }
}
