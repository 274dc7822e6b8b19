/** `stddev by (…) (vector)` and `stdvar by (…) (vector)`: of the population, by Welford's update. */
import type { VectorFold } from './vector-operator.ts'

/** State: count, mean, sum of squared distances from the mean. */
export const stdvar: VectorFold = {
  kind: 'fold',
  width: 3,
  add(cells, at, value) {
    const count = (cells[at]! += 1)
    const delta = value - cells[at + 1]!
    cells[at + 1]! += delta / count
    cells[at + 2]! += delta * (value - cells[at + 1]!)
  },
  result: (cells, at) => cells[at + 2]! / cells[at]!,
}

export const stddev: VectorFold = { ...stdvar, result: (cells, at) => Math.sqrt(cells[at + 2]! / cells[at]!) }
