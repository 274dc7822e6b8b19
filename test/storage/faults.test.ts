/** Stores that fail, and what the wrappers around them make of it. Time is the test's. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { withHedgedReads } from '../../storage/object-store-hedge.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { type RetryPolicy, withRetries } from '../../storage/object-store-retry.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { all, bytes } from '../conformance/object-store.ts'
import { type Fault, FaultyStore } from '../support/object-store-faults.ts'

interface World {
  readonly clock: ManualClock
  readonly faulty: FaultyStore
  readonly memory: MemoryObjectStore
  readonly store: ObjectStore
  readonly retried: string[]
}

function world(policy: Partial<RetryPolicy> = {}): World {
  const clock = new ManualClock()
  const memory = new MemoryObjectStore(clock)
  const faulty = new FaultyStore(memory)
  const retried: string[] = []
  const store = withRetries(faulty, { clock, random: new SeededRandom(1), policy, onRetry: (operation, error) => retried.push(`${operation} ${error.code}`) })
  return { clock, memory, faulty, store, retried }
}

/** Fails the first calls so, then lets them through. */
const first = (...faults: Fault[]) => (): Fault | undefined => faults.shift()

/** Lets simulated time pass until the promise is settled. */
async function settled<A>(clock: ManualClock, promise: Promise<A>): Promise<A> {
  const done = new AbortController()
  const watch = promise.finally(() => done.abort())
  watch.catch(() => undefined)
  for (let i = 0; !done.signal.aborted && i < 10_000; i++) await clock.run(100)
  return watch
}

describe('retries', () => {
  it('repeats what may pass: refused, 503, answer lost', async () => {
    const { clock, faulty, store, retried } = world()
    faulty.decide = first('refuse', 'unavailable', 'lost-answer')
    await settled(clock, store.put('a/b', bytes(100)))
    faulty.decide = first('unavailable')
    expect(await settled(clock, store.getRange('a/b', 0, 100))).toEqual(bytes(100))
    expect(retried).toEqual(['put storage_unavailable', 'put storage_unavailable', 'put storage_unavailable', 'read storage_unavailable'])
  })

  it('gives up after so many tries, with the last failure', async () => {
    const { clock, faulty, store } = world({ triesMax: 3 })
    faulty.decide = () => 'unavailable'
    await expect(settled(clock, store.put('a/b', bytes(1)))).rejects.toMatchObject({ code: 'storage_unavailable', status: 503 })
    expect(faulty.calls).toHaveLength(3)
  })

  it('does not repeat what will not change', async () => {
    const { clock, faulty, store } = world()
    await expect(settled(clock, store.getRange('a/none', 0, 1))).rejects.toMatchObject({ code: 'not_found' })
    await expect(settled(clock, store.put('../x', bytes(1)))).rejects.toMatchObject({ code: 'bad_request' })
    expect(faulty.calls).toHaveLength(2)
  })

  it('cancels a try that does not answer, and tries again', async () => {
    const { clock, faulty, store } = world({ tryMs: 1000 })
    await store.put('a/b', bytes(5))
    faulty.decide = first('stall')
    expect(await settled(clock, store.getRange('a/b', 0, 5))).toEqual(bytes(5))
  })

  it('gives large bodies more time', async () => {
    const { clock, faulty, store, retried } = world({ tryMs: 1000, bytesPerSecondMin: 1_000_000 })
    faulty.decide = first('stall')
    const put = store.put('a/b', Buffer.alloc(5_000_000))
    await clock.run(5_900)
    expect(retried).toEqual([])
    await settled(clock, put)
    expect(retried).toEqual(['put storage_unavailable'])
  })

  it('waits longer after each failure, never above the maximum, never all alike', async () => {
    const { clock, faulty, store } = world({ triesMax: 12, backoffMinMs: 100, backoffMaxMs: 2_000 })
    const at: number[] = []
    faulty.decide = () => {
      at.push(clock.monotonicMs())
      return 'refuse'
    }
    await expect(settled(clock, store.head('a/b'))).rejects.toThrow('refused')
    const waits = at.slice(1).map((ms, i) => ms - at[i]!)
    expect(waits.every((ms, i) => ms <= Math.min(2_000, 100 * 2 ** i))).toBe(true)
    expect(new Set(waits.slice(5).map(Math.round)).size).toBeGreaterThan(3)
    expect(Math.max(...waits)).toBeGreaterThan(500)
  })

  it('stops at once when its caller does', async () => {
    const { clock, faulty, store } = world()
    faulty.decide = () => 'unavailable'
    const stop = new AbortController()
    const put = store.put('a/b', bytes(1), stop.signal)
    await clock.run(1)
    stop.abort()
    await expect(put).rejects.toMatchObject({ code: 'query_cancelled' })
    const calls = faulty.calls.length
    await clock.run(60_000)
    expect(faulty.calls).toHaveLength(calls)
    expect(clock.pending).toBe(0)
  })

  it('goes on with a list where it broke', async () => {
    const { clock, faulty, store } = world()
    const keys = Array.from({ length: 30 }, (_, i) => `l/${String(i).padStart(3, '0')}`)
    for (const key of keys) await store.put(key, bytes(1))
    const broken = new Map<string, Fault>([['l/000', 'refuse'], ['l/010', 'unavailable'], ['l/020', 'stall'], ['l/029', 'unavailable']])
    faulty.decide = (_, key) => {
      const fault = broken.get(key)
      broken.delete(key)
      return fault
    }
    expect((await settled(clock, all(store.list('l/')))).map((o) => o.key)).toEqual(keys)
  })

  it('survives any mix of passing faults: what it said was put is there, whole', async () => {
    const { clock, faulty, store, memory } = world({ triesMax: 20, tryMs: 500 })
    const random = new SeededRandom(42)
    const faults: Array<Fault | undefined> = ['refuse', 'unavailable', 'lost-answer', 'stall', undefined, undefined]
    faulty.decide = () => faults[random.below(faults.length)]
    const kept = await settled(clock, Promise.all(Array.from({ length: 50 }, (_, i) => store.put(`m/${i}`, bytes(i + 1)).then(() => i))))
    for (const i of kept) expect(await memory.getRange(`m/${i}`, 0, i + 1)).toEqual(bytes(i + 1))
  })

  it('passes on an outage as storage_unavailable and works again after it', async () => {
    const { clock, faulty, store } = world()
    faulty.decide = () => 'refuse'
    const failure: unknown = await settled(clock, store.put('a/b', bytes(3))).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SkaldError)
    faulty.decide = () => undefined
    await store.put('a/b', bytes(3))
    expect(await store.getRange('a/b', 0, 3)).toEqual(bytes(3))
  })
})

describe('hedged reads', () => {
  const hedged = (share?: number): World & { hedges: () => number } => {
    const base = world()
    let count = 0
    const options = { clock: base.clock, random: new SeededRandom(2), onHedge: () => void count++, ...(share === undefined ? {} : { share }) }
    return { ...base, store: withHedgedReads(base.faulty, options), hedges: () => count }
  }

  it('asks a second time when the first answer is late, and takes what comes first', async () => {
    const { clock, faulty, store, hedges } = hedged()
    await store.put('a/b', bytes(9))
    faulty.decide = first('stall')
    const read = store.getRange('a/b', 0, 9)
    await clock.run(999)
    expect(hedges()).toBe(0)
    await clock.run(2)
    expect(await read).toEqual(bytes(9))
    expect(hedges()).toBe(1)
  })

  it('does not ask twice when the answer is in time, nor leave timers behind', async () => {
    const { clock, faulty, store, hedges } = hedged()
    await store.put('a/b', bytes(9))
    await settled(clock, store.getRange('a/b', 0, 9))
    await clock.run(10_000)
    expect([hedges(), faulty.calls.length, clock.pending]).toEqual([0, 2, 0])
  })

  it('learns when an answer is late', async () => {
    const { clock, faulty, store, hedges } = hedged()
    await store.put('a/b', bytes(9))
    for (let i = 0; i < 64; i++) await store.head('a/b')
    faulty.decide = first('stall')
    const read = store.getRange('a/b', 0, 9)
    await clock.run(60)
    expect(await read).toEqual(bytes(9))
    expect(hedges()).toBe(1)
  })

  it('fails at once when the only try fails, and when both do', async () => {
    const { clock, faulty, store, hedges } = hedged()
    await expect(store.getRange('a/none', 0, 1)).rejects.toMatchObject({ code: 'not_found' })
    expect(hedges()).toBe(0)
    faulty.decide = first('stall', 'unavailable')
    const read = store.head('a/none')
    const stop = new AbortController()
    await clock.run(1_001)
    expect(hedges()).toBe(1)
    stop.abort()
    const outcome = await Promise.race([read.catch(() => 'failed'), clock.run(10).then(() => 'still waiting for the first')])
    expect(outcome).toBe('still waiting for the first')
  })

  it('does not double the load on a store that is slow altogether', async () => {
    const { clock, faulty, store, hedges } = hedged(0.05)
    faulty.decide = () => 'stall'
    const stop = new AbortController()
    const reads = Array.from({ length: 200 }, () => store.head('a/b', stop.signal).catch(() => undefined))
    await clock.run(5_000)
    expect(hedges()).toBeLessThanOrEqual(10 + 200 * 0.05)
    stop.abort()
    await Promise.all(reads)
  })

  it('never hedges writes', async () => {
    const { clock, faulty, store, hedges } = hedged()
    faulty.decide = () => 'stall'
    void store.put('a/b', bytes(1)).catch(() => undefined)
    void store.delete(['a/b']).catch(() => undefined)
    await clock.run(60_000)
    expect(hedges()).toBe(0)
    expect(faulty.calls).toHaveLength(2)
  })
})
