/**
 * Keeps the shared memory of slabs that are done with, for the next ones: shared memory is given back only when every thread that saw it has collected its
 * garbage, which would leave a busy node with many times what it uses. One pool a node; bounded, what is over goes to the garbage collector.
 */
import type { PushBatch } from '../protocols/push/batch.ts'
import { newSlabMemory, Slab, SLAB_BYTES, SLAB_ROWS, type SlabMemory } from './slab.ts'

export class SlabPool {
  private readonly free: SlabMemory[] = []
  private readonly freeBytesMax: number

  constructor(freeBytesMax: number) {
    this.freeBytesMax = freeBytesMax
  }

  /** A slab with room for at least this batch, on the batch's time base. */
  open(id: number, batch: PushBatch): Slab {
    const fits = batch.body.length <= SLAB_BYTES && batch.rowCount <= SLAB_ROWS
    const memory = fits ? (this.free.pop() ?? newSlabMemory()) : newSlabMemory(Math.max(SLAB_BYTES, batch.body.length), Math.max(SLAB_ROWS, batch.rowCount))
    return new Slab(id, batch.baseNs, memory)
  }

  /** Only when no thread reads the slab any more. */
  recycle(slab: Slab): void {
    const { memory, heldBytes } = slab
    const usual = memory.rowCapacity === SLAB_ROWS && memory.bytes.byteLength === SLAB_BYTES
    if (usual && (this.free.length + 1) * heldBytes <= this.freeBytesMax) this.free.push(memory)
  }

  get freeBytes(): number {
    return this.free.reduce((sum, memory) => sum + memory.bytes.byteLength + memory.columns.byteLength, 0)
  }
}
