import { describe, expect, it } from 'vitest'
import { mapAtMost } from '../../../actors/query/map-at-most.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a bounded map', () => {
  it('gives results in order and never runs more at once', async () => {
    let running = 0
    let most = 0
    const results = await mapAtMost(3, Array.from({ length: 20 }, (_, i) => i), async (i) => {
      most = Math.max(most, ++running)
      for (let turns = i % 4; turns >= 0; turns--) await turn()
      running--
      return i * 2
    })
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i * 2))
    expect(most).toBe(3)
    expect(await mapAtMost(3, [], turn)).toEqual([])
  })

  it('begins nothing after a failure', async () => {
    const begun: number[] = []
    const failing = mapAtMost(2, [0, 1, 2, 3, 4, 5], async (i) => {
      begun.push(i)
      await turn()
      if (i === 1) throw new Error('one')
    })
    await expect(failing).rejects.toThrow('one')
    await turn()
    await turn()
    expect(begun.length).toBeLessThan(5)
  })
})
