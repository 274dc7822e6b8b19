/**
 * Accumulators of operators that need every sample of a window (quantiles, counters): the samples of each series in columns, in order of slots when they
 * are sent. Made by `metricStates`; hot: `add` runs once a row.
 */
import type { Labels } from '../model.ts'
import { copySamples, KeptSamples, type SampleColumns, startOf } from './kept-samples.ts'
import type { KeepingOperator, ResultContext } from './range/range-operator.ts'
import type { MetricPartial } from './scan.ts'
import { NumberBudget, SeriesIndex } from './window-states.ts'
import type { Points, WindowStates } from './window-states.ts'
import type { WindowSlots } from './window-slots.ts'

export class KeepingStates implements WindowStates {
  readonly addMany = null
  private readonly operator: KeepingOperator
  private readonly index: SeriesIndex
  private readonly budget: NumberBudget
  private readonly all: KeptSamples[] = []

  constructor(operator: KeepingOperator, seriesMax: number, memoryBytesMax?: number) {
    this.budget = new NumberBudget(memoryBytesMax)
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
    if (number === this.all.length) this.all.push(new KeptSamples(this.operator.needsTimes, (numbers) => this.budget.reserve(numbers)))
    return number
  }

  add(series: number, slot: number, sample: number, timeNs: number): void {
    this.all[series]!.add(slot, sample, timeNs)
  }

  partial(): MetricPartial['series'] {
    return this.all.map((samples, series) => ({ labels: this.labelsOf(series), state: samples.inOrder() }))
  }

  absorb(partial: MetricPartial['series']): void {
    for (const { labels, state } of partial) this.all[this.series(labels)]!.addAll(state as ReadonlyArray<SampleColumns>)
  }

  release(): void {
    for (const samples of this.all) samples.release()
  }

  readPoints(series: number, slots: WindowSlots, context: ResultContext, into: Points): void {
    const window = new WindowSamples(this.all[series]!.inOrder(), this.operator.needsTimes)
    for (let k = 0; k < slots.first.length; k++) {
      const count = window.moveTo(slots.first[k]!, slots.last[k]!)
      if (count === 0) continue
      into.values[k] = this.operator.result(window.times.subarray(0, count), window.values.subarray(0, count), context)
      into.present[k] = 1
    }
  }
}

/** The samples of one window after the other, put together from all parts; memory that is used again. */
class WindowSamples {
  values = new Float64Array(0)
  /** Empty when they are not kept. */
  times = new Float64Array(0)
  private readonly parts: ReadonlyArray<SampleColumns>
  private readonly keepsTimes: boolean
  /** Of each part the runs `[from, to)` that are in the window. */
  private readonly from: Int32Array
  private readonly to: Int32Array

  constructor(parts: ReadonlyArray<SampleColumns>, keepsTimes: boolean) {
    this.parts = parts
    this.keepsTimes = keepsTimes
    this.from = new Int32Array(parts.length)
    this.to = new Int32Array(parts.length)
  }

  /** Slots `first` to `last`, both not before those of the window before. How many samples they have. */
  moveTo(first: number, last: number): number {
    const { parts, from, to } = this
    let count = 0
    for (let p = 0; p < parts.length; p++) {
      const { slots } = parts[p]!
      while (from[p]! < slots.length && slots[from[p]!]! < first) from[p]!++
      while (to[p]! < slots.length && slots[to[p]!]! <= last) to[p]!++
      if (to[p]! > from[p]!) count += startOf(parts[p]!, to[p]!) - startOf(parts[p]!, from[p]!)
    }
    if (count > 0) this.copy(count)
    return count
  }

  private copy(count: number): void {
    if (this.values.length < count) {
      this.values = new Float64Array(count * 2)
      if (this.keepsTimes) this.times = new Float64Array(count * 2)
    }
    let place = 0
    for (let p = 0; p < this.parts.length; p++) {
      const part = this.parts[p]!
      place = copySamples(part, startOf(part, this.from[p]!), startOf(part, this.to[p]!), this, place)
    }
  }
}
