/**
 * The accumulators of one range aggregation: series by labels, and for each a state a slot. Filled by the metric scan where the data is, exported as a
 * partial, absorbed by the merge, and read out window by window. Two forms, as there are two kinds of operators: `folding-states.ts` and `keeping-states.ts`.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Labels } from '../model.ts'
import { labelKey } from './label-set.ts'
import { STATE_NUMBERS_MAX } from './limits.ts'
import { overQueryMemory } from './query-memory.ts'
import type { ResultContext } from './range/range-operator.ts'
import type { MetricPartial } from './scan.ts'
import type { WindowSlots } from './window-slots.ts'

export interface WindowStates {
  /** The number of a series, for `add`; a new one when its labels are new. Throws `query_limit` beyond the plan's number of series. */
  series(labels: Labels): number
  add(series: number, slot: number, sample: number, timeNs: number): void
  /** Several rows of a slot whose samples sum to `sum`; null where the operator needs each. */
  readonly addMany: ((series: number, slot: number, rows: number, sum: number) => void) | null
  /** What it shows is the states' own memory: nothing may be added afterwards. */
  partial(): MetricPartial['series']
  /** Gives its memory back: what `partial` showed must not be looked at any more. */
  release(): void
  absorb(series: MetricPartial['series']): void
  /** The value of a series at each point that has samples. */
  readPoints(series: number, slots: WindowSlots, context: ResultContext, into: Points): void
  labelsOf(series: number): Labels
  readonly count: number
}

/** One value a point; `present[k]` 1: there is one. */
export interface Points {
  readonly values: Float64Array
  readonly present: Uint8Array
}

/** Numbers series as they appear. */
export class SeriesIndex {
  private readonly numbers = new Map<string, number>()
  private readonly labels: Labels[] = []
  private readonly seriesMax: number

  constructor(seriesMax: number) {
    this.seriesMax = seriesMax
  }

  get count(): number {
    return this.labels.length
  }

  number(labels: Labels): number {
    const key = labelKey(labels)
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    if (this.labels.length >= this.seriesMax) throw seriesLimit(this.seriesMax)
    this.numbers.set(key, this.labels.length)
    return this.labels.push(labels) - 1
  }

  labelsOf(number: number): Labels {
    return this.labels[number]!
  }
}

/** Loki's message for `max_query_series`. */
export const seriesLimit = (max: number): SkaldError =>
  new SkaldError(
    'query_limit',
    `maximum number of series (${max}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()`,
  )

/** Counts the numbers held for one query, and refuses more than the node can bear (Q4). */
export class NumberBudget {
  private readonly memoryBytesMax: number | undefined
  private held = 0

  /** `memoryBytesMax`: at eight bytes a number; absent: the node's fixed bound. */
  constructor(memoryBytesMax?: number) {
    this.memoryBytesMax = memoryBytesMax
  }

  reserve(numbers: number): void {
    this.held += numbers
    if (this.memoryBytesMax !== undefined && this.held * 8 > this.memoryBytesMax) throw overQueryMemory(this.memoryBytesMax)
    if (this.held > STATE_NUMBERS_MAX) {
      throw new SkaldError(
        'query_limit',
        `the query would hold too many samples in memory (more than ${STATE_NUMBERS_MAX} numbers); reduce the number of series or points, by stream selectors, aggregation, a shorter time range or a longer step`,
      )
    }
  }
}
