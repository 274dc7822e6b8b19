/** Which file answers for which range operation. Asked by the metric scan and the merge. */
import type { RangeOp } from '../ast.ts'
import { absentOverTime, absentOverTimeOfSamples } from './absent-over-time.ts'
import { avgOverTime } from './avg-over-time.ts'
import { bytesOverTime } from './bytes-over-time.ts'
import { bytesRate } from './bytes-rate.ts'
import { countOverTime } from './count-over-time.ts'
import { firstOverTime, lastOverTime } from './end-over-time.ts'
import { maxOverTime, minOverTime } from './extreme-over-time.ts'
import { stddevOverTime, stdvarOverTime } from './moments-over-time.ts'
import { quantileOverTime } from './quantile-over-time.ts'
import type { RangeOperator } from './range-operator.ts'
import { rateCounter } from './rate-counter.ts'
import { rateOfLines, rateOfSamples } from './rate.ts'
import { sumOverTime } from './sum-over-time.ts'

const OPERATORS: Readonly<Record<RangeOp, RangeOperator>> = {
  rate: rateOfLines,
  rate_counter: rateCounter,
  count_over_time: countOverTime,
  bytes_rate: bytesRate,
  bytes_over_time: bytesOverTime,
  absent_over_time: absentOverTime,
  sum_over_time: sumOverTime,
  avg_over_time: avgOverTime,
  min_over_time: minOverTime,
  max_over_time: maxOverTime,
  stddev_over_time: stddevOverTime,
  stdvar_over_time: stdvarOverTime,
  quantile_over_time: quantileOverTime,
  first_over_time: firstOverTime,
  last_over_time: lastOverTime,
}

/** `rate` and `absent_over_time` mean something else over unwrapped samples. */
export function rangeOperator(op: RangeOp, unwrapped: boolean): RangeOperator {
  if (unwrapped && op === 'rate') return rateOfSamples
  if (unwrapped && op === 'absent_over_time') return absentOverTimeOfSamples
  return OPERATORS[op]
}
