/** The randomness port: seeded sequences repeat, both are uniform enough to place and jitter with. */
import { describe, expect, it } from 'vitest'
import type { Random } from '../../runtime/random.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { SystemRandom } from '../../runtime/random-system.ts'

describe.each<[string, () => Random]>([
  ['SeededRandom', () => new SeededRandom(1)],
  ['SystemRandom', () => new SystemRandom()],
])('%s', (_name, make) => {
  it('stays in [0, 1) and fills ten equal bins within a fifth', () => {
    const random = make()
    const bins = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 20_000; i++) {
      const value = random.next()
      expect(value >= 0 && value < 1).toBe(true)
      bins[Math.floor(value * 10)]!++
    }
    for (const count of bins) expect(Math.abs(count - 2000)).toBeLessThan(400)
  })

  it('makes ids of the asked length that differ', () => {
    const random = make()
    expect(random.hex(5)).toMatch(/^[0-9a-f]{10}$/)
    expect(new Set(Array.from({ length: 1000 }, () => random.hex(8))).size).toBe(1000)
  })
})

describe('SeededRandom', () => {
  it('repeats under the same seed and differs under another', () => {
    const draw = (seed: number): number[] => Array.from({ length: 20 }, ((random) => () => random.next())(new SeededRandom(seed)))
    expect(draw(42)).toEqual(draw(42))
    expect(draw(42)).not.toEqual(draw(43))
  })

  it('forks a generator of its own', () => {
    const parent = new SeededRandom(3)
    const child = parent.fork()
    expect(child.next()).not.toBe(parent.next())
  })
})
