/**
 * `rate_counter({…} | unwrap x [r])`: increase of a counter a second, resets added up, stretched towards the window's start as Prometheus does it.
 * Loki 3.7 takes the range in milliseconds where its sample times are nanoseconds, so the stretch is next to nothing: kept, since answers show it.
 */
import type { KeepingOperator } from './range-operator.ts'

/** A gap to the edge of the window is trusted up to this multiple of the mean distance between samples. */
const GAP_FACTOR = 1.1

export const rateCounter: KeepingOperator = {
  kind: 'keeping',
  source: 'unwrapped',
  needsTimes: true,
  result(times, values, { rangeMs, rangeSeconds }) {
    if (values.length < 2) return 0
    sortByTime(times, values)
    const increase = increaseOf(values)
    const covered = (times[times.length - 1]! - times[0]!) / 1000
    const meanGap = covered / (values.length - 1)
    let toStart = rangeMs / 1000
    if (increase > 0 && values[0]! >= 0) toStart = Math.min(toStart, covered * (values[0]! / increase))
    const before = toStart < meanGap * GAP_FACTOR ? toStart : meanGap / 2
    const after = 0 < meanGap * GAP_FACTOR ? 0 : meanGap / 2
    return (increase * ((covered + before + after) / covered)) / rangeSeconds
  },
}

function increaseOf(values: Float64Array): number {
  let increase = values[values.length - 1]! - values[0]!
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) increase += values[i - 1]!
  return increase
}

/** Equal times in order of values, so that no split of the rows shows. */
function sortByTime(times: Float64Array, values: Float64Array): void {
  const order = Array.from(times, (time, i) => ({ time, value: values[i]! })).sort((a, b) => a.time - b.time || a.value - b.value)
  for (const [i, { time, value }] of order.entries()) {
    times[i] = time
    values[i] = value
  }
}
