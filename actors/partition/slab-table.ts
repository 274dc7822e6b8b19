/** A partition's slabs by id: runs name slabs by number, so that they can cross to worker threads. Owned by `partition-head.ts`' partition. */
import type { TimeNs } from '../../protocols/model.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import type { SlabPool } from '../../storage/slab-pool.ts'
import type { RowRun, Slab } from '../../storage/slab.ts'

export class SlabTable {
  private readonly slabs = new Map<number, Slab>()
  private readonly pool: SlabPool
  private nextId = 1
  /** Reads under way in other threads, which may look at any slab that was there when they began. */
  private reads = 0

  constructor(pool: SlabPool) {
    this.pool = pool
  }

  open(batch: PushBatch): Slab {
    const slab = this.pool.open(this.nextId++, batch)
    this.slabs.set(slab.id, slab)
    return slab
  }

  of(id: number): Slab {
    const slab = this.slabs.get(id)
    if (slab === undefined) throw new Error(`slab ${id} was released while rows pointed into it`)
    return slab
  }

  /** The slabs' rows are in a segment. Their memory is used again, unless a read that began before may still look at it. */
  release(slabs: Iterable<Slab>): void {
    for (const slab of slabs) {
      this.slabs.delete(slab.id)
      if (this.reads === 0) this.pool.recycle(slab)
    }
  }

  /** Call the answer when the read has ended. */
  beginRead(): () => void {
    let open = true
    this.reads++
    return () => {
      if (open) this.reads--
      open = false
    }
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
