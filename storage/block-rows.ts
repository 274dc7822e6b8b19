/**
 * Rows on their way into a block: copied out of slabs, once, into columns that are reused from block to block.
 *
 * The segment encoder fills it stream by stream in time order and seals it when it is full. It knows nothing of bytes on disk.
 */
import type { Labels, LevelColumn, MetadataColumn, StreamRun, TimeNs } from '../protocols/model.ts'
import type { LevelsOf } from '../protocols/push/level.ts'
import { MetadataDictionary } from './column-metadata.ts'
import { BLOCK_SPAN_NS_MAX } from './column-numbers.ts'
import type { SlabColumns } from './slab.ts'

/** Level codes are 16 bits wide, and a block never has more distinct ones than rows. */
export const BLOCK_ROWS_MAX = 65_535

/** The part of a stream that lies in one block. */
export interface BlockChunk {
  /** Position of the stream in its tenant's section. */
  readonly stream: number
  rowCount: number
  lineBytes: number
  /** After the block's base; inclusive. While a block is built, the first and the last row's; read back, at most a 4096th of the block's span wider. */
  minRelativeNs: number
  maxRelativeNs: number
}

export interface SealedRows {
  readonly baseNs: TimeNs
  readonly rowCount: number
  readonly relativeNs: Float64Array
  readonly lengths: Uint32Array
  readonly lines: Buffer
  readonly metadata: MetadataColumn | null
  readonly levels: LevelColumn | null
  readonly chunks: ReadonlyArray<BlockChunk>
}

/** A slab as rows are taken from it. */
export interface RowSource {
  readonly baseNs: TimeNs
  readonly columns: SlabColumns
}

export class BlockRows {
  rowCount = 0
  lineBytes = 0
  /** Of the tenant whose rows are being added; null: its levels are not discovered. */
  levelsOf: LevelsOf | null = null
  readonly #times = new Float64Array(BLOCK_ROWS_MAX)
  readonly #lengths = new Uint32Array(BLOCK_ROWS_MAX)
  readonly #metadataCodes = new Uint32Array(BLOCK_ROWS_MAX)
  #lines: Buffer
  #metadata = new MetadataDictionary()
  #chunks: BlockChunk[] = []
  /** Of each chunk. */
  #labels: Labels[] = []
  /** Times are kept on the base of the slab that the first row came from, until sealing. */
  #originNs: TimeNs = 0n
  #minNs = 0
  #maxNs = 0
  #shiftOf: RowSource | null = null
  #shiftNs = 0

  constructor(sizeHintBytes: number) {
    this.#lines = Buffer.allocUnsafeSlow(sizeHintBytes)
  }

  /** False: the row's time is too far from the block's, or the block is full: seal first. Rows of one stream come one after the other, ascending. */
  add(stream: number, labels: Labels, source: RowSource, row: number): boolean {
    if (this.rowCount === 0) this.#begin(source)
    if (source !== this.#shiftOf) {
      this.#shiftNs = Number(source.baseNs - this.#originNs)
      this.#shiftOf = source
    }
    const { columns } = source
    const ns = columns.relativeNs[row]! + this.#shiftNs
    if (this.rowCount === 0) this.#minNs = this.#maxNs = ns
    const minNs = Math.min(ns, this.#minNs)
    const maxNs = Math.max(ns, this.#maxNs)
    if (maxNs - minNs >= BLOCK_SPAN_NS_MAX || this.rowCount === BLOCK_ROWS_MAX) return false
    this.#minNs = minNs
    this.#maxNs = maxNs
    const at = this.rowCount++
    const from = columns.starts[row]!
    const length = columns.lengths[row]!
    this.#times[at] = ns
    this.#lengths[at] = length
    this.#copyLine(columns.bytes, from, length)
    this.#metadataCodes[at] = this.#metadata.codeOf(columns.bytes, columns.metadataStarts[row]!, columns.metadataEnds[row]!)
    this.#count(stream, labels, length, ns)
    return true
  }

  /** The rows so far; the views in it hold until the next `add`. */
  seal(): SealedRows {
    const { rowCount } = this
    const base = this.#minNs
    const relativeNs = this.#times.slice(0, rowCount)
    for (let i = 0; i < rowCount; i++) relativeNs[i]! -= base
    for (const chunk of this.#chunks) {
      chunk.minRelativeNs -= base
      chunk.maxRelativeNs -= base
    }
    const { sets } = this.#metadata
    const lengths = this.#lengths.subarray(0, rowCount)
    const lines = this.#lines.subarray(0, this.lineBytes)
    const metadata = sets.length === 1 ? null : { codes: this.#metadataCodes.subarray(0, rowCount), sets }
    const sealed = {
      baseNs: this.#originNs + BigInt(base),
      rowCount,
      relativeNs,
      lengths,
      lines,
      metadata,
      levels: this.levelsOf === null ? null : this.levelsOf({ runs: this.#runs(), metadata, lines: { bytes: lines, starts: this.#starts(), lengths } }),
      chunks: this.#chunks,
    }
    this.rowCount = 0
    this.lineBytes = 0
    return sealed
  }

  #begin(source: RowSource): void {
    this.#originNs = source.baseNs
    this.#shiftOf = null
    this.#metadata = new MetadataDictionary()
    this.#chunks = []
    this.#labels = []
  }

  #copyLine(bytes: Buffer, from: number, length: number): void {
    if (this.lineBytes + length > this.#lines.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#lines.length * 2, this.lineBytes + length))
      this.#lines.copy(larger, 0, 0, this.lineBytes)
      this.#lines = larger
    }
    bytes.copy(this.#lines, this.lineBytes, from, from + length)
    this.lineBytes += length
  }

  #runs(): StreamRun[] {
    let to = 0
    return this.#chunks.map((chunk, i) => ({ labels: this.#labels[i]!, from: to, to: (to += chunk.rowCount) }))
  }

  #starts(): Uint32Array {
    const starts = new Uint32Array(this.rowCount)
    for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1]! + this.#lengths[i - 1]!
    return starts
  }

  #count(stream: number, labels: Labels, length: number, ns: number): void {
    const last = this.#chunks.at(-1)
    if (last?.stream === stream) {
      last.rowCount++
      last.lineBytes += length
      last.maxRelativeNs = ns
      return
    }
    this.#chunks.push({ stream, rowCount: 1, lineBytes: length, minRelativeNs: ns, maxRelativeNs: ns })
    this.#labels.push(labels)
  }
}
