/** `sum by (…) (vector)`. */
import type { VectorFold } from './vector-operator.ts'

export const sum: VectorFold = {
  kind: 'fold',
  width: 2,
  add(cells, at, value) {
    cells[at]! += 1
    cells[at + 1]! += value
  },
  result: (cells, at) => cells[at + 1]!,
}
