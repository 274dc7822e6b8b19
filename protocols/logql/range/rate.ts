/** `rate({…}[r])`: rows a second; with `unwrap`, the samples' sum a second. */
import { countOverTime } from './count-over-time.ts'
import type { FoldingOperator } from './range-operator.ts'
import { sumOverTime } from './sum-over-time.ts'

export const rateOfLines: FoldingOperator = { ...countOverTime, result: (cells, at, { rangeSeconds }) => cells[at]! / rangeSeconds }
export const rateOfSamples: FoldingOperator = { ...sumOverTime, result: (cells, at, { rangeSeconds }) => cells[at + 1]! / rangeSeconds }
