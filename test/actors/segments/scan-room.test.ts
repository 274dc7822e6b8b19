import { describe, expect, it } from 'vitest'
import { ScanRoom } from '../../../actors/segments/scan-room.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'

const MB = 1024 * 1024

describe('room for scans', () => {
  it('lets one scan run whatever is left, others when there is room, and gives everything back (W4, Q4)', async () => {
    const budget = new MemoryBudget(100 * MB)
    const heads = budget.account('heads')
    heads.set(90 * MB)
    const room = new ScanRoom(budget)
    const ended: number[] = []
    const ends: Array<() => void> = []
    const scan = (i: number): Promise<void> => room.run(40 * MB, () => new Promise<void>((resolve) => ends.push(() => (ended.push(i), resolve()))))
    const all = [0, 1, 2].map(scan)
    const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    await settled()
    expect([ends.length, budget.usedBytes('queries')]).toEqual([1, 40 * MB])
    ends[0]!()
    await settled()
    expect(ends.length).toBe(2)
    heads.set(0)
    ends[1]!()
    await settled()
    ends[2]!()
    await Promise.all(all)
    expect(ended).toEqual([0, 1, 2])
    expect(budget.usedBytes()).toBe(0)
  })

  it('lets a small scan run beside a large one at once', async () => {
    const room = new ScanRoom(new MemoryBudget(10 * MB))
    const large = Promise.withResolvers<void>()
    const running = room.run(10 * MB, () => large.promise)
    expect(await room.run(MB, () => Promise.resolve('small'))).toBe('small')
    large.resolve()
    await running
  })

  it('gives back what a failed scan held', async () => {
    const budget = new MemoryBudget(100)
    await expect(new ScanRoom(budget).run(10, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
    expect(budget.usedBytes()).toBe(0)
  })
})
