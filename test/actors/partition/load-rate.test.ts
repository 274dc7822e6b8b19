import { describe, expect, it } from 'vitest'
import { LoadRate } from '../../../actors/partition/load-rate.ts'

/** 1,000 bytes every 100 ms. */
function load(rate: LoadRate, fromMs: number, toMs: number): void {
  for (let ms = fromMs; ms < toMs; ms += 100) rate.add(1_000, ms)
}

describe('the load of a partition', () => {
  it('is what came in a second, from the first seconds on', () => {
    const rate = new LoadRate(5_000)
    load(rate, 5_000, 8_000)
    expect(rate.bytesPerS(8_000)).toBeCloseTo(10_000, -3)
    load(rate, 8_000, 300_000)
    expect(rate.bytesPerS(300_000)).toBeCloseTo(10_000, -3)
  })

  it('falls when nothing comes any more', () => {
    const rate = new LoadRate(0)
    load(rate, 0, 300_000)
    expect(rate.bytesPerS(330_000)).toBeLessThan(4_000)
    expect(rate.bytesPerS(600_000)).toBeLessThan(10)
  })

  it('does not take one push for a rate', () => {
    const rate = new LoadRate(0)
    rate.add(1_000, 1)
    expect(rate.bytesPerS(1)).toBeLessThan(1_100)
  })

  it('is nothing for a partition that never got anything', () => {
    expect(new LoadRate(7).bytesPerS(7)).toBe(0)
  })
})
