/** `min by (…) (vector)` and `max by (…) (vector)`. A NaN gives way to any number. */
import type { VectorFold } from './vector-operator.ts'

function extreme(wins: (value: number, current: number) => boolean): VectorFold {
  return {
    kind: 'fold',
    width: 2,
    add(cells, at, value) {
      const current = cells[at + 1]!
      if (cells[at] === 0 || wins(value, current) || Number.isNaN(current)) cells[at + 1] = value
      cells[at]! += 1
    },
    result: (cells, at) => cells[at + 1]!,
  }
}

export const min = extreme((value, current) => value < current)
export const max = extreme((value, current) => value > current)
