/**
 * Accumulators of operators that fold samples into a few numbers: a growing array of slots a series. Made by `compileScan` and the merge through
 * `windowStatesFor`; hot: `add` runs once a row.
 */
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { Labels } from '../model.ts'
import type { FoldingOperator, ResultContext } from './range/range-operator.ts'
import type { MetricPartial } from './scan.ts'
import { slidingFold } from './sliding-fold.ts'
import { NumberBudget, SeriesIndex } from './window-states.ts'
import type { Points, WindowStates } from './window-states.ts'
import type { WindowSlots } from './window-slots.ts'

/** States of slots `[from, to)`; empty until the first sample. */
export interface SlotCells {
  from: number
  to: number
  cells: Float64Array
}

type PartialCells = Readonly<Pick<SlotCells, 'from' | 'cells'>>

export class FoldingStates implements WindowStates {
  readonly addMany: WindowStates['addMany']
  private readonly operator: FoldingOperator
  private readonly index: SeriesIndex
  private readonly budget: NumberBudget
  private readonly slotMax: number
  private readonly all: SlotCells[] = []

  constructor(operator: FoldingOperator, slotCount: number, seriesMax: number, memoryBytesMax?: number) {
    this.budget = new NumberBudget(memoryBytesMax)
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
    return this.all.map((state, series) => ({ labels: this.labelsOf(series), state: { from: state.from, cells: state.cells } satisfies PartialCells }))
  }

  absorb(partial: MetricPartial['series']): void {
    for (const { labels, state } of partial) {
      const { from, cells } = state as PartialCells
      this.absorbCells(this.all[this.series(labels)]!, from, cells)
    }
  }

  release(): void {
    for (const { cells } of this.all) freeBuffer(cells)
  }

  readPoints(series: number, slots: WindowSlots, context: ResultContext, into: Points): void {
    const state = this.all[series]!
    const { operator } = this
    const put = (k: number, cells: Float64Array, at: number): void => {
      into.values[k] = operator.result(cells, at, context)
      into.present[k] = 1
    }
    if (slots.single) eachSlot(operator.width, state, slots, put)
    else if (state.to > state.from) slidingFold(operator, state, slots, put)
  }

  private absorbCells(mine: SlotCells, first: number, cells: Float64Array): void {
    const { width, merge } = this.operator
    if (mine.to === mine.from) {
      this.budget.reserve(cells.length)
      Object.assign(mine, { from: first, to: first + cells.length / width, cells: cells.slice() })
      return
    }
    for (let from = 0, slot = first; from < cells.length; from += width, slot++) {
      if (cells[from] === 0) continue
      const at = this.at(mine, slot)
      merge(mine.cells, at, cells, from)
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

/** Windows of one slot each need no folding. */
function eachSlot(width: number, { from, to, cells }: SlotCells, { first }: WindowSlots, put: (k: number, cells: Float64Array, at: number) => void): void {
  for (let k = 0; k < first.length; k++) {
    const slot = first[k]!
    if (slot < from || slot >= to) continue
    const at = (slot - from) * width
    if (cells[at] !== 0) put(k, cells, at)
  }
}
