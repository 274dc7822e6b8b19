/**
 * Finds the lines of a Loki `PushRequest` in one walk over its bytes: offsets, lengths, times and metadata ranges into columns.
 *
 * The gateway calls it for each push, the partition's owner again for records that it did not publish itself; both get the same rows in the
 * same order. It copies no line and makes no object, string or BigInt per line. It does not judge labels or limits (validate.ts does).
 *
 * Message shapes (field numbers): PushRequest{1 streams}, stream{1 labels, 2 entries, 3 hash}, entry{1 timestamp, 2 line,
 * 3 structured metadata, 4 parsed}, timestamp{1 seconds, 2 nanos}, pair{1 name, 2 value}.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { RELATIVE_NS_MAX } from '../model.ts'
import type { TimeNs } from '../model.ts'
import type { PushBatch, PushStream } from './batch.ts'
import { PushEncoder } from './encode-protobuf.ts'
import { WireReader, malformed, truncated, wrongWireType } from './protobuf-wire.ts'
import { sortRows } from './sort-rows.ts'

/** Times that fit int64 nanoseconds, in whole seconds (years 1677 to 2262); others cannot be represented by any Loki client's query. */
const SECONDS_LIMIT = 9_223_372_036
const LAST_SECOND_NANOS_MAX = 854_775_807
/** Rows that the scratch columns start with; they grow by doubling and are kept for the next push. */
const ROWS_INITIAL = 16_384
/** Most entries of one push. An empty entry is 2 bytes of body and 28 of columns, so a body's size alone would not bound memory. */
const PUSH_ROWS_MAX = 4_194_304
/** Scratch columns larger than this many rows are given back after the push that needed them. */
const ROWS_KEPT_MAX = 1_048_576
/** Width of the time slots into which a push that spans more than `RELATIVE_NS_MAX` is split, whole seconds. */
const SLOT_SECONDS = 64 * 86_400

const ENTRY_TAG = 0x12
const TIME_TAG = 0x0a
const LINE_TAG = 0x12
const METADATA_TAG = 0x1a

/** Raised inside the walk when offsets from one base time would not be exact. */
class SpanTooWide extends Error {}

/**
 * Decodes a push of which all times lie within `RELATIVE_NS_MAX` of each other, which holds for every body in the WAL.
 * Throws `malformed_body`; a wider push is `decodePushBatches`' job and a plain Error here.
 */
export function decodePushRequest(body: Buffer): PushBatch {
  const { relativeNs, starts, lengths, metadataStarts, metadataEnds, ...rest } = decodePushInPlace(body)
  return { ...rest, relativeNs: relativeNs.slice(), starts: starts.slice(), lengths: lengths.slice(), metadataStarts: metadataStarts?.slice() ?? null, metadataEnds: metadataEnds?.slice() ?? null }
}

/** The same for whoever copies the rows at once: the columns are the decoder's own, and hold until it decodes the next push. */
export function decodePushInPlace(body: Buffer): PushBatch {
  return new PushWalk(body).run()
}

/** Decodes what a client sent. Almost always one batch; a push that spans more than 90 days becomes one batch, with a body of its own, per 64 days. */
export function decodePushBatches(body: Buffer): ReadonlyArray<PushBatch> {
  try {
    return [decodePushRequest(body)]
  } catch (error) {
    if (error instanceof SpanTooWide) return splitBySlot(body).map(decodePushRequest)
    throw error
  }
}

let scratchRows = ROWS_INITIAL
let scratchTimes = new Float64Array(ROWS_INITIAL)
let scratchStarts = new Uint32Array(ROWS_INITIAL)
let scratchLengths = new Uint32Array(ROWS_INITIAL)
let scratchMetadataStarts = new Uint32Array(ROWS_INITIAL)
let scratchMetadataEnds = new Uint32Array(ROWS_INITIAL)

function resizeScratch(rows: number): void {
  const keep = Math.min(rows, scratchRows)
  const grow = <T extends Float64Array | Uint32Array>(old: T, fresh: T): T => {
    fresh.set(old.subarray(0, keep))
    return fresh
  }
  scratchTimes = grow(scratchTimes, new Float64Array(rows))
  scratchStarts = grow(scratchStarts, new Uint32Array(rows))
  scratchLengths = grow(scratchLengths, new Uint32Array(rows))
  scratchMetadataStarts = grow(scratchMetadataStarts, new Uint32Array(rows))
  scratchMetadataEnds = grow(scratchMetadataEnds, new Uint32Array(rows))
  scratchRows = rows
}

function growScratch(rows: number): void {
  if (rows >= PUSH_ROWS_MAX) throw new SkaldError('body_too_large', `request body too large: more than ${PUSH_ROWS_MAX} entries in one push`)
  resizeScratch(scratchRows * 2)
}

/** What the walk knows of the stream that it is in. */
interface OpenStream {
  labelsText: string
  lineBytes: number
  metadataBytes: number
  minNs: number
  maxNs: number
  lastNs: number
  sorted: boolean
}

class PushWalk {
  readonly #body: Buffer
  readonly #reader: WireReader
  readonly #streams: PushStream[] = []
  readonly #unsorted: PushStream[] = []
  #rows = 0
  #baseSeconds = 0

  constructor(body: Buffer) {
    this.#body = body
    this.#reader = new WireReader(body)
  }

  run(): PushBatch {
    metadataSeen = false
    const reader = this.#reader
    while (reader.at < reader.end) {
      const fieldFrom = reader.at
      const tag = reader.varint()
      if (tag === 0x0a) this.#stream(fieldFrom)
      else if (tag >>> 3 === 1) throw wrongWireType(tag & 7, 'Streams')
      else if (tag >>> 3 === 2 && tag !== 0x12) throw wrongWireType(tag & 7, 'Format')
      else reader.skip(tag, 'PushRequest')
    }
    return this.#batch()
  }

  #stream(fieldFrom: number): void {
    const reader = this.#reader
    const from = reader.lengthDelimited()
    const end = reader.at
    const rowFrom = this.#rows
    const stream: OpenStream = { labelsText: '', lineBytes: 0, metadataBytes: 0, minNs: Infinity, maxNs: -Infinity, lastNs: -Infinity, sorted: true }
    let at = from
    while (at < end) {
      if (this.#body[at] === ENTRY_TAG) {
        at = this.#entries(at, end, stream)
        continue
      }
      at = this.#streamField(at, end, stream)
    }
    reader.at = end
    this.#close(stream, rowFrom, fieldFrom, end)
  }

  /** Any field of a stream but an entry; returns where the next one begins. */
  #streamField(at: number, end: number, stream: OpenStream): number {
    const inner = new WireReader(this.#body, at, end)
    const tag = inner.varint()
    if (tag === 0x0a) {
      const from = inner.lengthDelimited()
      stream.labelsText = this.#body.toString('utf8', from, inner.at)
    } else if (tag >>> 3 === 1) throw wrongWireType(tag & 7, 'Labels')
    else if (tag >>> 3 === 2) throw wrongWireType(tag & 7, 'Entries')
    else if (tag >>> 3 === 3 && tag !== 0x18) throw wrongWireType(tag & 7, 'Hash')
    else inner.skip(tag, 'StreamAdapter')
    return inner.at
  }

  #close(stream: OpenStream, rowFrom: number, byteFrom: number, byteTo: number): void {
    const empty = this.#rows === rowFrom
    const closed: PushStream = {
      labelsText: stream.labelsText,
      rowFrom,
      rowTo: this.#rows,
      byteFrom,
      byteTo,
      minRelativeNs: empty ? 0 : stream.minNs,
      maxRelativeNs: empty ? 0 : stream.maxNs,
      lineBytes: stream.lineBytes,
      metadataBytes: stream.metadataBytes,
    }
    this.#streams.push(closed)
    if (!stream.sorted) this.#unsorted.push(closed)
  }

  /** Hot: a run of entry fields, from the tag of the first. Returns the first byte that is not an entry of this stream. */
  #entries(at: number, end: number, stream: OpenStream): number {
    const body = this.#body
    let p = at
    let row = this.#rows
    let { minNs, maxNs, lastNs, lineBytes, metadataBytes } = stream
    if (row === 0) this.#baseSeconds = firstSeconds(body, p, end)
    const baseSeconds = this.#baseSeconds
    while (p < end && body[p] === ENTRY_TAG) {
      const length = readLength(body, p + 1, end)
      const from = lengthEnd
      p = from + length
      if (p > end) throw truncated()
      if (row >= scratchRows) growScratch(row)
      metadataBytes += readEntry(body, from, p, row)
      const relative = (timeSeconds - baseSeconds) * 1e9 + timeNanos
      if (relative < lastNs) stream.sorted = false
      if (relative < minNs) minNs = relative
      if (relative > maxNs) maxNs = relative
      lastNs = relative
      scratchTimes[row] = relative
      lineBytes += scratchLengths[row]!
      row++
    }
    this.#rows = row
    Object.assign(stream, { minNs, maxNs, lastNs, lineBytes, metadataBytes })
    return p
  }

  #batch(): PushBatch {
    const rows = this.#rows
    for (const stream of this.#streams) {
      if (stream.minRelativeNs < -RELATIVE_NS_MAX || stream.maxRelativeNs > RELATIVE_NS_MAX) throw new SpanTooWide('times of one push span more than 90 days')
    }
    const batch = {
      body: this.#body,
      streams: this.#streams,
      rowCount: rows,
      baseNs: BigInt(this.#baseSeconds) * 1_000_000_000n as TimeNs,
      relativeNs: scratchTimes.subarray(0, rows),
      starts: scratchStarts.subarray(0, rows),
      lengths: scratchLengths.subarray(0, rows),
      metadataStarts: metadataSeen ? scratchMetadataStarts.subarray(0, rows) : null,
      metadataEnds: metadataSeen ? scratchMetadataEnds.subarray(0, rows) : null,
    }
    for (const stream of this.#unsorted) sortRows(batch, stream.rowFrom, stream.rowTo)
    if (scratchRows > ROWS_KEPT_MAX) resizeScratch(ROWS_INITIAL)
    return batch
  }
}

// What the small readers of the hot loop give back besides their value: no object is made for it.
let lengthEnd = 0
let timeSeconds = 0
let timeNanos = 0
let metadataSeen = false

/** Hot. The length at `at`; `lengthEnd` is then where the content begins. */
function readLength(body: Buffer, at: number, end: number): number {
  const first = body[at]!
  if (first < 0x80) {
    lengthEnd = at + 1
    return first
  }
  const second = body[at + 1]!
  if (second < 0x80) {
    lengthEnd = at + 2
    return (first & 0x7f) | (second << 7)
  }
  const reader = new WireReader(body, at, end)
  const length = reader.varint()
  lengthEnd = reader.at
  return length
}

/** Hot. Reads one entry into row `row` of the scratch columns and `timeSeconds`, `timeNanos`; returns the size of its metadata. */
function readEntry(body: Buffer, from: number, to: number, row: number): number {
  let lineFrom = 0
  let lineLength = 0
  let metadataFrom = 0
  let metadataTo = 0
  let metadataBytes = 0
  let timeSeen = false
  timeSeconds = timeNanos = 0
  for (let p = from; p < to; ) {
    const tag = body[p]!
    if (tag !== LINE_TAG && tag !== TIME_TAG && tag !== METADATA_TAG) {
      p = skipEntryField(body, p, to)
      continue
    }
    const fieldFrom = p
    const size = readLength(body, p + 1, to)
    const contentFrom = lengthEnd
    p = contentFrom + size
    if (p > to) throw truncated()
    if (tag === LINE_TAG) {
      if (lineFrom !== 0) throw givenTwice('Line')
      lineFrom = contentFrom
      lineLength = size
    } else if (tag === TIME_TAG) {
      if (timeSeen) throw givenTwice('Timestamp')
      timeSeen = true
      readTime(body, contentFrom, p)
    } else {
      if (metadataTo === 0) metadataFrom = fieldFrom
      metadataSeen = true
      metadataTo = p
      metadataBytes += pairBytes(body, contentFrom, p)
    }
  }
  scratchStarts[row] = lineFrom
  scratchLengths[row] = lineLength
  scratchMetadataStarts[row] = metadataFrom
  scratchMetadataEnds[row] = metadataTo
  return metadataBytes
}

/** Hot. `08 seconds [10 nanos]` with seconds in five bytes is what every clock of this century gives; the rest goes the long way. */
function readTime(body: Buffer, from: number, to: number): void {
  if (to - from < 6 || body[from] !== 0x08 || body[from + 5]! >= 0x80 || (body[from + 1]! & body[from + 2]! & body[from + 3]! & body[from + 4]! & 0x80) === 0) {
    return readAnyTime(body, from, to)
  }
  timeSeconds = (body[from + 1]! & 0x7f) + ((body[from + 2]! & 0x7f) << 7) + ((body[from + 3]! & 0x7f) << 14) + ((body[from + 4]! & 0x7f) << 21) + body[from + 5]! * 0x1000_0000
  if (to === from + 6) return
  let nanos = 0
  let p = from + 7
  for (let shift = 0; p < to && shift < 35; shift += 7) {
    const byte = body[p++]!
    nanos += shift < 28 ? (byte & 0x7f) << shift : (byte & 0x7f) * 0x1000_0000
    if (byte < 0x80) break
  }
  if (p !== to || body[from + 6] !== 0x10 || body[to - 1]! >= 0x80 || nanos >= 1e9) return readAnyTime(body, from, to)
  timeNanos = nanos
}

function readAnyTime(body: Buffer, from: number, to: number): void {
  const time = readTimestamp(body, from, to)
  timeSeconds = time.seconds
  timeNanos = time.nanos
}

/**
 * A field that protobuf would let the last of win. Refused, because a metadata range may span it and be copied into another message after the line
 * that won; no encoder writes one.
 */
const givenTwice = (name: string): SkaldError => malformed(`proto: EntryAdapter: field ${name} given twice`)

/** The first entry's whole seconds: the base time of the batch. */
function firstSeconds(body: Buffer, at: number, end: number): number {
  const reader = new WireReader(body, at, end)
  reader.varint()
  const from = reader.lengthDelimited()
  const entry = new WireReader(body, from, reader.at)
  let seconds = 0
  while (entry.at < entry.end) {
    const tag = entry.varint()
    if (tag === 0x0a) {
      const timeFrom = entry.lengthDelimited()
      seconds = readTimestamp(body, timeFrom, entry.at).seconds
    } else entry.skip(tag, 'EntryAdapter')
  }
  return seconds
}

function readTimestamp(body: Buffer, from: number, to: number): { seconds: number; nanos: number } {
  const reader = new WireReader(body, from, to)
  let seconds = 0
  let nanos = 0
  while (reader.at < to) {
    const tag = reader.varint()
    if (tag === 0x08) seconds = Number(reader.int64())
    else if (tag === 0x10) nanos = Number(reader.int64())
    else if (tag >>> 3 === 1) throw wrongWireType(tag & 7, 'Seconds')
    else if (tag >>> 3 === 2) throw wrongWireType(tag & 7, 'Nanos')
    else reader.skip(tag, 'Timestamp')
  }
  if (nanos < 0 || nanos >= 1e9) throw malformed(`timestamp: seconds:${seconds} nanos:${nanos}: nanos not in range [0, 1e9)`)
  if (seconds < -SECONDS_LIMIT || seconds > SECONDS_LIMIT || (seconds === SECONDS_LIMIT && nanos > LAST_SECOND_NANOS_MAX)) throw malformed(`timestamp: seconds:${seconds} nanos:${nanos}: outside the years 1678 to 2261`)
  return { seconds, nanos }
}

/** Bytes of a metadata pair's name and value: what Loki counts as its size. */
function pairBytes(body: Buffer, from: number, to: number): number {
  let p = from
  let bytes = 0
  while (p < to) {
    const tag = body[p]!
    const size = body[p + 1]!
    if ((tag === 0x0a || tag === 0x12) && size < 0x80 && p + 2 + size <= to) {
      bytes += size
      p += 2 + size
      continue
    }
    const reader = new WireReader(body, p, to)
    const long = reader.varint()
    if (long === 0x0a || long === 0x12) {
      const content = reader.lengthDelimited()
      bytes += reader.at - content
    } else if (long >>> 3 === 1) throw wrongWireType(long & 7, 'Name')
    else if (long >>> 3 === 2) throw wrongWireType(long & 7, 'Value')
    else reader.skip(long, 'LabelPairAdapter')
    p = reader.at
  }
  return bytes
}

function skipEntryField(body: Buffer, at: number, end: number): number {
  const reader = new WireReader(body, at, end)
  const tag = reader.varint()
  const field = tag >>> 3
  // 4 is `parsed`: never stored, but its type is checked as Loki does.
  if (field === 1 || field === 2 || field === 3 || (field === 4 && tag !== 0x22)) {
    throw wrongWireType(tag & 7, ['Timestamp', 'Line', 'StructuredMetadata', 'Parsed'][field - 1]!)
  }
  reader.skip(tag, 'EntryAdapter')
  return reader.at
}

/** Re-encodes a push into one body per time slot, streams and entries in their old order. Slow; only for pushes that span months. */
function splitBySlot(body: Buffer): Buffer[] {
  const slots = new Map<number, PushEncoder>()
  const reader = new WireReader(body)
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag !== 0x0a) {
      reader.skip(tag, 'PushRequest')
      continue
    }
    const from = reader.lengthDelimited()
    splitStream(body, from, reader.at, slots)
  }
  return [...slots.entries()].sort(([a], [b]) => a - b).map(([, encoder]) => encoder.finish())
}

function splitStream(body: Buffer, from: number, to: number, slots: Map<number, PushEncoder>): void {
  const used = new Set<PushEncoder>()
  let labels = ''
  const reader = new WireReader(body, from, to)
  while (reader.at < to) {
    const fieldFrom = reader.at
    const tag = reader.varint()
    if (tag === 0x0a) {
      const labelsFrom = reader.lengthDelimited()
      labels = body.toString('utf8', labelsFrom, reader.at)
    } else if (tag === 0x12) {
      reader.lengthDelimited()
      const slot = Math.floor(firstSeconds(body, fieldFrom, to) / SLOT_SECONDS)
      const encoder = slots.get(slot) ?? new PushEncoder()
      slots.set(slot, encoder)
      encoder.entryField(body, fieldFrom, reader.at)
      used.add(encoder)
    } else reader.skip(tag, 'StreamAdapter')
  }
  for (const encoder of used) encoder.endStream(labels)
}
