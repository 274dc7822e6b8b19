import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { ByteCache } from '../../storage/cache.ts'

/** What an item of `bytes` counts for in all. */
const OVERHEAD = 200
const KB = 1000

describe('byte cache (W4)', () => {
  it('keeps what fits and counts its bytes', () => {
    const cache = new ByteCache<string>({ bytesMax: 100 * KB })
    expect(cache.set('a', 'A', KB)).toBe(true)
    expect([cache.get('a'), cache.get('b'), cache.count, cache.sizeBytes]).toEqual(['A', undefined, 1, KB + OVERHEAD])
    cache.set('a', 'A2', 2 * KB)
    expect([cache.get('a'), cache.sizeBytes]).toEqual(['A2', 2 * KB + OVERHEAD])
    cache.delete('a')
    expect([cache.get('a'), cache.sizeBytes]).toEqual([undefined, 0])
  })

  it('does not admit what would take more than an eighth of it', () => {
    const cache = new ByteCache<string>({ bytesMax: 80 * KB })
    expect(cache.set('huge', 'H', 10 * KB)).toBe(false)
    expect(cache.set('fits', 'F', 10 * KB - OVERHEAD)).toBe(true)
  })

  it('is not washed out by a scan: what is used again stays', () => {
    const cache = new ByteCache<number>({ bytesMax: 100 * KB })
    for (let i = 0; i < 10; i++) cache.set(`footer ${i}`, i, KB)
    for (let i = 0; i < 10; i++) cache.get(`footer ${i}`)
    for (let i = 0; i < 1000; i++) cache.set(`block ${i}`, i, 2 * KB)
    expect(Array.from({ length: 10 }, (_, i) => cache.get(`footer ${i}`))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(cache.sizeBytes).toBeLessThanOrEqual(100 * KB)
  })

  it('leaves room for what is new, however much is used again', () => {
    const cache = new ByteCache<number>({ bytesMax: 100 * KB })
    for (let i = 0; i < 200; i++) {
      cache.set(`old ${i}`, i, KB)
      cache.get(`old ${i}`)
    }
    for (let i = 0; i < 5; i++) cache.set(`new ${i}`, i, KB)
    expect(Array.from({ length: 5 }, (_, i) => cache.get(`new ${i}`))).toEqual([0, 1, 2, 3, 4])
  })

  it('lets even the protected go when others are used more recently', () => {
    const cache = new ByteCache<number>({ bytesMax: 100 * KB })
    for (let i = 0; i < 500; i++) {
      cache.set(`k${i}`, i, KB)
      cache.get(`k${i}`)
    }
    expect(cache.get('k0')).toBeUndefined()
    expect(cache.get('k499')).toBe(499)
  })

  it('loads once for many who ask at once, and does not keep failures', async () => {
    const cache = new ByteCache<string>({ bytesMax: 100 * KB })
    let loads = 0
    const load = async (): Promise<string> => `value ${++loads}`
    const size = (value: string): number => value.length
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrLoad('k', load, size)))).toEqual(['value 1', 'value 1', 'value 1'])
    await expect(cache.getOrLoad('bad', async () => Promise.reject(new Error('no')), size)).rejects.toThrow('no')
    expect(await cache.getOrLoad('bad', load, size)).toBe('value 2')
  })

  it('keeps nothing that the budget refuses, and gives back all that it took', () => {
    let left = 5 * KB
    const budget = { tryTake: (bytes: number) => bytes <= left && ((left -= bytes), true), give: (bytes: number) => void (left += bytes) }
    const cache = new ByteCache<number>({ bytesMax: 100 * KB, budget })
    const kept = Array.from({ length: 10 }, (_, i) => cache.set(`k${i}`, i, KB))
    expect(kept.filter(Boolean)).toHaveLength(4)
    cache.shrinkTo(0)
    expect([left, cache.count]).toEqual([5 * KB, 0])
  })

  it('never holds more than its bytes over random traffic', () => {
    const random = new SeededRandom(3)
    const cache = new ByteCache<number>({ bytesMax: 50 * KB })
    for (let i = 0; i < 20_000; i++) {
      const key = `k${random.below(200)}`
      if (random.next() < 0.5) cache.set(key, i, random.below(8 * KB))
      else cache.get(key)
      if (cache.sizeBytes > 50 * KB) throw new Error(`holds ${cache.sizeBytes}`)
    }
    cache.shrinkTo(0)
    expect(cache.sizeBytes).toBe(0)
  })
})
