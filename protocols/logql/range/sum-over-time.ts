/** `sum_over_time({…} | unwrap x [r])`: sum of the samples. */
import type { FoldingOperator } from './range-operator.ts'

/** State: count, sum. */
const addToSum = (cells: Float64Array, at: number, sample: number): void => {
  cells[at]! += 1
  cells[at + 1]! += sample
}
export const addManyToSum = (cells: Float64Array, at: number, rows: number, sum: number): void => {
  cells[at]! += rows
  cells[at + 1]! += sum
}
const mergeSums = (cells: Float64Array, at: number, from: Float64Array, fromAt: number): void => {
  cells[at]! += from[fromAt]!
  cells[at + 1]! += from[fromAt + 1]!
}

export const sumOverTime: FoldingOperator = {
  kind: 'folding',
  source: 'unwrapped',
  width: 2,
  add: addToSum,
  merge: mergeSums,
  result: (cells, at) => cells[at + 1]!,
}
