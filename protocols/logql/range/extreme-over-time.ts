/** `min_over_time` and `max_over_time` of unwrapped samples. A NaN gives way to any number. */
import type { FoldingOperator } from './range-operator.ts'

/** State: count, extreme. */
function extreme(wins: (sample: number, current: number) => boolean): FoldingOperator {
  const take = (cells: Float64Array, at: number, sample: number): void => {
    const current = cells[at + 1]!
    if (cells[at] === 0 || wins(sample, current) || Number.isNaN(current)) cells[at + 1] = sample
  }
  return {
    kind: 'folding',
    source: 'unwrapped',
    width: 2,
    add(cells, at, sample) {
      take(cells, at, sample)
      cells[at]! += 1
    },
    merge(cells, at, from, fromAt) {
      take(cells, at, from[fromAt + 1]!)
      cells[at]! += from[fromAt]!
    },
    result: (cells, at) => cells[at + 1]!,
  }
}

export const minOverTime = extreme((sample, current) => sample < current)
export const maxOverTime = extreme((sample, current) => sample > current)
