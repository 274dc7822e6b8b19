/**
 * The open memory of a partition: slabs that rows are appended to until the next cut. Owned by `partition-cuts.ts`; chunks point into it.
 */
import { TraceGather } from '../../runtime/trace-parent.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import type { RowRun, Slab } from '../../storage/slab.ts'
import type { LoggedId } from '../../storage/wal.ts'
import type { HeadFacts } from './cut-policy.ts'
import type { SlabTable } from './slab-table.ts'

export class PartitionHead {
  readonly slabs: Slab[] = []
  /** Ids of pushes and records applied since the last cut: the segment will remember them. */
  readonly pushIds: AppliedId[] = []
  readonly recordIds: AppliedId[] = []
  /** Of all records applied since the last cut, repeated and damaged ones too: what the log must still hold when the cut is stored. */
  readonly logged: LoggedId[] = []
  /** Of the records applied since the last cut. */
  readonly traces = new TraceGather()
  private rows = 0
  private raw = 0
  private held = 0
  private firstMs = 0
  private lastMs = 0
  private readonly table: SlabTable

  constructor(table: SlabTable) {
    this.table = table
  }

  /** Copies one stream's rows into shared memory. `nowMs` is monotonic. */
  append(batch: PushBatch, stream: number, nowMs: number): RowRun {
    const source = batch.streams[stream]!
    let slab = this.slabs.at(-1)
    let row = slab?.append(batch, stream, stream + 1) ?? 'full'
    if (slab === undefined || row === 'full') {
      slab = this.table.open(batch)
      this.slabs.push(slab)
      this.held += slab.heldBytes
      row = slab.append(batch, stream, stream + 1)
      if (row === 'full') throw new Error('a fresh slab refused the rows that it was made for')
    }
    if (this.rows === 0) this.firstMs = nowMs
    this.rows += source.rowTo - source.rowFrom
    this.raw += source.lineBytes + source.metadataBytes
    this.lastMs = nowMs
    return { slab: slab.id, from: row, to: row + source.rowTo - source.rowFrom }
  }

  facts(): HeadFacts {
    return { rowCount: this.rows, rawBytes: this.raw, heldBytes: this.held, firstAppendMs: this.firstMs, lastAppendMs: this.lastMs }
  }
}

/** A cut: what one segment will hold. Kept until its commit, and readable until then. */
export interface PartitionCut {
  readonly number: number
  readonly first: Sequence
  readonly last: Sequence
  readonly head: PartitionHead
}
