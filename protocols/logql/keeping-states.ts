/**
 * Accumulators of operators that need every sample of a window (quantiles, counters): the samples of each series in columns, put in order of slots when they
 * are sent or read. Made by `metricStates`; hot: `add` runs once a row.
 */
import type { Labels } from '../model.ts'
import { KeptSamples, type SampleColumns } from './kept-samples.ts'
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
    return this.all.map((samples, series) => ({ labels: this.labelsOf(series), state: samples.columns() }))
  }

  absorb(partial: MetricPartial['series']): void {
    for (const { labels, state } of partial) this.all[this.series(labels)]!.addAll(state as SampleColumns)
  }

  readPoints(series: number, slots: WindowSlots, context: ResultContext, into: Points): void {
    const samples = this.all[series]!
    samples.orderBySlot()
    const { count } = samples
    let from = 0
    let to = 0
    for (let k = 0; k < slots.first.length; k++) {
      while (from < count && samples.slots[from]! < slots.first[k]!) from++
      while (to < count && samples.slots[to]! <= slots.last[k]!) to++
      if (to <= from) continue
      into.values[k] = this.operator.result(samples.times.slice(from, to), samples.values.slice(from, to), context)
      into.present[k] = 1
    }
  }
}
