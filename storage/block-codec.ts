/**
 * A block between its two shapes: sealed rows in memory and compressed columns in an object.
 *
 * `encodeBlock` is the segment encoder's; `StoredBlock` is the `EntryBlock` that readers get: each column is checked and decoded when it is first
 * asked for. A column that was not fetched cannot be asked for: that is the caller's mistake and throws a plain Error.
 */
import zlib from 'node:zlib'
import { freeBuffer } from '../runtime/free-buffer.ts'
import type { EntryBlock, LevelColumn, LineColumn, MetadataColumn, StreamRun, TimeNs } from '../protocols/model.ts'
import type { SealedRows } from './block-rows.ts'
import { corrupt } from './column-bytes.ts'
import { ColumnRoom } from './column-room.ts'
import { type ChunkEncoding, compressColumn, decompressColumn } from './column-codec.ts'
import { decodeLevels, encodeLevels } from './column-levels.ts'
import { decodeMetadata, encodeMetadata } from './column-metadata.ts'
import { decodePlanes, decodeTimes, encodePlanes, encodeTimes } from './column-numbers.ts'
import { COLUMN_KINDS, type ColumnKind, type ColumnRange } from './segment-format.ts'
import type { BlockFacts } from './segment-footer.ts'

export interface StoredColumn {
  readonly stored: Buffer
  readonly range: ColumnRange
}

/** In the order of COLUMN_KINDS; offsets are 0, the writer knows them. */
export function encodeBlock(rows: SealedRows, encoding: ChunkEncoding): StoredColumn[] {
  const raw: Record<ColumnKind, Buffer> = {
    times: encodeTimes(rows.relativeNs),
    lengths: encodePlanes(rows.lengths),
    levels: rows.levels === null ? EMPTY : encodeLevels(rows.levels.codes, rows.levels.values),
    metadata: rows.metadata === null ? EMPTY : encodeMetadata(rows.metadata.codes, rows.metadata.sets),
    lines: rows.lines,
  }
  return COLUMN_KINDS.map((kind) => {
    const { code, stored } = compressColumn(encoding, raw[kind])
    return { stored, range: { offset: 0, storedBytes: stored.length, rawBytes: raw[kind].length, encoding: code, crc32: zlib.crc32(stored) } }
  })
}

const EMPTY = Buffer.alloc(0)
/** The encoding of a column that is not compressed: its bytes are a part of what was fetched. */
const AS_IS = 0

/** Of the thread: for the lines of one block at a time, and for columns that are decoded further at once. */
const linesRoom = new ColumnRoom()
const codesRoom = new ColumnRoom()

/** The stored bytes of the columns that were fetched. */
export type FetchedColumns = Partial<Record<ColumnKind, Buffer>>

export class StoredBlock implements EntryBlock {
  readonly rowCount: number
  readonly baseNs: TimeNs
  readonly minNs: TimeNs
  readonly maxNs: TimeNs
  readonly runs: ReadonlyArray<StreamRun>
  readonly #key: string
  readonly #facts: BlockFacts
  readonly #fetched: FetchedColumns
  #relativeNs: Float64Array | undefined
  #lengths: Uint32Array | undefined
  #lines: LineColumn | undefined
  #metadata: MetadataColumn | null | undefined
  #levels: LevelColumn | null | undefined

  constructor(key: string, facts: BlockFacts, runs: ReadonlyArray<StreamRun>, fetched: FetchedColumns) {
    this.rowCount = facts.rowCount
    this.baseNs = facts.baseNs
    const bounds = blockBounds(facts)
    this.minNs = bounds.minNs
    this.maxNs = bounds.maxNs
    this.runs = runs
    this.#key = key
    this.#facts = facts
    this.#fetched = fetched
  }

  relativeNs(): Float64Array {
    return (this.#relativeNs ??= decodeTimes(this.#raw('times'), this.rowCount, this.#what('times')))
  }

  lengths(): Uint32Array {
    return (this.#lengths ??= this.#checkedLengths())
  }

  /** Holds until another block of the thread is asked for its lines. */
  lines(): LineColumn {
    return (this.#lines ??= this.#decodeLines())
  }

  metadata(): MetadataColumn | null {
    if (this.#metadata === undefined) this.#metadata = this.#has('metadata') ? decodeMetadata(this.#raw('metadata'), this.rowCount, this.#what('metadata')) : null
    return this.#metadata
  }

  levels(): LevelColumn | null {
    if (this.#levels === undefined) this.#levels = this.#has('levels') ? decodeLevels(this.#raw('levels'), this.rowCount, this.#what('levels')) : null
    return this.#levels
  }

  /** What was decoded is not needed any more; asked for again, it is decoded again. */
  release(): void {
    if (this.#relativeNs !== undefined) freeBuffer(this.#relativeNs)
    if (this.#lengths !== undefined) freeBuffer(this.#lengths)
    if (this.#lines !== undefined) {
      freeBuffer(this.#lines.starts)
      if (this.#range('lines').encoding !== AS_IS && !linesRoom.holds(this.#lines.bytes)) freeBuffer(this.#lines.bytes)
    }
    this.#relativeNs = this.#lengths = this.#lines = undefined
  }

  #decodeLines(): LineColumn {
    const lengths = this.lengths()
    const starts = new Uint32Array(lengths.length)
    let at = 0
    for (let i = 0; i < lengths.length; i++) {
      starts[i] = at
      at += lengths[i]!
    }
    linesRoom.handTo(() => {
      this.#lines = undefined
    })
    return { bytes: this.#raw('lines'), starts, lengths }
  }

  #checkedLengths(): Uint32Array {
    const lengths = decodePlanes(this.#raw('lengths'), this.rowCount, this.#what('lengths'))
    let sum = 0
    for (let i = 0; i < lengths.length; i++) sum += lengths[i]!
    if (sum !== this.#range('lines').rawBytes) throw corrupt(this.#what('lengths'), `adds up to ${sum}, not to the lines' ${this.#range('lines').rawBytes} bytes`)
    return lengths
  }

  #range(kind: ColumnKind): ColumnRange {
    return this.#facts.columns[COLUMN_KINDS.indexOf(kind)]!
  }

  #has(kind: ColumnKind): boolean {
    return this.#range(kind).rawBytes > 0
  }

  #what(kind: ColumnKind): string {
    return `segment ${this.#key}: block ${this.#facts.index}: ${kind}`
  }

  #raw(kind: ColumnKind): Buffer {
    const range = this.#range(kind)
    if (range.rawBytes === 0) return EMPTY
    const stored = this.#fetched[kind]
    if (stored === undefined) throw new Error(`${this.#what(kind)} was not fetched`)
    if (stored.length !== range.storedBytes) throw corrupt(this.#what(kind), `${stored.length} bytes were read, not ${range.storedBytes}`)
    if (zlib.crc32(stored) !== range.crc32) throw corrupt(this.#what(kind), 'checksum does not match')
    return decompressColumn(range.encoding, stored, range.rawBytes, this.#what(kind), kind === 'lines' ? linesRoom : codesRoom)
  }
}

export function blockBounds({ baseNs, chunks }: BlockFacts): { readonly minNs: TimeNs; readonly maxNs: TimeNs } {
  let min = Infinity
  let max = 0
  for (const chunk of chunks) {
    min = Math.min(min, chunk.minRelativeNs)
    max = Math.max(max, chunk.maxRelativeNs)
  }
  return { minNs: baseNs + BigInt(chunks.length === 0 ? 0 : min), maxNs: baseNs + BigInt(max) }
}
