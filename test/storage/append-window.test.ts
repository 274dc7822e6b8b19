import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { AppendWindow } from '../../storage/append-window.ts'

describe('append window (W4)', () => {
  const make = (recordsMax: number, bytesMax: number): { clock: ManualClock; window: AppendWindow } => {
    const clock = new ManualClock()
    return { clock, window: new AppendWindow({ recordsMax, bytesMax }, clock) }
  }

  it('admits up to so many records', async () => {
    const { window, clock } = make(2, 1000)
    expect(await window.enter(1, 10)).toBe(true)
    expect(await window.enter(1, 10)).toBe(true)
    const third = window.enter(1, 10)
    window.leave(1)
    expect(await third).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('admits up to so many bytes, in the order of asking', async () => {
    const { window } = make(10, 100)
    await window.enter(60, 10)
    const order: string[] = []
    const large = window.enter(90, 10).then(() => order.push('large'))
    const small = window.enter(10, 10).then(() => order.push('small'))
    window.leave(60)
    await Promise.all([large, small])
    expect(order).toEqual(['large', 'small'])
  })

  it('lets a record larger than the window in, alone', async () => {
    const { window } = make(10, 100)
    expect(await window.enter(500, 10)).toBe(true)
    const next = window.enter(1, 10)
    window.leave(500)
    expect(await next).toBe(true)
  })

  it('gives up after the wait, and then lets those behind pass', async () => {
    const { window, clock } = make(10, 100)
    await window.enter(60, 10)
    const large = window.enter(90, 10)
    const small = window.enter(10, 1000)
    clock.advance(10)
    expect(await large).toBe(false)
    expect(await small).toBe(true)
  })
})
