/**
 * One stream's rows in time order: its runs, each ascending, merged; rows of equal time keep the order in which they arrived.
 *
 * The segment encoder reads streams through it. Runs that follow each other in time, the usual case, cost one comparison each; runs that came in another
 * order, as pushes over several connections do, are put in order whole; only runs that overlap are sorted row by row.
 */
import { RELATIVE_NS_MAX } from '../protocols/model.ts'
import type { RowSource } from './block-rows.ts'
import type { RowRun } from './slab.ts'

export type SourceOf = (slab: number) => RowSource

/** Rows `[from, to)` of a slab. */
export type VisitRows = (source: RowSource, from: number, to: number) => void

/** Calls `visit` for all rows of the runs, ascending in time, for as many at a time as lie together. */
export function inTimeOrder(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf, visit: VisitRows): void {
  const whole = followEachOther(runs, sourceOf) ? runs : inWholeRuns(runs, sourceOf)
  if (whole !== null) for (const run of whole) visit(sourceOf(run.slab), run.from, run.to)
  else rowByRow(runs, sourceOf, visit)
}

/** The runs in another order, in which they follow each other; null when some overlap. */
function inWholeRuns(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf): ReadonlyArray<RowRun> | null {
  const timeOf = ({ slab }: RowRun, row: number): bigint => {
    const { baseNs, columns } = sourceOf(slab)
    return baseNs + BigInt(columns.relativeNs[row]!)
  }
  const spans = runs.filter((run) => run.from < run.to).map((run, arrival) => ({ run, arrival, firstNs: timeOf(run, run.from), lastNs: timeOf(run, run.to - 1) }))
  spans.sort((a, b) => (a.firstNs < b.firstNs ? -1 : a.firstNs > b.firstNs ? 1 : a.arrival - b.arrival))
  for (let i = 1; i < spans.length; i++) {
    const [before, after] = [spans[i - 1]!, spans[i]!]
    if (after.firstNs < before.lastNs || (after.firstNs === before.lastNs && after.arrival < before.arrival)) return null
  }
  return spans.map(({ run }) => run)
}

function rowByRow(runs: ReadonlyArray<RowRun>, sourceOf: SourceOf, visit: VisitRows): void {
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
  for (let i = 0; i < count; ) {
    const run = runOf[order[i]!]!
    const from = rowOf[order[i]!]!
    let to = from + 1
    for (i++; i < count && runOf[order[i]!] === run && rowOf[order[i]!] === to; i++) to++
    visit(sourceOf(runs[run]!.slab), from, to)
  }
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
