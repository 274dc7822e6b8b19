/** `count by (…) (vector)`: how many series have a value. */
import type { VectorFold } from './vector-operator.ts'

export const count: VectorFold = {
  kind: 'fold',
  width: 1,
  add(cells, at) {
    cells[at]! += 1
  },
  result: (cells, at) => cells[at]!,
}
