/**
 * `stddev_over_time` and `stdvar_over_time` of unwrapped samples: population variance by Welford's update, partial states joined by the
 * parallel form of Chan, Golub and LeVeque (1979), so that a split of the rows does not lose digits.
 */
import type { FoldingOperator } from './range-operator.ts'

/** State: count, mean, sum of squared distances from the mean. */
const moments: FoldingOperator = {
  kind: 'folding',
  source: 'unwrapped',
  width: 3,
  add(cells, at, sample) {
    const count = (cells[at]! += 1)
    const delta = sample - cells[at + 1]!
    cells[at + 1]! += delta / count
    cells[at + 2]! += delta * (sample - cells[at + 1]!)
  },
  merge(cells, at, from, fromAt) {
    const here = cells[at]!
    const there = from[fromAt]!
    const count = here + there
    const delta = from[fromAt + 1]! - cells[at + 1]!
    cells[at] = count
    cells[at + 1]! += (delta * there) / count
    cells[at + 2]! += from[fromAt + 2]! + (delta * delta * here * there) / count
  },
  result: (cells, at) => cells[at + 2]! / cells[at]!,
}

export const stdvarOverTime: FoldingOperator = moments
export const stddevOverTime: FoldingOperator = { ...moments, result: (cells, at) => Math.sqrt(cells[at + 2]! / cells[at]!) }
