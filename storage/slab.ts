/**
 * A slab: the open memory of a partition, one fixed region of shared memory that pushes are appended to and worker threads read.
 *
 * The partition's owner appends and tells each stream actor its run of rows; encoders and head scans get a `SlabDescriptor` by postMessage.
 * Rows are written once and never changed or moved, so a descriptor taken at any moment stays true while appends go on. Never removes anything:
 * a slab is dropped as a whole after its cut is stored.
 */
import { RELATIVE_NS_MAX, type TimeNs } from '../protocols/model.ts'
import type { PushBatch } from '../protocols/push/batch.ts'

/** Default room. A slab is as large as what it can waste at a cut; the columns have room for lines of 100 bytes on average. */
export const SLAB_BYTES = 4 << 20
export const SLAB_ROWS = 40 << 10

/** What another thread needs to read the rows that were there when it was taken. Structured-clone safe; the buffers are shared, not copied. */
export interface SlabDescriptor {
  readonly id: number
  readonly baseNs: TimeNs
  readonly rowCapacity: number
  readonly rowCount: number
  readonly bytes: SharedArrayBuffer
  readonly columns: SharedArrayBuffer
}

/** Rows `[from, to)` of slab `slab`, of one stream, ascending in time. */
export interface RowRun {
  readonly slab: number
  readonly from: number
  readonly to: number
}

/** The columns of a slab over its shared memory. Line starts ascend with the rows; foreign bytes may lie between lines. */
export interface SlabColumns {
  readonly bytes: Buffer
  readonly relativeNs: Float64Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
  /** Structured metadata fields of row i are `bytes[metadataStarts[i] .. metadataEnds[i])`, as in `PushBatch`; equal: none. */
  readonly metadataStarts: Uint32Array
  readonly metadataEnds: Uint32Array
}

const ROW_COLUMN_BYTES = 8 + 4 * 4

export function slabColumns(slab: { readonly rowCapacity: number; readonly bytes: SharedArrayBuffer; readonly columns: SharedArrayBuffer }): SlabColumns {
  const rows = slab.rowCapacity
  const words = (k: number): Uint32Array => new Uint32Array(slab.columns, rows * (8 + 4 * k), rows)
  return {
    bytes: Buffer.from(slab.bytes),
    relativeNs: new Float64Array(slab.columns, 0, rows),
    starts: words(0),
    lengths: words(1),
    metadataStarts: words(2),
    metadataEnds: words(3),
  }
}

/** A slab's two shared regions. They outlive the slab: `slab-pool.ts` gives them to the next one. */
export interface SlabMemory {
  readonly rowCapacity: number
  readonly bytes: SharedArrayBuffer
  readonly columns: SharedArrayBuffer
}

export function newSlabMemory(byteCapacity = SLAB_BYTES, rowCapacity = SLAB_ROWS): SlabMemory {
  return { rowCapacity, bytes: new SharedArrayBuffer(byteCapacity), columns: new SharedArrayBuffer(rowCapacity * ROW_COLUMN_BYTES) }
}

export class Slab {
  readonly id: number
  readonly baseNs: TimeNs
  readonly columns: SlabColumns
  readonly memory: SlabMemory
  #rowCount = 0
  #byteCount = 0

  constructor(id: number, baseNs: TimeNs, memory: SlabMemory = newSlabMemory()) {
    this.id = id
    this.baseNs = baseNs
    this.memory = memory
    this.columns = slabColumns(memory)
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Bytes of memory that the slab holds, used or not: what the memory budget counts. */
  get heldBytes(): number {
    return this.memory.bytes.byteLength + this.memory.columns.byteLength
  }

  /**
   * Copies streams `[streamFrom, streamTo)` of the batch in. The row `batch.streams[streamFrom].rowFrom` becomes the returned row, the others follow in order.
   * 'full': no room, or a time too far from the slab's base; nothing was written, the caller opens another slab.
   */
  append(batch: PushBatch, streamFrom = 0, streamTo = batch.streams.length): number | 'full' {
    const first = batch.streams[streamFrom]
    const last = batch.streams[streamTo - 1]
    if (first === undefined || last === undefined) return this.#rowCount
    const rows = last.rowTo - first.rowFrom
    const room = this.memory.bytes.byteLength - this.#byteCount
    if (last.byteTo - first.byteFrom > room || rows > this.memory.rowCapacity - this.#rowCount) return 'full'
    const shiftNs = Number(batch.baseNs - this.baseNs)
    if (!timesFit(batch, shiftNs, streamFrom, streamTo)) return 'full'
    const at = this.#rowCount
    copyTimes(this.columns, at, batch, first.rowFrom, last.rowTo, shiftNs)
    if (ascends(batch.starts, first.rowFrom, last.rowTo)) this.#copyWhole(batch, first.rowFrom, last.rowTo, first.byteFrom, last.byteTo)
    else this.#copyByRow(batch, first.rowFrom, last.rowTo)
    this.#rowCount += rows
    return at
  }

  /** The rows that are in now. Cheap: nothing is copied. */
  descriptor(): SlabDescriptor {
    return { id: this.id, baseNs: this.baseNs, rowCount: this.#rowCount, ...this.memory }
  }

  #copyWhole(batch: PushBatch, rowFrom: number, rowTo: number, byteFrom: number, byteTo: number): void {
    const { columns } = this
    const shift = this.#byteCount - byteFrom
    batch.body.copy(columns.bytes, this.#byteCount, byteFrom, byteTo)
    const { metadataStarts, metadataEnds } = batch
    for (let i = rowFrom, to = this.#rowCount; i < rowTo; i++, to++) {
      columns.starts[to] = batch.starts[i]! + shift
      columns.lengths[to] = batch.lengths[i]!
    }
    // Written for every row, since the memory may have served another slab before.
    const at = this.#rowCount
    if (metadataStarts === null || metadataEnds === null) {
      columns.metadataStarts.fill(0, at, at + rowTo - rowFrom)
      columns.metadataEnds.fill(0, at, at + rowTo - rowFrom)
    } else {
      for (let i = rowFrom, to = at; i < rowTo; i++, to++) {
        const none = metadataStarts[i] === metadataEnds[i]
        columns.metadataStarts[to] = none ? 0 : metadataStarts[i]! + shift
        columns.metadataEnds[to] = none ? 0 : metadataEnds[i]! + shift
      }
    }
    this.#byteCount += byteTo - byteFrom
  }

  /** Rows that the decoder put in time order no longer lie in the order of their bytes: they are laid out anew, so that starts ascend. */
  #copyByRow(batch: PushBatch, rowFrom: number, rowTo: number): void {
    const { columns } = this
    let end = this.#byteCount
    for (let i = rowFrom, to = this.#rowCount; i < rowTo; i++, to++) {
      columns.starts[to] = end
      columns.lengths[to] = batch.lengths[i]!
      end += batch.body.copy(columns.bytes, end, batch.starts[i]!, batch.starts[i]! + batch.lengths[i]!)
      const from = batch.metadataStarts?.[i] ?? 0
      columns.metadataStarts[to] = end
      end += batch.body.copy(columns.bytes, end, from, batch.metadataEnds?.[i] ?? 0)
      columns.metadataEnds[to] = end
    }
    this.#byteCount = end
  }
}

function timesFit(batch: PushBatch, shiftNs: number, streamFrom: number, streamTo: number): boolean {
  for (let k = streamFrom; k < streamTo; k++) {
    const stream = batch.streams[k]!
    if (shiftNs + stream.minRelativeNs < -RELATIVE_NS_MAX || shiftNs + stream.maxRelativeNs > RELATIVE_NS_MAX) return false
  }
  return true
}

function copyTimes(columns: SlabColumns, at: number, batch: PushBatch, rowFrom: number, rowTo: number, shiftNs: number): void {
  for (let i = rowFrom, to = at; i < rowTo; i++, to++) columns.relativeNs[to] = batch.relativeNs[i]! + shiftNs
}

function ascends(values: Uint32Array, from: number, to: number): boolean {
  for (let i = from + 1; i < to; i++) if (values[i]! < values[i - 1]!) return false
  return true
}
