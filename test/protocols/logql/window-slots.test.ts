/** Windows cut into slots: every row in exactly one, every window a run of slots, edges exact to the nanosecond. */
import { describe, expect, it } from 'vitest'
import { alignToStep, stepGrid } from '../../../protocols/logql/step-grid.ts'
import { blockSlots, firstRowAfter, slotOfTime, windowSlots } from '../../../protocols/logql/window-slots.ts'
import { drawFrom, pick } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n
const YEAR = 365n * 86_400n * S

/** Windows that hold a row at `ns`, by way of its slot. */
function windowsOf(ns: bigint, stepNs: bigint, rangeNs: bigint, offsetNs: bigint, count: number): number[] {
  const grid = { startNs: START_NS, stepNs, count }
  const slots = windowSlots(grid, rangeNs, offsetNs)
  const block = blockSlots(slots, ns - 5n, ns, ns)
  if (block === null) return []
  const slot = block.firstSlot + slotOfTime(block.edges, 0, 5)
  expect(block.edges[slot - block.firstSlot]! < 5 && 5 <= block.edges[slot - block.firstSlot + 1]!).toBe(true)
  const windows = Array.from({ length: count }, (_, k) => k).filter((k) => slots.first[k]! <= slot && slot <= slots.last[k]!)
  expect(slots.used[slot] === 1).toBe(windows.length > 0)
  return windows
}

describe('window slots', () => {
  it.each([
    [10n * S, 10n * S, 0n], [10n * S, 30n * S, 0n], [10n * S, 3n * S, 0n], [10n * S, 35n * S, 7n * S], [7n * S, 100n * S, -3n * S], [S, YEAR, 0n], [0n, 60n * S, 0n], [3n, 7n, 1n],
  ])('step %d, range %d, offset %d: a row is in the windows it must be in', (stepNs, rangeNs, offsetNs) => {
    const draw = drawFrom(Number(stepNs + rangeNs))
    const count = stepNs === 0n ? 1 : 20
    for (let i = 0; i < 300; i++) {
      const point = START_NS + BigInt(draw(25)) * stepNs - offsetNs
      const ns = pick(draw, [point, point - rangeNs, point - BigInt(draw(1000)) * (rangeNs / 1000n + 1n)]) + pick(draw, [-1n, 0n, 1n])
      const want = Array.from({ length: count }, (_, k) => k).filter((k) => {
        const end = START_NS + BigInt(k) * stepNs - offsetNs
        return ns > end - rangeNs && ns <= end
      })
      expect(windowsOf(ns, stepNs, rangeNs, offsetNs, count)).toEqual(want)
    }
  })

  it('stand ranges and offsets of centuries', () => {
    const century = 292n * YEAR
    expect(windowsOf(START_NS, 10n * S, century, 0n, 3)).toEqual([0, 1, 2])
    expect(windowsOf(START_NS, 10n * S, century, century, 3)).toEqual([])
    expect(windowsOf(START_NS, 10n * S, century, -century, 3)).toEqual([])
    expect(windowsOf(START_NS, 10n * S, 60n * S, -century, 3)).toEqual([])
  })

  it('finds rows and slots like a walk does', () => {
    const times = Float64Array.of(1, 1, 2, 5, 5, 5, 9)
    for (const edge of [0, 1, 2, 4, 5, 8, 9, 10]) expect(firstRowAfter(times, 0, 7, edge)).toBe(times.filter((t) => t <= edge).length)
    expect(firstRowAfter(times, 3, 5, 5)).toBe(5)
    const edges = Float64Array.of(0, 10, 20, 30)
    expect([1, 10, 11, 20, 21, 30].map((time) => slotOfTime(edges, 0, time))).toEqual([0, 0, 1, 1, 2, 2])
  })
})

describe('points', () => {
  it('are start, start + step … ≤ end; one at the end for step 0', () => {
    expect(stepGrid(0n, 10n, 3n)).toEqual({ startNs: 0n, stepNs: 3n, count: 4 })
    expect(stepGrid(0n, 10n, 0n)).toEqual({ startNs: 10n, stepNs: 0n, count: 1 })
    expect(stepGrid(7n, 7n, 3n)).toMatchObject({ startNs: 7n, count: 1 })
  })

  it('are aligned by flooring the start and raising the end', () => {
    expect(alignToStep(1001n * S, 1002n * S, 10n * S)).toEqual({ startNs: 1000n * S, endNs: 1010n * S })
    expect(alignToStep(1000n * S, 1010n * S, 10n * S)).toEqual({ startNs: 1000n * S, endNs: 1010n * S })
  })
})
