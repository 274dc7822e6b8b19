/** Latencies of a load, as they are reported. */
export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function quantiles(values: ReadonlyArray<number>): Quantiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/**
 * What a load at a fixed rate would have met: whoever waits for an answer before it asks again leaves out the questions that would have waited too. Each wait longer than the
 * period stands for one more for each period in it. (Gil Tene's correction for coordinated omission.)
 */
export function atFixedRate(valuesMs: ReadonlyArray<number>, periodMs: number): number[] {
  return valuesMs.flatMap((value) => Array.from({ length: Math.max(1, Math.ceil(value / periodMs)) }, (_, i) => value - i * periodMs))
}
