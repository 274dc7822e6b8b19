/**
 * Accumulators of operators that need every sample of a window (quantiles, counters): three growing columns a series, put in order of slots when they
 * are read. Hot: `add` runs once a row.
 */
import type { Labels } from '../model.ts'
import type { KeepingOperator, ResultContext } from './range/range-operator.ts'
import type { MetricPartial } from './scan.ts'
import { NumberBudget, packNumbers, SeriesIndex, unpackNumbers } from './window-states.ts'
import type { WindowStates } from './window-states.ts'
import type { WindowSlots } from './window-slots.ts'

/** Row `i` is `[slot, time, value]` at `3 * i`. */
interface Samples {
  count: number
  rows: Float64Array
}

const ROW = 3

export class KeepingStates implements WindowStates {
  readonly addMany = null
  private readonly operator: KeepingOperator
  private readonly index: SeriesIndex
  private readonly budget = new NumberBudget()
  private readonly all: Samples[] = []

  constructor(operator: KeepingOperator, seriesMax: number) {
    this.operator = operator
    this.index = new SeriesIndex(seriesMax)
  }

  get count(): number {
    return this.index.count
  }

  labelsOf(series: number): Labels {
    return this.index.labelsOf(series)
  }

  series(labels: Labels): number {
    const number = this.index.number(labels)
    if (number === this.all.length) this.all.push({ count: 0, rows: new Float64Array(0) })
    return number
  }

  add(series: number, slot: number, sample: number, timeNs: number): void {
    const samples = this.all[series]!
    const at = samples.count * ROW
    if (at === samples.rows.length) this.grow(samples, Math.max(4, samples.count * 2))
    samples.rows[at] = slot
    samples.rows[at + 1] = timeNs
    samples.rows[at + 2] = sample
    samples.count++
  }

  partial(): MetricPartial['series'] {
    return this.all.map(({ rows, count }, series) => ({ labels: this.labelsOf(series), state: packNumbers(rows.subarray(0, count * ROW)) }))
  }

  absorb(partial: MetricPartial['series']): void {
    for (const { labels, state } of partial) {
      const rows = unpackNumbers(state as string)
      const samples = this.all[this.series(labels)]!
      const count = samples.count + rows.length / ROW
      if (count * ROW > samples.rows.length) this.grow(samples, Math.max(count, samples.count * 2))
      samples.rows.set(rows, samples.count * ROW)
      samples.count = count
    }
  }

  forEachPoint(slots: WindowSlots, context: ResultContext, point: (series: number, k: number, value: number) => void): void {
    for (const [series, samples] of this.all.entries()) {
      const ordered = inOrder(samples)
      let from = 0
      let to = 0
      for (let k = 0; k < slots.first.length; k++) {
        while (from < ordered.slots.length && ordered.slots[from]! < slots.first[k]!) from++
        while (to < ordered.slots.length && ordered.slots[to]! <= slots.last[k]!) to++
        if (to > from) point(series, k, this.operator.result(ordered.times.subarray(from, to), ordered.values.slice(from, to), context))
      }
    }
  }

  private grow(samples: Samples, capacity: number): void {
    this.budget.reserve(capacity * ROW - samples.rows.length)
    const rows = new Float64Array(capacity * ROW)
    rows.set(samples.rows)
    samples.rows = rows
  }
}

/** Ordered by slot, then time, then value. */
function inOrder({ count, rows }: Samples): { slots: Float64Array; times: Float64Array; values: Float64Array } {
  const order = Uint32Array.from({ length: count }, (_, i) => i * ROW)
  const before = (a: number, b: number): number => rows[a]! - rows[b]! || rows[a + 1]! - rows[b + 1]! || rows[a + 2]! - rows[b + 2]!
  let ascending = true
  for (let i = 1; i < count && ascending; i++) ascending = before(order[i - 1]!, order[i]!) <= 0
  if (!ascending) order.sort(before)
  const column = (offset: number): Float64Array => Float64Array.from(order, (at) => rows[at + offset]!)
  return { slots: column(0), times: column(1), values: column(2) }
}
