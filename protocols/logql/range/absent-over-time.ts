/** `absent_over_time({…}[r])`: counts rows; the evaluator turns points without any into 1 (labels from the `=` matchers), and the others into nothing. */
import { countOverTime } from './count-over-time.ts'
import type { FoldingOperator } from './range-operator.ts'

export const absentOverTime: FoldingOperator = countOverTime
export const absentOverTimeOfSamples: FoldingOperator = { ...countOverTime, source: 'unwrapped' }
