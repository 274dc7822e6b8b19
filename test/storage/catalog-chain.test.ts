import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { chooseChain } from '../../storage/catalog-chain.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import { segment } from '../conformance/catalog.ts'

const ranges = (segments: ReadonlyArray<SegmentEntry>): string[] => segments.map((s) => `${s.first}-${s.last}`)
const chain = (...pairs: ReadonlyArray<readonly [number, number]>): { kept: string[]; dropped: string[] } => {
  const { kept, dropped } = chooseChain(pairs.map(([first, last]) => segment(1, first, last)))
  return { kept: ranges(kept), dropped: ranges(dropped) }
}

describe('choosing segments from the objects alone (F4)', () => {
  it('keeps everything when nothing overlaps, in order', () => {
    expect(chain([11, 20], [1, 10], [25, 30])).toEqual({ kept: ['1-10', '11-20', '25-30'], dropped: [] })
    expect(chooseChain([])).toEqual({ kept: [], dropped: [] })
  })

  it('drops what a stale owner left, whether it reaches less far or further', () => {
    expect(chain([1, 10], [1, 7], [8, 15])).toEqual({ kept: ['1-7', '8-15'], dropped: ['1-10'] })
    expect(chain([1, 4], [5, 10], [5, 20])).toEqual({ kept: ['1-4', '5-20'], dropped: ['5-10'] })
    expect(chain([1, 4], [5, 10], [11, 12], [5, 11])).toEqual({ kept: ['1-4', '5-10', '11-12'], dropped: ['5-11'] })
  })

  it('prefers the object with more rows where the ranges are the same', () => {
    const hollow = { ...segment(1, 31, 40), rowCount: 10 }
    const { kept } = chooseChain([hollow, segment(1, 31, 32), segment(1, 33, 40)])
    expect(ranges(kept)).toEqual(['31-32', '33-40'])
  })

  it('never keeps overlaps and never loses a sequence of the committed chain, over random histories', () => {
    const random = new SeededRandom(11)
    for (let round = 0; round < 300; round++) {
      const committed: SegmentEntry[] = []
      for (let at = 0; committed.length < 12; ) {
        const last = at + 1 + random.below(9)
        committed.push(segment(1, at + 1, last))
        at = last
      }
      const stale = Array.from({ length: random.below(8) }, () => {
        const { first } = committed[random.below(committed.length)]!
        return segment(1, first, first + random.below(20))
      }).filter((s) => !committed.some((c) => c.key === s.key))
      const { kept } = chooseChain([...stale, ...committed].sort(() => random.next() - 0.5))
      expect(kept.every((s, i) => s.first === (kept[i - 1]?.last ?? 0) + 1)).toBe(true)
      expect(kept.at(-1)!.last).toBe(Math.max(...[...committed, ...stale].map((s) => s.last)))
    }
  })
})
