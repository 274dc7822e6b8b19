/** `bytes_rate({…}[r])`: bytes of lines a second. */
import { bytesOverTime } from './bytes-over-time.ts'
import type { FoldingOperator } from './range-operator.ts'

export const bytesRate: FoldingOperator = { ...bytesOverTime, result: (cells, at, { rangeSeconds }) => cells[at + 1]! / rangeSeconds }
