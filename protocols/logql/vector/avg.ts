/** `avg by (…) (vector)`: a running mean, which does not overflow. */
import type { VectorFold } from './vector-operator.ts'

export const avg: VectorFold = {
  kind: 'fold',
  width: 2,
  add(cells, at, value) {
    const count = (cells[at]! += 1)
    cells[at + 1]! += (value - cells[at + 1]!) / count
  },
  result: (cells, at) => cells[at + 1]!,
}
