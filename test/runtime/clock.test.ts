/** The clock port's two implementations, and Effect running on either. */
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { portsContext } from '../../runtime/effect-ports.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'

describe('ManualClock', () => {
  it('runs timers in order of time, then of setting, timers set on the way included', () => {
    const clock = new ManualClock()
    const ran: string[] = []
    clock.after(20, () => ran.push('b'))
    clock.after(10, () => {
      ran.push('a')
      clock.after(5, () => ran.push('a+5'))
    })
    clock.after(20, () => ran.push('c'))
    clock.after(21, () => ran.push('late'))
    clock.advance(20)
    expect(ran).toEqual(['a', 'a+5', 'b', 'c'])
    expect(clock.pending).toBe(1)
  })

  it('shows each timer the time it was set for', () => {
    const clock = new ManualClock()
    const seen: number[] = []
    for (const delay of [30, 10, 20]) clock.after(delay, () => seen.push(clock.monotonicMs()))
    clock.advance(100)
    expect(seen).toEqual([10, 20, 30])
    expect(clock.monotonicMs()).toBe(100)
  })

  it('forgets cancelled timers, thousands of them too', () => {
    const clock = new ManualClock()
    const timers = Array.from({ length: 5000 }, (_, i) => clock.after(i, () => expect.unreachable()))
    let ran = false
    clock.after(2500, () => (ran = true))
    for (const timer of timers) timer.cancel()
    expect(clock.pending).toBe(1)
    clock.advance(10_000)
    expect(ran).toBe(true)
  })

  it('moves wall time alone by the skew', () => {
    const clock = new ManualClock(1000)
    clock.skewMs = 500
    clock.advance(10)
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1510, 10])
  })

  it('lets a sleeper be aborted, and removes its timer', async () => {
    const clock = new ManualClock()
    const abort = new AbortController()
    const sleeping = clock.sleep(1000, abort.signal)
    abort.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })

  it('drives Effect: an hour of retries with back-off takes no time and is the same under the same seed', async () => {
    const attemptsUnder = async (seed: number): Promise<number[]> => {
      const clock = new ManualClock()
      const attempts: number[] = []
      const attempt = Effect.suspend(() => {
        attempts.push(clock.monotonicMs())
        return Effect.fail('no')
      })
      const program = Effect.retry(attempt, Schedule.exponential(1000).pipe(Schedule.jittered))
      const fiber = Effect.runForkWith(portsContext(clock, new SeededRandom(seed)))(program)
      await clock.run(3_600_000)
      fiber.interruptUnsafe()
      return attempts
    }
    const first = await attemptsUnder(7)
    expect(first.length).toBeGreaterThan(8)
    expect(await attemptsUnder(7)).toEqual(first)
    expect(await attemptsUnder(8)).not.toEqual(first)
  })
})

describe('SystemClock', () => {
  it('sleeps, runs a timer once, and cancels', async () => {
    const clock = new SystemClock()
    const from = clock.monotonicMs()
    clock.after(1, () => expect.unreachable()).cancel()
    await clock.sleep(5)
    expect(clock.monotonicMs() - from).toBeGreaterThanOrEqual(4)
    await new Promise<void>((resolve) => void clock.after(0, resolve))
  })

  it('does not fire a delay beyond the limit of the machine at once', async () => {
    const clock = new SystemClock()
    const timer = clock.after(2 ** 32, () => expect.unreachable())
    await clock.sleep(5)
    timer.cancel()
  })
})
