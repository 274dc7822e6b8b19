/**
 * What a range aggregation's operator is. Two kinds: those that fold samples into a few numbers, and those that must keep them all. Each lives in a file
 * of its own beside this one; the metric scan feeds them, partial states travel as plain numbers and merge in any order and split.
 */

/** What of a row is its sample: nothing (it counts), the line's length in bytes, or the unwrapped value. */
export type SampleSource = 'row' | 'bytes' | 'unwrapped'

export interface ResultContext {
  /** The range in seconds, for rates. */
  readonly rangeSeconds: number
  /** The range in milliseconds, for rate_counter. */
  readonly rangeMs: number
  /** As in quantile_over_time(0.99, …); NaN when there is none. */
  readonly parameter: number
}

/**
 * A state is `width` doubles at `cells[at]`: number 0 is how many samples it has seen, and all zeroes is the state before the first.
 * Times are nanoseconds after the plan's start.
 */
export interface FoldingOperator {
  readonly kind: 'folding'
  readonly source: SampleSource
  readonly width: number
  add(cells: Float64Array, at: number, sample: number, timeNs: number): void
  /** `rows` rows at once whose samples sum to `sum`; only operators of plain counts and sums have it. */
  readonly addMany?: (cells: Float64Array, at: number, rows: number, sum: number) => void
  /** Folds a state of later or equal or any times into `cells[at]`; both must be of samples of one series. Never called with an empty `from`. */
  merge(cells: Float64Array, at: number, from: Float64Array, fromAt: number): void
  /** Only called for states that have seen a sample. */
  result(cells: Float64Array, at: number, context: ResultContext): number
}

/** Needs every sample of a window at once. */
export interface KeepingOperator {
  readonly kind: 'keeping'
  readonly source: SampleSource
  readonly needsTimes: boolean
  /** Samples of one window, at least one, in no order. Both are the operator's to reorder; `timesNs` is empty unless times are needed. */
  result(timesNs: Float64Array, values: Float64Array, context: ResultContext): number
}

export type RangeOperator = FoldingOperator | KeepingOperator
