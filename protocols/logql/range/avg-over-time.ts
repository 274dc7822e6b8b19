/** `avg_over_time({…} | unwrap x [r])`: mean of the samples. */
import type { FoldingOperator } from './range-operator.ts'
import { sumOverTime } from './sum-over-time.ts'

export const avgOverTime: FoldingOperator = { ...sumOverTime, result: (cells, at) => cells[at + 1]! / cells[at]! }
