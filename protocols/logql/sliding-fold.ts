/**
 * Folds every window of a series from the states of its slots. Neighbouring windows share slots, so two running folds are kept (a queue made of two
 * stacks): about three merges a slot whatever the overlap, and any associative merge will do. Used when a leaf's points are read out.
 */
import type { FoldingOperator } from './range/range-operator.ts'
import type { SlotCells } from './folding-states.ts'
import type { WindowSlots } from './window-slots.ts'

export function slidingFold(operator: FoldingOperator, state: SlotCells, slots: WindowSlots, point: (k: number, cells: Float64Array, at: number) => void): void {
  const fold = new TwoStacks(operator, state)
  for (let k = 0; k < slots.first.length; k++) {
    const first = Math.max(slots.first[k]!, state.from)
    const last = Math.min(slots.last[k]!, state.to - 1)
    if (first > last) continue
    fold.moveTo(first, last)
    if (fold.result[0] !== 0) point(k, fold.result, 0)
  }
}

/** Slots `first .. middle` are folded from the right (one fold a slot), `middle + 1 .. last` from the left (one fold). */
class TwoStacks {
  readonly result: Float64Array
  private readonly operator: FoldingOperator
  private readonly state: SlotCells
  private readonly fromRight: Float64Array
  private readonly fromLeft: Float64Array
  private middle = -1
  private last = -1

  constructor(operator: FoldingOperator, state: SlotCells) {
    this.operator = operator
    this.state = state
    this.result = new Float64Array(operator.width)
    this.fromLeft = new Float64Array(operator.width)
    this.fromRight = new Float64Array(state.cells.length)
  }

  /** Both bounds may only grow. */
  moveTo(first: number, last: number): void {
    if (first > this.middle) this.flip(first, last)
    else for (let slot = this.last + 1; slot <= last; slot++) this.mergeInto(this.fromLeft, 0, this.state.cells, this.cellOf(slot))
    this.last = last
    this.result.fill(0)
    this.mergeInto(this.result, 0, this.fromRight, this.cellOf(first))
    this.mergeInto(this.result, 0, this.fromLeft, 0)
  }

  private flip(first: number, last: number): void {
    const { width } = this.operator
    this.fromRight.set(this.state.cells.subarray(this.cellOf(first), this.cellOf(last) + width), this.cellOf(first))
    for (let slot = last - 1; slot >= first; slot--) this.mergeInto(this.fromRight, this.cellOf(slot), this.fromRight, this.cellOf(slot + 1))
    this.fromLeft.fill(0)
    this.middle = last
  }

  private mergeInto(cells: Float64Array, at: number, from: Float64Array, fromAt: number): void {
    if (from[fromAt] !== 0) this.operator.merge(cells, at, from, fromAt)
  }

  private cellOf(slot: number): number {
    return (slot - this.state.from) * this.operator.width
  }
}
