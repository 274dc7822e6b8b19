/**
 * Accumulators of operators that fold samples into a few numbers: a growing array of slots a series. Made by `compileScan` and the merge through
 * `windowStatesFor`; hot: `add` runs once a row.
 */
import type { Labels } from '../model.ts'
import type { FoldingOperator, ResultContext } from './range/range-operator.ts'
import type { MetricPartial } from './scan.ts'
import { slidingFold } from './sliding-fold.ts'
import { NumberBudget, packNumbers, SeriesIndex, unpackNumbers } from './window-states.ts'
import type { WindowStates } from './window-states.ts'
import type { WindowSlots } from './window-slots.ts'

/** States of slots `[from, to)`; empty until the first sample. */
export interface SlotCells {
  from: number
  to: number
  cells: Float64Array
}

interface PackedCells {
  readonly from: number
  readonly cells: string
}

export class FoldingStates implements WindowStates {
  readonly addMany: WindowStates['addMany']
  private readonly operator: FoldingOperator
  private readonly index: SeriesIndex
  private readonly budget = new NumberBudget()
  private readonly slotMax: number
  private readonly all: SlotCells[] = []

  constructor(operator: FoldingOperator, slotCount: number, seriesMax: number) {
    this.operator = operator
    this.index = new SeriesIndex(seriesMax)
    this.slotMax = slotCount
    const addMany = operator.addMany
    this.addMany = addMany === undefined ? null : (series, slot, rows, sum) => {
      const state = this.all[series]!
      const at = this.at(state, slot)
      addMany(state.cells, at, rows, sum)
    }
  }

  get count(): number {
    return this.index.count
  }

  labelsOf(series: number): Labels {
    return this.index.labelsOf(series)
  }

  series(labels: Labels): number {
    const number = this.index.number(labels)
    if (number === this.all.length) this.all.push({ from: 0, to: 0, cells: new Float64Array(0) })
    return number
  }

  add(series: number, slot: number, sample: number, timeNs: number): void {
    const state = this.all[series]!
    const at = slot >= state.from && slot < state.to ? (slot - state.from) * this.operator.width : this.at(state, slot)
    this.operator.add(state.cells, at, sample, timeNs)
  }

  partial(): MetricPartial['series'] {
    return this.all.map((state, series) => ({ labels: this.labelsOf(series), state: { from: state.from, cells: packNumbers(state.cells) } satisfies PackedCells }))
  }

  absorb(partial: MetricPartial['series']): void {
    const { width } = this.operator
    for (const { labels, state } of partial) {
      const packed = state as PackedCells
      const cells = unpackNumbers(packed.cells)
      const mine = this.all[this.series(labels)]!
      for (let from = 0, slot = packed.from; from < cells.length; from += width, slot++) {
        if (cells[from] === 0) continue
        const at = this.at(mine, slot)
        this.operator.merge(mine.cells, at, cells, from)
      }
    }
  }

  forEachPoint(slots: WindowSlots, context: ResultContext, point: (series: number, k: number, value: number) => void): void {
    for (const [series, state] of this.all.entries()) {
      if (state.to === state.from) continue
      slidingFold(this.operator, state, slots, (k, cells, at) => point(series, k, this.operator.result(cells, at, context)))
    }
  }

  /** Where the slot's state is, growing the array towards it. */
  private at(state: SlotCells, slot: number): number {
    if (slot < state.from || slot >= state.to) this.grow(state, slot)
    return (slot - state.from) * this.operator.width
  }

  private grow(state: SlotCells, slot: number): void {
    const { width } = this.operator
    const size = state.to - state.from
    if (size === 0) state.from = state.to = slot
    const from = slot < state.from ? Math.max(0, Math.min(slot, state.to - 2 * size)) : state.from
    const to = slot >= state.to ? Math.min(this.slotMax, Math.max(slot + 1, state.from + 2 * size)) : state.to
    this.budget.reserve((to - from - size) * width)
    const cells = new Float64Array((to - from) * width)
    cells.set(state.cells, (state.from - from) * width)
    Object.assign(state, { from, to, cells })
  }
}
