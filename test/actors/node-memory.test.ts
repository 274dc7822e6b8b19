/** W4: what threads hold in caches counts for the node, and is limited when memory is short. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import { SharedLedger } from '../../storage/shared-ledger.ts'
import { openNodeMemory } from '../../actors/node-memory.ts'

const KB = 1024

describe('the memory of a node', () => {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const memory = openNodeMemory({ budgetBytes: 1000 * KB, cacheBytes: 200 * KB, threads: 2, clock, metrics })
  // The second of two threads starts first, as it happens when a task has a leaning towards it.
  const inThread = new SharedLedger(memory.cacheLedger(1).memory)

  it('counts the caches of threads and its own', async () => {
    memory.countCache(() => 7 * KB)
    expect(inThread.tryTake(50 * KB)).toBe(true)
    clock.advance(1_000)
    expect(memory.budget.usedBytes('caches')).toBe(57 * KB)
    expect((await metrics.render()).text).toContain(`skald_memory_caches_bytes ${57 * KB}`)
  })

  it('gives a thread beyond their number a quarter', () => {
    const extra = openNodeMemory({ budgetBytes: 1000 * KB, cacheBytes: 200 * KB, threads: 2, clock, metrics: createMetrics() })
    expect([extra.cacheLedger(0), extra.cacheLedger(2)].map(({ limitBytes }) => limitBytes)).toEqual([100 * KB, 25 * KB])
    extra.close()
  })

  it('gives caches less while memory is short, and all again when it is not', () => {
    expect(inThread.limitBytes).toBe(100 * KB)
    const heads = memory.budget.account('heads')
    heads.set(650 * KB)
    expect(inThread.limitBytes).toBe(50 * KB)
    heads.set(950 * KB)
    expect([inThread.limitBytes, inThread.isOver]).toEqual([0, true])
    heads.close()
    expect(inThread.limitBytes).toBe(100 * KB)
  })

  it('forgets what a thread held that died', () => {
    memory.cacheLedger(1)
    clock.advance(1_000)
    expect(memory.budget.usedBytes('caches')).toBe(7 * KB)
    memory.close()
  })
})
