/**
 * Drops exact duplicates when a run of rows is applied: as in Loki, an entry with the time, line and structured metadata of another one of its
 * stream is silently dropped, so that a client's retry is harmless.
 *
 * The partition's stream actors call it. It looks only at the runs it is given (those still open); what is already in a segment is not compared.
 * Rows are not moved: a dropped row is left out of the runs. Cost: one comparison of times a row; where times meet, the rows of that time are
 * compared by bytes, and from `CROWD_ROWS` rows of one time on through a set, so a push of equal times stays linear.
 */
import type { TimeNs } from '../protocols/model.ts'
import type { RowRun, SlabColumns } from './slab.ts'

/** Reading view of a slab: `Slab` itself on the owner's thread. */
export interface RunSlab {
  readonly id: number
  readonly baseNs: TimeNs
  readonly columns: SlabColumns
}

const CROWD_ROWS = 16

/**
 * `run` without the rows that equal an earlier row of it or a row of `earlier` (runs of the same stream, each ascending in time): one run when nothing
 * was dropped, [] when all was. A caller who knows that `run` begins after everything in `earlier` passes [].
 */
export function withoutDuplicates(slabOf: (id: number) => RunSlab, run: RowRun, earlier: ReadonlyArray<RowRun>): RowRun[] {
  const slab = slabOf(run.slab)
  const near = earlier.map((r) => new Cursor(slab, slabOf(r.slab), r)).filter((c) => c.meets(run))
  const kept: RowRun[] = []
  let from = run.from
  const dropRow = (row: number): void => {
    if (row > from) kept.push({ slab: run.slab, from, to: row })
    from = row + 1
  }
  const times = slab.columns.relativeNs
  for (let groupFrom = run.from; groupFrom < run.to; ) {
    const ns = times[groupFrom]!
    let groupTo = groupFrom + 1
    while (groupTo < run.to && times[groupTo] === ns) groupTo++
    if (groupTo - groupFrom > CROWD_ROWS) dropInCrowd(slab, groupFrom, groupTo, near, ns, dropRow)
    else for (let row = groupFrom; row < groupTo; row++) if (seenBefore(slab, row, groupFrom) || isIn(near, row, ns)) dropRow(row)
    groupFrom = groupTo
  }
  if (from < run.to) kept.push({ slab: run.slab, from, to: run.to })
  return kept
}

/** Hot: a function made for each row, to be called by `some`, was most of the garbage of a node that takes pushes. */
function isIn(near: ReadonlyArray<Cursor>, row: number, ns: number): boolean {
  for (const cursor of near) if (cursor.has(row, ns)) return true
  return false
}

function seenBefore(slab: RunSlab, row: number, groupFrom: number): boolean {
  for (let other = groupFrom; other < row; other++) if (sameEntry(slab.columns, row, slab.columns, other)) return true
  return false
}

function dropInCrowd(slab: RunSlab, from: number, to: number, near: ReadonlyArray<Cursor>, ns: number, drop: (row: number) => void): void {
  const seen = new Set<string>()
  for (const cursor of near) cursor.each(ns, (columns, row) => seen.add(entryText(columns, row)))
  for (let row = from; row < to; row++) {
    const entry = entryText(slab.columns, row)
    if (seen.has(entry)) drop(row)
    else seen.add(entry)
  }
}

function entryText(c: SlabColumns, row: number): string {
  const from = c.starts[row]!
  const to = from + c.lengths[row]!
  return `${to - from}:${c.bytes.toString('latin1', from, to)}${c.bytes.toString('latin1', c.metadataStarts[row], c.metadataEnds[row])}`
}

function sameEntry(a: SlabColumns, i: number, b: SlabColumns, j: number): boolean {
  if (a.lengths[i] !== b.lengths[j] || a.metadataEnds[i]! - a.metadataStarts[i]! !== b.metadataEnds[j]! - b.metadataStarts[j]!) return false
  return (
    a.bytes.compare(b.bytes, b.starts[j]!, b.starts[j]! + b.lengths[j]!, a.starts[i]!, a.starts[i]! + a.lengths[i]!) === 0 &&
    a.bytes.compare(b.bytes, b.metadataStarts[j]!, b.metadataEnds[j]!, a.metadataStarts[i]!, a.metadataEnds[i]!) === 0
  )
}

/** Walks an earlier run in step with the new one, whose times ascend too. Times are compared on the new run's base. */
class Cursor {
  readonly #ours: SlabColumns
  readonly #columns: SlabColumns
  readonly #run: RowRun
  readonly #shiftNs: number
  #row: number

  constructor(ours: RunSlab, theirs: RunSlab, run: RowRun) {
    this.#ours = ours.columns
    this.#columns = theirs.columns
    this.#run = run
    this.#shiftNs = Number(theirs.baseNs - ours.baseNs)
    this.#row = run.from
  }

  #ns(row: number): number {
    return this.#columns.relativeNs[row]! + this.#shiftNs
  }

  /** Whether the runs overlap in time; if so the cursor stands at the first row that can matter. */
  meets(run: RowRun): boolean {
    const { from, to } = this.#run
    const minNs = this.#ours.relativeNs[run.from]!
    if (from >= to || !Number.isSafeInteger(this.#shiftNs) || this.#ns(to - 1) < minNs || this.#ns(from) > this.#ours.relativeNs[run.to - 1]!) return false
    let low = from
    for (let high = to; low < high; ) {
      const middle = (low + high) >>> 1
      if (this.#ns(middle) < minNs) low = middle + 1
      else high = middle
    }
    this.#row = low
    return true
  }

  each(ns: number, visit: (columns: SlabColumns, row: number) => void): void {
    while (this.#row < this.#run.to && this.#ns(this.#row) < ns) this.#row++
    for (let row = this.#row; row < this.#run.to && this.#ns(row) === ns; row++) visit(this.#columns, row)
  }

  has(row: number, ns: number): boolean {
    let found = false
    this.each(ns, (columns, other) => {
      found ||= sameEntry(this.#ours, row, columns, other)
    })
    return found
  }
}
