/** `quantile_over_time(q, {…} | unwrap x [r])`: exact, by linear interpolation between the two nearest ranks; q < 0 is -Inf, q > 1 is +Inf. */
import type { KeepingOperator } from './range-operator.ts'

export const quantileOverTime: KeepingOperator = {
  kind: 'keeping',
  source: 'unwrapped',
  needsTimes: false,
  result: (_times, values, { parameter }) => quantile(parameter, values),
}

/** Reorders `values`. */
export function quantile(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  const rank = q * (values.length - 1)
  const lower = Math.floor(rank)
  const weight = rank - lower
  const below = select(values, lower)
  if (weight === 0 || lower + 1 === values.length) return below
  return below * (1 - weight) + leastFrom(values, lower + 1) * weight
}

/** Moves the value of this rank to its place, smaller ones before it, larger ones behind (Hoare's quickselect). NaN counts as smallest, as Go sorts it. */
function select(values: Float64Array, rank: number): number {
  let low = nansFirst(values)
  let high = values.length - 1
  while (low < high && rank >= low) {
    const pivot = medianOfThree(values[low]!, values[(low + high) >>> 1]!, values[high]!)
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! < pivot) i++
      while (values[j]! > pivot) j--
      if (i <= j) {
        const held = values[i]!
        values[i++] = values[j]!
        values[j--] = held
      }
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return values[rank]!
}

/** How many there are. */
function nansFirst(values: Float64Array): number {
  let count = 0
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i]!)) continue
    values[i] = values[count]!
    values[count++] = NaN
  }
  return count
}

const medianOfThree = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))

function leastFrom(values: Float64Array, from: number): number {
  let least = values[from]!
  for (let i = from + 1; i < values.length; i++) if (values[i]! < least) least = values[i]!
  return least
}
