/**
 * A segment's footer: everything about an object but the entries. Written by the encoder, read by every reader with one ranged read of the tail.
 *
 * `encodeFooter` and `decodeFooter` are each other's inverse; docs/format.md has the layout. Nothing here does I/O.
 */
import zlib from 'node:zlib'
import type { Sequence, TenantId, TimeNs } from '../protocols/model.ts'
import { BLOCK_ROWS_MAX, type BlockChunk } from './block-rows.ts'
import { ByteReader, ByteWriter, corrupt } from './column-bytes.ts'
import { compressColumn, decompressColumn, CHUNK_ENCODINGS } from './column-codec.ts'
import { decodePlanes, encodePlanes } from './column-numbers.ts'
import { readTexts, writeTexts } from './column-metadata.ts'
import { LabelPostings, writePostings } from './postings.ts'
import { pageBytesOf } from './filter-build.ts'
import type { FilterFacts } from './filter-read.ts'
import {
  type AppliedId,
  COLUMN_KINDS,
  type ColumnRange,
  FILTER_BITS_LOG2_MAX,
  FILTER_BITS_LOG2_MIN,
  FILTER_PAGES,
  RAW_BYTES_MAX,
  SEGMENT_MAGIC,
  SEGMENT_VERSION,
  WORD_HASHES_OF,
  TAIL_BYTES,
} from './segment-format.ts'
import type { Labels } from '../protocols/model.ts'

/** Resolution of chunk times within a block. */
const CHUNK_TICKS = 4096
const ZSTD = CHUNK_ENCODINGS.indexOf('zstd')

export interface BlockFacts {
  /** Position in the segment, over all tenants. */
  readonly index: number
  readonly baseNs: TimeNs
  readonly rowCount: number
  readonly lineBytes: number
  readonly chunks: ReadonlyArray<Readonly<BlockChunk>>
  /** In the order of COLUMN_KINDS. */
  readonly columns: ReadonlyArray<ColumnRange>
  /** Its filter has 2^this bits. */
  readonly filterBitsLog2: number
}

export interface StreamReceived {
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
}

export interface SectionFacts {
  readonly tenant: TenantId
  /** Per stream, in label order. */
  readonly received: ReadonlyArray<StreamReceived>
  readonly blocks: ReadonlyArray<BlockFacts>
}

interface FooterFacts {
  readonly partition: number
  readonly first: Sequence
  readonly last: Sequence
  readonly rowCount: number
  readonly lineBytes: number
  readonly minNs: TimeNs
  readonly maxNs: TimeNs
  readonly pushIds: ReadonlyArray<AppliedId>
  readonly recordIds: ReadonlyArray<AppliedId>
}

export interface FooterInput extends FooterFacts {
  readonly sections: ReadonlyArray<SectionFacts & { readonly streams: ReadonlyArray<Labels> }>
}

export interface SectionFooter extends SectionFacts {
  readonly postings: LabelPostings
}

export interface SegmentFooter extends FooterFacts {
  readonly sections: ReadonlyArray<SectionFooter>
  /** The footer as stored, tail included. */
  readonly footerBytes: number
  /** Where the footer begins: columns and filters lie before it. */
  readonly footerOffset: number
  /** Of all blocks, by their index. */
  readonly filters: FilterFacts
}

/** The object's last bytes: compressed footer and tail. */
export function encodeFooter(footer: FooterInput): Buffer {
  const texts = new Set<string>()
  for (const section of footer.sections) {
    texts.add(section.tenant)
    for (const labels of section.streams) for (const pair of labels) texts.add(pair[0]).add(pair[1])
  }
  const sortedTexts = [...texts].sort()
  const ids = new Map(sortedTexts.map((text, id) => [text, id]))
  const idOf = (text: string): number => ids.get(text)!
  const out = new ByteWriter(1 << 16)
  for (const value of [footer.partition, footer.first, footer.last, footer.rowCount, footer.lineBytes]) out.varint(value)
  out.i64(footer.minNs)
  out.i64(footer.maxNs)
  writeTexts(out, sortedTexts)
  out.varint(footer.sections.length)
  for (const section of footer.sections) {
    out.varint(idOf(section.tenant))
    writeReceived(out, section.received)
    writePostings(out, section.streams, idOf)
    out.varint(section.blocks.length)
    for (const block of section.blocks) writeBlock(out, block)
  }
  writeIds(out, footer.pushIds)
  writeIds(out, footer.recordIds)
  return sealed(out.view())
}

function sealed(raw: Buffer): Buffer {
  const stored = compressColumn('zstd', raw).stored
  const tail = new ByteWriter(TAIL_BYTES)
  tail.u32(stored.length)
  tail.u32(raw.length)
  tail.u32(zlib.crc32(stored))
  tail.u32(SEGMENT_VERSION)
  tail.bytes(SEGMENT_MAGIC)
  return Buffer.concat([stored, tail.view()])
}

function writeReceived(out: ByteWriter, received: ReadonlyArray<StreamReceived>): void {
  out.varint(received.length)
  let previousMs = 0
  for (const { receivedMinMs, receivedMaxMs } of received) {
    out.signed(receivedMinMs - previousMs)
    out.varint(receivedMaxMs - receivedMinMs)
    previousMs = receivedMinMs
  }
}

/**
 * Chunks of a block are of consecutive streams, so only the first one's position is written. Their times are rounded outward to a few thousandths of the
 * block's span: they only decide what is read, and exact ones would be most of the footer of a segment of many small streams.
 */
function writeBlock(out: ByteWriter, block: BlockFacts): void {
  const { chunks } = block
  const tickNs = Math.max(1, Math.ceil(Math.max(...chunks.map((chunk) => chunk.maxRelativeNs)) / CHUNK_TICKS))
  const minTicks = Uint32Array.from(chunks, (chunk) => Math.floor(chunk.minRelativeNs / tickNs))
  out.i64(block.baseNs)
  out.varint(chunks[0]!.stream)
  out.varint(chunks.length)
  out.varint(tickNs)
  out.bytes(encodePlanes(Uint32Array.from(chunks, (chunk) => chunk.rowCount)))
  out.bytes(encodePlanes(Uint32Array.from(chunks, (chunk) => chunk.lineBytes)))
  out.bytes(encodePlanes(minTicks))
  out.bytes(encodePlanes(Uint32Array.from(chunks, (chunk, i) => Math.ceil(chunk.maxRelativeNs / tickNs) - minTicks[i]!)))
  for (const column of block.columns) {
    out.varint(column.rawBytes)
    if (column.rawBytes === 0) continue
    out.u8(column.encoding)
    out.varint(column.storedBytes)
    out.u32(column.crc32)
  }
  out.u8(block.filterBitsLog2)
}

function writeIds(out: ByteWriter, ids: ReadonlyArray<AppliedId>): void {
  out.varint(ids.length)
  for (const { tenant, id, sequence } of ids) {
    out.text(tenant)
    out.text(id)
    out.varint(sequence)
  }
}

/** Length of footer and tail, from the object's last bytes (at least TAIL_BYTES of them). */
export function footerLength(end: Buffer, what: string): number {
  return readTail(end, what).storedBytes + TAIL_BYTES
}

function readTail(end: Buffer, what: string): { readonly storedBytes: number; readonly rawBytes: number; readonly crc32: number; readonly version: number } {
  if (end.length < TAIL_BYTES) throw corrupt(what, 'is shorter than its tail')
  const tail = new ByteReader(end.subarray(end.length - TAIL_BYTES), what)
  const [storedBytes, rawBytes, crc32, version] = [tail.u32(), tail.u32(), tail.u32(), tail.u32()]
  if (!tail.bytes(SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC)) throw corrupt(what, 'does not end as a segment does')
  if (WORD_HASHES_OF[version] === undefined) throw corrupt(what, `has format version ${version}; this program reads up to ${SEGMENT_VERSION}`)
  if (rawBytes > RAW_BYTES_MAX) throw corrupt(what, `has a footer of ${rawBytes} bytes; the limit is ${RAW_BYTES_MAX}`)
  return { storedBytes, rawBytes, crc32, version }
}

/** `end` is the end of the object and holds at least the whole footer; `objectBytes` is the object's size. */
export function decodeFooter(end: Buffer, objectBytes: number, key: string): SegmentFooter {
  const what = `segment ${key}: footer`
  const tail = readTail(end, what)
  const footerBytes = tail.storedBytes + TAIL_BYTES
  if (footerBytes > end.length) throw corrupt(what, `has ${footerBytes} bytes, of which ${end.length} are there`)
  const stored = end.subarray(end.length - footerBytes, end.length - TAIL_BYTES)
  if (zlib.crc32(stored) !== tail.crc32) throw corrupt(what, 'checksum does not match')
  const raw = decompressColumn(stored.length === tail.rawBytes ? 0 : ZSTD, stored, tail.rawBytes, what)
  const input = new ByteReader(raw, what)
  const [partition, first, last, rowCount, lineBytes] = [input.varint(), input.varint(), input.varint(), input.varint(), input.varint()]
  const [minNs, maxNs] = [input.i64(), input.i64()]
  const texts = readTexts(input)
  const sections: SectionDraft[] = []
  for (let left = input.count(), index = 0; left > 0; left--) {
    const section = readSection(input, texts, index)
    index += section.blocks.length
    sections.push(section)
  }
  const pushIds = readIds(input)
  const recordIds = readIds(input)
  input.end()
  const footerOffset = objectBytes - footerBytes
  const filters = { ...placed(sections, footerOffset, what), wordHashes: WORD_HASHES_OF[tail.version]! }
  return { partition, first, last, rowCount, lineBytes, minNs, maxNs, pushIds, recordIds, sections, footerBytes, footerOffset, filters }
}

interface ColumnDraft extends ColumnRange {
  offset: number
}
interface SectionDraft extends SectionFooter {
  readonly blocks: ReadonlyArray<BlockFacts & { readonly columns: ReadonlyArray<ColumnDraft> }>
}

function readSection(input: ByteReader, texts: ReadonlyArray<string>, firstIndex: number): SectionDraft {
  const tenant = texts[input.below(texts.length)]! as TenantId
  const received: StreamReceived[] = []
  let previousMs = 0
  for (let left = input.count(2); left > 0; left--) {
    const receivedMinMs = previousMs + input.signed()
    received.push({ receivedMinMs, receivedMaxMs: receivedMinMs + input.varint() })
    previousMs = receivedMinMs
  }
  const postings = LabelPostings.read(input, received.length, texts)
  const blocks = Array.from({ length: input.count(8) }, (_, i) => readBlock(input, received.length, firstIndex + i))
  return { tenant, received, postings, blocks }
}

function readBlock(input: ByteReader, streamCount: number, index: number): BlockFacts & { readonly columns: ReadonlyArray<ColumnDraft> } {
  const baseNs = input.i64()
  const firstStream = input.varint()
  const count = input.below(BLOCK_ROWS_MAX + 1)
  const tickNs = input.varint()
  const [rows, bytes, minTicks, spanTicks] = [readPlanes(input, count), readPlanes(input, count), readPlanes(input, count), readPlanes(input, count)]
  const chunks: BlockChunk[] = []
  let rowCount = 0
  let lineBytes = 0
  for (let i = 0; i < count; i++) {
    const minRelativeNs = minTicks[i]! * tickNs
    chunks.push({ stream: firstStream + i, rowCount: rows[i]!, lineBytes: bytes[i]!, minRelativeNs, maxRelativeNs: minRelativeNs + spanTicks[i]! * tickNs })
    rowCount += rows[i]!
    lineBytes += bytes[i]!
  }
  if (firstStream + chunks.length > streamCount) input.fail('a block has streams that are not there')
  if (rowCount > BLOCK_ROWS_MAX) input.fail(`a block has ${rowCount} rows`)
  const columns = COLUMN_KINDS.map(() => readColumn(input))
  const filterBitsLog2 = input.u8()
  if (filterBitsLog2 < FILTER_BITS_LOG2_MIN || filterBitsLog2 > FILTER_BITS_LOG2_MAX) input.fail(`a block's filter has 2^${filterBitsLog2} bits`)
  return { index, baseNs, rowCount, lineBytes, chunks, columns, filterBitsLog2 }
}

function readPlanes(input: ByteReader, count: number): Uint32Array {
  const from = input.offset
  const width = input.u8()
  input.offset = from
  return decodePlanes(input.bytes(1 + width * count), count, input.what)
}

function readColumn(input: ByteReader): ColumnDraft {
  const rawBytes = input.varint()
  if (rawBytes > RAW_BYTES_MAX) input.fail(`a column has ${rawBytes} bytes`)
  if (rawBytes === 0) return { offset: 0, storedBytes: 0, rawBytes: 0, encoding: 0, crc32: 0 }
  return { offset: 0, rawBytes, encoding: input.u8(), storedBytes: input.varint(), crc32: input.u32() }
}

function readIds(input: ByteReader): AppliedId[] {
  return Array.from({ length: input.count(3) }, () => ({ tenant: input.text() as TenantId | '', id: input.text(), sequence: input.varint() }))
}

/** Columns lie one after the other, kind by kind, then the filters: offsets follow from lengths. */
function placed(sections: ReadonlyArray<SectionDraft>, end: number, what: string): Omit<FilterFacts, 'wordHashes'> {
  const blocks = sections.flatMap((section) => section.blocks)
  let offset = SEGMENT_MAGIC.length
  for (const kind of COLUMN_KINDS.keys()) {
    for (const block of blocks) {
      const column = block.columns[kind]!
      column.offset = offset
      offset += column.storedBytes
    }
  }
  const bitsLog2 = blocks.map((block) => block.filterBitsLog2)
  const dataEnd = offset + pageBytesOf(bitsLog2) * FILTER_PAGES
  if (dataEnd !== end) throw corrupt(what, `begins at ${end}, but what lies before it ends at ${dataEnd}`)
  return { offset, bitsLog2 }
}
