/** Rows come in time order, equal times as they arrived, whatever order and overlap the runs have. */
import { describe, expect, it } from 'vitest'
import type { RowSource } from '../../storage/block-rows.ts'
import { newSlabMemory, type RowRun, slabColumns } from '../../storage/slab.ts'
import { inTimeOrder } from '../../storage/slab-order.ts'
import { seeded } from '../support/push-bodies.ts'

const T0 = 1_700_000_000_000_000_000n

interface Made {
  readonly runs: ReadonlyArray<RowRun>
  readonly sources: ReadonlyArray<RowSource>
}

/** Runs with these times, laid one after the other into slabs with different bases. */
function made(runTimes: ReadonlyArray<ReadonlyArray<number>>, slabCount: number): Made {
  const sources = Array.from({ length: slabCount }, (_, slab) => ({ baseNs: T0 + BigInt(slab * 7), columns: slabColumns(newSlabMemory(64, 4096)) }))
  const ends = new Array<number>(slabCount).fill(0)
  const runs = runTimes.map((times, i) => {
    const slab = Math.floor((i * slabCount) / runTimes.length)
    const from = ends[slab]!
    for (const time of times) sources[slab]!.columns.relativeNs[ends[slab]!++] = time - slab * 7
    return { slab, from, to: ends[slab]! }
  })
  return { runs, sources }
}

function read({ runs, sources }: Made): { readonly rows: Array<readonly [slab: number, row: number]>; readonly visits: number } {
  const rows: Array<readonly [number, number]> = []
  let visits = 0
  inTimeOrder(runs, (slab) => sources[slab]!, (source, from, to) => {
    visits++
    for (let row = from; row < to; row++) rows.push([sources.indexOf(source), row])
  })
  return { rows, visits }
}

function expected({ runs, sources }: Made): Array<readonly [number, number]> {
  const rows = runs.flatMap(({ slab, from, to }) => Array.from({ length: to - from }, (_, i) => [slab, from + i] as const))
  const timeOf = ([slab, row]: readonly [number, number]): bigint => sources[slab]!.baseNs + BigInt(sources[slab]!.columns.relativeNs[row]!)
  return rows.sort((a, b) => Number(timeOf(a) - timeOf(b)))
}

describe('time order', () => {
  it('of runs that came in another order takes each whole', () => {
    const runs = made([[10, 11, 12], [20, 21], [1, 2, 3], [30], [4, 9]], 2)
    const { rows, visits } = read(runs)
    expect(rows).toEqual(expected(runs))
    expect(visits).toBe(5)
  })

  it('keeps equal times as they arrived, at the ends of runs too', () => {
    for (const runs of [made([[5, 5], [5, 5], [5]], 1), made([[5, 6], [1, 5]], 1), made([[1, 5], [5, 6], [5, 5]], 2), made([[5, 9], [5, 5], [1, 5]], 3)]) expect(read(runs).rows).toEqual(expected(runs))
  })

  it('is a stable sort of all rows, for any runs', () => {
    const random = seeded(31)
    for (let round = 0; round < 500; round++) {
      const span = round % 2 === 0 ? 12 : 400
      const runs = made(
        Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
          const start = Math.floor(random() * span)
          return Array.from({ length: 1 + Math.floor(random() * 8) }, () => start + Math.floor(random() * 12)).sort((a, b) => a - b)
        }),
        1 + Math.floor(random() * 3),
      )
      expect(read(runs).rows).toEqual(expected(runs))
    }
  })
})
