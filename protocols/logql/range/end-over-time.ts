/** `first_over_time` and `last_over_time` of unwrapped samples: the value of the earliest or latest; of equal times the smallest, so that no split of the rows shows. */
import type { FoldingOperator } from './range-operator.ts'

/** State: count, time, value. */
function end(wins: (timeNs: number, current: number) => boolean): FoldingOperator {
  const take = (cells: Float64Array, at: number, timeNs: number, sample: number): void => {
    const current = cells[at + 1]!
    if (cells[at] !== 0 && !wins(timeNs, current) && !(timeNs === current && sample < cells[at + 2]!)) return
    cells[at + 1] = timeNs
    cells[at + 2] = sample
  }
  return {
    kind: 'folding',
    source: 'unwrapped',
    width: 3,
    add(cells, at, sample, timeNs) {
      take(cells, at, timeNs, sample)
      cells[at]! += 1
    },
    merge(cells, at, from, fromAt) {
      take(cells, at, from[fromAt + 1]!, from[fromAt + 2]!)
      cells[at]! += from[fromAt]!
    },
    result: (cells, at) => cells[at + 2]!,
  }
}

export const firstOverTime = end((timeNs, current) => timeNs < current)
export const lastOverTime = end((timeNs, current) => timeNs > current)
