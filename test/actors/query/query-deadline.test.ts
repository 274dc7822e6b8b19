import { describe, expect, it } from 'vitest'
import { withDeadline } from '../../../actors/query/query-deadline.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'

/** Runs until its signal says otherwise. */
const untilAborted = (signal: AbortSignal): Promise<never> => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

describe('the deadline of a query', () => {
  it('ends it in Loki’s words', async () => {
    const clock = new ManualClock()
    const answer = withDeadline(clock, new AbortController().signal, 1_000, untilAborted)
    clock.advance(1_000)
    await expect(answer).rejects.toMatchObject({ status: 504, message: expect.stringMatching(/^request timed out, decrease the duration of the request/) })
  })

  it('is not what a client hears that left', async () => {
    const client = new AbortController()
    const answer = withDeadline(new ManualClock(), client.signal, 1_000, untilAborted)
    client.abort(new Error('gone'))
    await expect(answer).rejects.toThrow('gone')
  })

  it('lets answers and errors through, and can be off', async () => {
    const clock = new ManualClock()
    const signal = new AbortController().signal
    expect(await withDeadline(clock, signal, 0, () => Promise.resolve(1))).toBe(1)
    await expect(withDeadline(clock, signal, 1, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  })
})
