import { afterEach, describe, expect, it, vi } from 'vitest'
import { WorkerPool } from '../../runtime/worker-pool.ts'

const SCRIPT = new URL('../support/echo-worker.ts', import.meta.url)

describe('WorkerPool', () => {
  let pool: WorkerPool | null = null
  const open = (threads: number, onCrash?: (error: Error) => void): WorkerPool =>
    (pool = new WorkerPool({ script: SCRIPT, threads, heapMbMax: 64, ...(onCrash === undefined ? {} : { onCrash }) }))
  afterEach(() => pool?.close())

  it('answers tasks, with errors as they were thrown', async () => {
    open(2)
    await expect(pool!.run({ echo: 41 })).resolves.toBe(41)
    await expect(pool!.run({ fail: 'query_limit' })).rejects.toMatchObject({ code: 'query_limit', message: 'told to fail' })
    await expect(pool!.run({ fail: null })).rejects.toThrow('told to fail')
  })

  it('prefers the thread of an affinity while it is free', async () => {
    open(3)
    const first = await pool!.run({ thread: true }, { affinity: 7 })
    await expect(pool!.run({ thread: true }, { affinity: 7 })).resolves.toBe(first)
    await expect(pool!.run({ thread: true }, { affinity: 8 })).resolves.not.toBe(first)
  })

  it('lets a busy thread be, also when an affinity prefers it', async () => {
    open(2)
    const cancel = new AbortController()
    const busy = pool!.run({ untilCancelled: true }, { affinity: 1, signal: cancel.signal }).catch(() => 'cancelled')
    expect([pool!.hasRoomAt(1), pool!.hasRoomAt(2)]).toEqual([false, true])
    await expect(pool!.run({ echo: 'elsewhere' }, { affinity: 1 })).resolves.toBe('elsewhere')
    cancel.abort()
    await busy
    expect(pool!.hasRoomAt(1)).toBe(true)
  })

  it('starts the other threads that are used together after the first has answered', async () => {
    const places: number[] = []
    pool = new WorkerPool({ script: SCRIPT, threads: 3, heapMbMax: 64, together: true, workerDataOf: (place) => places.push(place) })
    expect(places).toEqual([])
    await pool.run({ echo: 1 })
    await vi.waitFor(() => expect(places).toEqual([0, 1, 2]), { timeout: 5000 })
  })

  it('ends a thread that has had nothing to do, and starts another for the next task', async () => {
    const places: number[] = []
    pool = new WorkerPool({ script: SCRIPT, threads: 1, heapMbMax: 64, idleMsMax: 50, workerDataOf: (place) => places.push(place) })
    const first = await pool.run({ thread: true })
    await expect(pool.run({ thread: true })).resolves.toBe(first)
    await vi.waitFor(async () => expect(await pool!.run({ thread: true })).not.toBe(first), { timeout: 5000, interval: 200 })
    expect(places).toEqual([0, 0])
  })

  it('counts that time once, from when nothing is left to do, also when answers come to nobody', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      pool = new WorkerPool({ script: SCRIPT, threads: 1, heapMbMax: 64, idleMsMax: 50 })
      const cancel = new AbortController()
      const answered = pool.run({ echo: 1 })
      const cancelled = pool.run({ echo: 2 }, { signal: cancel.signal })
      cancel.abort()
      await expect(cancelled).rejects.toMatchObject({ code: 'query_cancelled' })
      await answered
      // The thread's answer to the cancelled one: nobody is told of it.
      for (const end = performance.now() + 50; performance.now() < end; ) await new Promise((resolve) => setImmediate(resolve))
      const working = new AbortController()
      const first = pool.run({ echo: 3 })
      const endless = pool.run({ untilCancelled: true }, { signal: working.signal })
      await first
      expect(vi.getTimerCount()).toBe(0)
      working.abort()
      await expect(endless).rejects.toMatchObject({ code: 'query_cancelled' })
      await pool.run({ echo: 4 })
      expect(vi.getTimerCount()).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('fails the tasks of a thread that dies, and replaces it (Q4: a runaway task dies alone)', async () => {
    const crashes: Error[] = []
    open(1, (error) => crashes.push(error))
    await expect(pool!.run({ exhaust: true })).rejects.toMatchObject({ code: 'over_memory', retryable: true })
    expect(crashes).toHaveLength(1)
    await expect(pool!.run({ echo: 'again' })).resolves.toBe('again')
  })

  it('cancels at once for the caller, and tells the busy thread', async () => {
    open(1)
    const cancel = new AbortController()
    const busy = pool!.run({ untilCancelled: true }, { signal: cancel.signal })
    cancel.abort()
    await expect(busy).rejects.toMatchObject({ code: 'query_cancelled' })
    await expect(pool!.run({ echo: 'free' })).resolves.toBe('free')
  })

  it('knows whether a thread has nothing to do', async () => {
    open(2)
    expect(pool!.hasIdle).toBe(true)
    const cancel = new AbortController()
    const busy = [1, 2].map(() => pool!.run({ untilCancelled: true }, { signal: cancel.signal }).catch(() => 'cancelled'))
    expect(pool!.hasIdle).toBe(false)
    cancel.abort()
    expect(await Promise.all(busy)).toEqual(['cancelled', 'cancelled'])
    expect(pool!.hasIdle).toBe(true)
  })

  it('refuses after close', async () => {
    open(1)
    await pool!.close()
    await expect(pool!.run({ echo: 1 })).rejects.toMatchObject({ code: 'stopping' })
  })
})
