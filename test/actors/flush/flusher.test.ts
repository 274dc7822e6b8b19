/** Flushes, step by step: the order of F1, what of it counts against the memory budget (W4), and what a log that does not answer or lost records does to it. What a node that dies in between leaves is test/integration's. */
import * as Effect from 'effect/Effect'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFlusher, type FaultPoint, type FlushJob, type SegmentFlush } from '../../../actors/flush/flusher.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import type { EncodeTask, SegmentWork } from '../../../actors/segments/segment-work.ts'
import { SystemClock } from '../../../runtime/clock-system.ts'
import { MemoryKvServer } from '../../../runtime/kv-memory.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { silentLogger } from '../../../runtime/log.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { TraceGather } from '../../../runtime/trace-parent.ts'
import { openKvCatalog } from '../../../storage/catalog-kv.ts'
import type { Catalog } from '../../../storage/catalog.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { MemoryWal } from '../../../storage/wal-memory.ts'
import { segment } from '../../conformance/catalog.ts'

const P = 3
const OTHER = 4
const SLAB_BYTES = 10_000
const OBJECT_BYTES = 700

const [clock, random, task] = [new SystemClock(), new SeededRandom(1), { cut: { slabs: [{ bytes: new SharedArrayBuffer(SLAB_BYTES) }] }, levels: [] } as unknown as EncodeTask]
let budget: MemoryBudget
let store: MemoryObjectStore
let wal: MemoryWal
let catalog: Catalog
let flusher: SegmentFlush
beforeEach(async () => {
  budget = new MemoryBudget(1 << 20)
  store = new MemoryObjectStore(clock)
  wal = new MemoryWal()
  catalog = await openKvCatalog(new MemoryKvServer(clock, random).connect(), { clock, random })
  for (const partition of [P, OTHER]) {
    await catalog.claim(partition, 1)
    for (const id of ['a', 'b', 'c']) await wal.append(partition, id, Buffer.from(id), 1_000)
  }
})
afterEach(async () => {
  await Effect.runPromise(flusher.shutdown())
  await catalog.close()
})

const begin = (faultPoint?: FaultPoint): SegmentFlush =>
  (flusher = makeFlusher({
    work: { encode: async () => ({ entry: segment(P, 1, 2), bytes: Buffer.alloc(OBJECT_BYTES) }) } as unknown as SegmentWork,
    store, catalog, wal, budget, clock, random,
    log: silentLogger,
    metrics: makeNodeMetrics(createMetrics()),
    concurrentFlushesMax: 1,
    ...(faultPoint === undefined ? {} : { faultPoint }),
  }))

/** How it ended. */
const flush = (over: Partial<FlushJob> = {}): Promise<'committed' | 'fenced' | 'lost'> =>
  new Promise((resolve) =>
    flusher.submit({
      partition: P, epoch: 1, reason: 'full', first: 1, last: 2, task, traces: new TraceGather(),
      applied: [{ id: 'a', sequence: 1 }, { id: 'b', sequence: 2 }],
      logKeeper: null,
      onCommitted: () => resolve('committed'),
      onFenced: () => resolve('fenced'),
      onLost: () => resolve('lost'),
      ...over,
    }),
  )

it('counts an estimate while it encodes, the object until it is stored, and nothing afterwards', async () => {
  const { key } = segment(P, 1, 2)
  const seen: Array<readonly [step: string, held: number, stored: boolean, checkpoint: number, firstInLog: number]> = []
  const stored = (): Promise<boolean> => store.head(key).then(() => true, () => false)
  begin((step) => Effect.promise(async () => void seen.push([step, budget.usedBytes('encoders'), await stored(), catalog.current(P).checkpoint, (await wal.state(P)).first])))
  expect(await flush()).toBe('committed')
  await expect.poll(() => flusher.pending).toBe(0)
  expect(seen).toEqual([
    ['encode', 0.3 * SLAB_BYTES, false, 0, 1],
    ['put', OBJECT_BYTES, false, 0, 1],
    ['commit', 0, true, 0, 1],
    ['purge', 0, true, 2, 1],
    ['done', 0, true, 2, 3],
  ])
})

it('stores nothing of a cut when the log holds other records by now, nor of the cuts behind it (W2)', async () => {
  begin()
  wal.loseAfter(P, 1)
  for (const id of ['B', 'C', 'D']) await wal.append(P, id, Buffer.from(id), 1_000)
  const behind = { first: 3, last: 3, task: null, applied: [{ id: 'C', sequence: 3 }] }
  expect(await Promise.all([flush(), flush(behind)])).toEqual(['lost', 'lost'])
  expect(catalog.current(P).checkpoint).toBe(0)
  expect((await wal.state(P)).first).toBe(1)
})

it('waits for a log that does not answer, and holds up no other partition meanwhile', async () => {
  begin()
  const recordIds = wal.recordIds.bind(wal)
  const asked = Promise.withResolvers<void>()
  wal.recordIds = (partition, ...range) => {
    if (partition !== P) return recordIds(partition, ...range)
    asked.resolve()
    return Promise.reject(new SkaldError('wal_unavailable', 'no leader'))
  }
  const first = flush()
  await asked.promise
  expect(await flush({ partition: OTHER, task: null })).toBe('committed')
  expect(catalog.current(P).checkpoint).toBe(0)
  wal.recordIds = recordIds
  expect(await first).toBe('committed')
})
