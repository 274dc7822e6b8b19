/** `bytes_over_time({…}[r])`: bytes of the window's lines (structured metadata does not count). */
import type { FoldingOperator } from './range-operator.ts'
import { addManyToSum, sumOverTime } from './sum-over-time.ts'

export const bytesOverTime: FoldingOperator = { ...sumOverTime, source: 'bytes', addMany: addManyToSum }
