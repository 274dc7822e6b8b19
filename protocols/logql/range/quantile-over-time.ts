/** `quantile_over_time(q, {…} | unwrap x [r])`: exact, by linear interpolation between the two nearest ranks; q < 0 is -Inf, q > 1 is +Inf. */
import type { KeepingOperator } from './range-operator.ts'

export const quantileOverTime: KeepingOperator = {
  kind: 'keeping',
  source: 'unwrapped',
  result: (_times, values, { parameter }) => quantile(parameter, values),
}

/** Sorts `values`. */
export function quantile(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  values.sort()
  const rank = q * (values.length - 1)
  const lower = Math.floor(rank)
  const upper = Math.min(values.length - 1, lower + 1)
  const weight = rank - lower
  return values[lower]! * (1 - weight) + values[upper]! * weight
}
