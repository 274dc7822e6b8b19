/** `count_over_time({…}[r])`: rows of the window. */
import type { FoldingOperator } from './range-operator.ts'

const countRow = (cells: Float64Array, at: number): void => {
  cells[at]! += 1
}
const countRows = (cells: Float64Array, at: number, rows: number): void => {
  cells[at]! += rows
}
const mergeCounts = (cells: Float64Array, at: number, from: Float64Array, fromAt: number): void => {
  cells[at]! += from[fromAt]!
}

export const countOverTime: FoldingOperator = {
  kind: 'folding',
  source: 'row',
  width: 1,
  add: countRow,
  addMany: countRows,
  merge: mergeCounts,
  result: (cells, at) => cells[at]!,
}
