/** One flush, step by step: the order of F1, and what of it counts against the memory budget (W4). What a node that dies in between leaves is test/integration's. */
import * as Effect from 'effect/Effect'
import { expect, it } from 'vitest'
import { makeFlusher } from '../../../actors/flush/flusher.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import type { EncodeTask, SegmentWork } from '../../../actors/segments/segment-work.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { MemoryKvServer } from '../../../runtime/kv-memory.ts'
import { silentLogger } from '../../../runtime/log.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { TraceGather } from '../../../runtime/trace-parent.ts'
import { openKvCatalog } from '../../../storage/catalog-kv.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { MemoryWal } from '../../../storage/wal-memory.ts'
import { segment } from '../../conformance/catalog.ts'

const P = 3
const SLAB_BYTES = 10_000
const OBJECT_BYTES = 700

it('counts an estimate while it encodes, the object until it is stored, and nothing afterwards', async () => {
  const [clock, random] = [new ManualClock(), new SeededRandom(1)]
  const [budget, store, wal] = [new MemoryBudget(1 << 20), new MemoryObjectStore(clock), new MemoryWal()]
  const catalog = await openKvCatalog(new MemoryKvServer(clock, random).connect(), { clock, random })
  await catalog.claim(P, 1)
  for (const id of ['a', 'b', 'c']) await wal.append(P, id, Buffer.from(id), 1_000)
  const entry = segment(P, 1, 2)
  const seen: Array<readonly [step: string, held: number, stored: boolean, checkpoint: number, firstInLog: number]> = []
  const stored = (): Promise<boolean> => store.head(entry.key).then(() => true, () => false)
  const flusher = makeFlusher({
    work: { encode: async () => ({ entry, bytes: Buffer.alloc(OBJECT_BYTES) }) } as unknown as SegmentWork,
    store, catalog, wal, budget, clock, random,
    log: silentLogger,
    metrics: makeNodeMetrics(createMetrics()),
    concurrentFlushesMax: 1,
    faultPoint: (step) => Effect.promise(async () => void seen.push([step, budget.usedBytes('encoders'), await stored(), catalog.current(P).checkpoint, (await wal.state(P)).first])),
  })
  const task = { cut: { slabs: [{ bytes: new SharedArrayBuffer(SLAB_BYTES) }] }, levels: [] } as unknown as EncodeTask
  await new Promise<void>((onCommitted, onFenced) => flusher.submit({ partition: P, epoch: 1, reason: 'full', first: 1, last: 2, task, traces: new TraceGather(), onCommitted, onFenced }))
  await expect.poll(() => flusher.pending).toBe(0)
  expect(seen).toEqual([
    ['encode', 0.3 * SLAB_BYTES, false, 0, 1],
    ['put', OBJECT_BYTES, false, 0, 1],
    ['commit', OBJECT_BYTES, true, 0, 1],
    ['purge', 0, true, 2, 1],
    ['done', 0, true, 2, 3],
  ])
  await catalog.close()
})
