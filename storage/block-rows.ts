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

  /**
   * Hot. Takes rows `[from, to)` of the source, of one stream and ascending, while the lines are below `lineBytesMax`, the block has room and no time is too far from
   * the others'. Returns behind the last row taken: if that is not `to`, seal first. An empty block takes at least one row.
   */
  addRows(stream: number, labels: Labels, source: RowSource, from: number, to: number, lineBytesMax: number): number {
    if (this.rowCount === 0) this.#begin(source, from)
    if (source !== this.#shiftOf) {
      this.#shiftNs = Number(source.baseNs - this.#originNs)
      this.#shiftOf = source
    }
    const end = this.#takeNumbers(source.columns, from, to, lineBytesMax)
    if (end === from) return end
    this.#copyLines(source.columns, from, end)
    this.#copyMetadata(source.columns, from, end)
    this.#count(stream, labels, end - from)
    this.rowCount += end - from
    return end
  }

  /** The rows so far; the views in it hold until the next `addRows`. */
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

  #begin(source: RowSource, row: number): void {
    this.#originNs = source.baseNs
    this.#shiftOf = null
    this.#metadata = new MetadataDictionary()
    this.#chunks = []
    this.#labels = []
    this.#minNs = this.#maxNs = source.columns.relativeNs[row]!
  }

  /** Times and lengths of as many rows as the block takes. */
  #takeNumbers({ relativeNs, lengths }: SlabColumns, from: number, to: number, lineBytesMax: number): number {
    const times = this.#times
    const ownLengths = this.#lengths
    const shiftNs = this.#shiftNs
    let { lineBytes } = this
    let at = this.rowCount
    let minNs = this.#minNs
    let maxNs = this.#maxNs
    let row = from
    for (; row < to && lineBytes < lineBytesMax && at < BLOCK_ROWS_MAX; row++) {
      const ns = relativeNs[row]! + shiftNs
      if (ns < minNs) {
        if (maxNs - ns >= BLOCK_SPAN_NS_MAX) break
        minNs = ns
      } else if (ns > maxNs) {
        if (ns - minNs >= BLOCK_SPAN_NS_MAX) break
        maxNs = ns
      }
      const length = lengths[row]!
      times[at] = ns
      ownLengths[at++] = length
      lineBytes += length
    }
    this.#minNs = minNs
    this.#maxNs = maxNs
    return row
  }

  #copyLines({ bytes, starts, lengths }: SlabColumns, from: number, to: number): void {
    let needed = this.lineBytes
    for (let row = from; row < to; row++) needed += lengths[row]!
    if (needed > this.#lines.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#lines.length * 2, needed))
      this.#lines.copy(larger, 0, 0, this.lineBytes)
      this.#lines = larger
    }
    let at = this.lineBytes
    for (let row = from; row < to; row++) at += bytes.copy(this.#lines, at, starts[row]!, starts[row]! + lengths[row]!)
    this.lineBytes = at
  }

  #copyMetadata({ bytes, metadataStarts, metadataEnds }: SlabColumns, from: number, to: number): void {
    const codes = this.#metadataCodes
    let at = this.rowCount
    for (let row = from; row < to; row++) codes[at++] = this.#metadata.codeOf(bytes, metadataStarts[row]!, metadataEnds[row]!)
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

  /** The rows that were just taken belong to the stream's chunk. */
  #count(stream: number, labels: Labels, rows: number): void {
    const first = this.rowCount
    let lineBytes = 0
    for (let i = first; i < first + rows; i++) lineBytes += this.#lengths[i]!
    const maxRelativeNs = this.#times[first + rows - 1]!
    const last = this.#chunks.at(-1)
    if (last?.stream === stream) {
      last.rowCount += rows
      last.lineBytes += lineBytes
      last.maxRelativeNs = maxRelativeNs
      return
    }
    this.#chunks.push({ stream, rowCount: rows, lineBytes, minRelativeNs: this.#times[first]!, maxRelativeNs })
    this.#labels.push(labels)
  }
}
