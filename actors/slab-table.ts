/** A partition's slabs by id: runs name slabs by number, so that they can cross to worker threads. Owned by `partition-head.ts`' partition. */
import type { TimeNs } from '../protocols/model.ts'
import { Slab, type RowRun } from '../storage/slab.ts'
import type { PushBatch } from '../protocols/push/batch.ts'

export class SlabTable {
  private readonly slabs = new Map<number, Slab>()
  private nextId = 1

  open(batch: PushBatch): Slab {
    const slab = Slab.for(this.nextId++, batch)
    this.slabs.set(slab.id, slab)
    return slab
  }

  of(id: number): Slab {
    const slab = this.slabs.get(id)
    if (slab === undefined) throw new Error(`slab ${id} was released while rows pointed into it`)
    return slab
  }

  release(slabs: Iterable<Slab>): void {
    for (const slab of slabs) this.slabs.delete(slab.id)
  }

  /** Time bounds of a run, which ascends. */
  firstNs(run: RowRun): TimeNs {
    return this.timeOf(run.slab, run.from)
  }

  lastNs(run: RowRun): TimeNs {
    return this.timeOf(run.slab, run.to - 1)
  }

  private timeOf(id: number, row: number): TimeNs {
    const slab = this.of(id)
    return slab.baseNs + BigInt(slab.columns.relativeNs[row]!)
  }
}
