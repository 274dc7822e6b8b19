/**
 * Where each record's rows end in a standby's slabs. A standby does not know where the owner cuts; when the catalog's checkpoint moves, rows up to it are left out
 * of answers from then on, to the row (Q1), and whole cuts are dropped when all of them is stored. Shared by the parts of a standby's `partition.ts`.
 */
import type { Sequence } from '../../protocols/model.ts'
import type { StreamRows } from '../../storage/packed-streams.ts'
import type { PartitionHead } from '../partition/partition-head.ts'

/** Rows before it, in slabs in order of their ids, are of earlier records. */
export interface RowMark {
  readonly sequence: Sequence
  readonly slab: number
  readonly row: number
}

export class StandbyMarks {
  private marks: RowMark[] = []

  /** After a record was applied to the head. */
  note(sequence: Sequence, head: PartitionHead): void {
    const slab = head.slabs.at(-1)
    if (slab !== undefined) this.marks.push({ sequence, slab: slab.id, row: slab.rowCount })
  }

  /** The end of what is stored up to the checkpoint; undefined: nothing here is. */
  endOf(checkpoint: Sequence): RowMark | undefined {
    return this.marks.findLast(({ sequence }) => sequence <= checkpoint)
  }

  /** The rows of these records are held no more. */
  dropThrough(sequence: Sequence): void {
    this.marks = this.marks.filter((mark) => mark.sequence > sequence)
  }
}

/** Streams without the rows before the mark; those that have no others are left out. */
export function behind(streams: ReadonlyArray<StreamRows>, mark: RowMark | undefined): ReadonlyArray<StreamRows> {
  if (mark === undefined) return streams
  return streams.flatMap((stream) => {
    const runs = stream.runs.flatMap((run) => {
      if (run.slab < mark.slab) return []
      const from = run.slab === mark.slab ? Math.max(run.from, mark.row) : run.from
      return from < run.to ? [{ ...run, from }] : []
    })
    return runs.length === 0 ? [] : [{ ...stream, runs }]
  })
}
