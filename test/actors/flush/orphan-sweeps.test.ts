/** F3: what a stale owner left is removed after its grace period, by the one node whose turn it is, and a bucket that fails only delays it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { silentLogger } from '../../../runtime/log.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import type { Catalog, PartitionCatalog } from '../../../storage/catalog.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { OrphanCollector } from '../../../storage/orphans.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import { startOrphanSweeps } from '../../../actors/flush/orphan-sweeps.ts'
import { FaultyStore } from '../../support/object-store-faults.ts'

const PERIOD_MS = 1_000
const GRACE_MS = 2_500
const NAMED = 'segments/p0/1-10.seg'
const ORPHAN = 'segments/p0/1-7.seg'
const UNDER_WAY = 'segments/p0/11-20.seg'

describe('orphan sweeps', () => {
  const clock = new ManualClock()
  const catalog: Pick<Catalog, 'current'> = { current: (partition) => ({ partition, epoch: 1, checkpoint: 10, segments: [{ key: NAMED }] }) as unknown as PartitionCatalog }
  let store: FaultyStore
  let isMine: boolean
  let stop: () => void

  beforeEach(async () => {
    store = new FaultyStore(new MemoryObjectStore(clock))
    for (const key of [NAMED, ORPHAN, UNDER_WAY]) await store.put(key, Buffer.from('x'))
    isMine = true
    const collector = new OrphanCollector(store, catalog as Catalog, clock, GRACE_MS)
    stop = startOrphanSweeps({ collector, clock, log: silentLogger, metrics: makeNodeMetrics(createMetrics()), periodMs: PERIOD_MS, isMine: () => isMine })
  })
  afterEach(() => stop())

  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { key } of store.list('')) found.push(key)
    return found.sort()
  }
  const all = [NAMED, ORPHAN, UNDER_WAY].sort()

  it('remove what nobody names after its grace period, and nothing else', async () => {
    await clock.run(3 * PERIOD_MS)
    expect(await keys()).toEqual(all)
    await clock.run(2 * PERIOD_MS)
    expect(await keys()).toEqual([NAMED, UNDER_WAY].sort())
  })

  it('are the business of one node', async () => {
    isMine = false
    await clock.run(10 * PERIOD_MS)
    expect(await keys()).toEqual(all)
  })

  it('go on after a bucket has failed', async () => {
    store.decide = () => 'unavailable'
    await clock.run(5 * PERIOD_MS)
    store.decide = () => undefined
    await clock.run(6 * PERIOD_MS)
    expect(await keys()).toEqual([NAMED, UNDER_WAY].sort())
  })

  it('end when they are told to', async () => {
    stop()
    await clock.run(10 * PERIOD_MS)
    expect(await keys()).toEqual(all)
  })
})
