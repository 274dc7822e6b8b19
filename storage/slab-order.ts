/**
 * One stream's rows in time order: its runs, each ascending, merged; rows of equal time keep the order in which they arrived.
 *
 * The segment encoder reads streams through it. Runs that follow each other in time, the usual case, cost one comparison each.
 */
import { RELATIVE_NS_MAX } from '../protocols/model.ts'
import type { RowSource } from './block-rows.ts'
import type { RowRun } from './slab.ts'

export type SourceOf = (slab: number) => RowSource

/** Calls `visit` for each row of the runs, ascending in time. */
export function inTimeOrder(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf, visit: (source: RowSource, row: number) => void): void {
  if (followEachOther(runs, sourceOf)) {
    for (const run of runs) {
      const source = sourceOf(run.slab)
      for (let row = run.from; row < run.to; row++) visit(source, row)
    }
    return
  }
  const count = runs.reduce((sum, run) => sum + run.to - run.from, 0)
  const runOf = new Uint32Array(count)
  const rowOf = new Uint32Array(count)
  let i = 0
  for (const [k, run] of runs.entries()) {
    for (let row = run.from; row < run.to; row++, i++) {
      runOf[i] = k
      rowOf[i] = row
    }
  }
  const times = timesOf(runs, sourceOf, count)
  const order = Uint32Array.from(rowOf.keys()).sort((a, b) => (times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : a - b))
  for (const at of order) visit(sourceOf(runs[runOf[at]!]!.slab), rowOf[at]!)
}

function followEachOther(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf): boolean {
  for (let k = 1; k < runs.length; k++) {
    const before = runs[k - 1]!
    const after = runs[k]!
    const a = sourceOf(before.slab)
    const b = sourceOf(after.slab)
    const lastNs = a.columns.relativeNs[before.to - 1]!
    const firstNs = b.columns.relativeNs[after.from]!
    if (a === b ? firstNs < lastNs : b.baseNs + BigInt(firstNs) < a.baseNs + BigInt(lastNs)) return false
  }
  return true
}

/** On the first run's base as doubles where that is exact, else whole. */
function timesOf(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf, count: number): Float64Array | BigInt64Array {
  const base = sourceOf(runs[0]!.slab).baseNs
  const shifts = runs.map((run) => sourceOf(run.slab).baseNs - base)
  const exact = shifts.every((s) => Math.abs(Number(s)) + RELATIVE_NS_MAX <= Number.MAX_SAFE_INTEGER)
  const near = new Float64Array(exact ? count : 0)
  const far = new BigInt64Array(exact ? 0 : count)
  let i = 0
  for (const [k, run] of runs.entries()) {
    const { relativeNs } = sourceOf(run.slab).columns
    const shift = shifts[k]!
    for (let row = run.from; row < run.to; row++, i++) {
      if (exact) near[i] = relativeNs[row]! + Number(shift)
      else far[i] = BigInt(relativeNs[row]!) + shift
    }
  }
  return exact ? near : far
}
