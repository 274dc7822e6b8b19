/**
 * Writes Loki `PushRequest` messages: what JSON and OTLP pushes are transcoded to, and what is left of a push after refusals, truncation or
 * a split by partition.
 *
 * Appends to growing buffers; what stays as it was is copied as whole byte ranges (a stream, an entry). It decides nothing.
 */
import type { PushBatch } from './batch.ts'

const INITIAL_BYTES = 65_536

/** A buffer that grows by doubling. */
export class ByteSink {
  bytes: Buffer
  length = 0

  constructor(initialBytes = INITIAL_BYTES) {
    this.bytes = Buffer.allocUnsafe(initialBytes)
  }

  /** Makes room for `extra` bytes and returns where they go; the caller fills them. Read `bytes` after it: it may be another buffer. */
  reserve(extra: number): number {
    const at = this.length
    const needed = at + extra
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, at)
      this.bytes = grown
    }
    this.length = needed
    return at
  }

  copy(source: Buffer, from: number, to: number): void {
    const at = this.reserve(to - from)
    source.copy(this.bytes, at, from, to)
  }

  text(value: string): void {
    const at = this.reserve(value.length * 3)
    this.length = at + this.bytes.write(value, at)
  }

  varint(value: number): void {
    const at = this.reserve(varintSize(value))
    putVarint(this.bytes, at, value)
  }

  /** Tag, length and content of a length-delimited field. */
  field(tag: number, source: Buffer, from: number, to: number): void {
    this.varint(tag)
    this.varint(to - from)
    this.copy(source, from, to)
  }

  view(): Buffer {
    return this.bytes.subarray(0, this.length)
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++
  return size
}

/** Bytes of a timestamp message. Negative seconds (before 1970) take the ten bytes that protobuf gives negative numbers. */
const timestampSize = (seconds: number, nanos: number): number =>
  (seconds === 0 ? 0 : 1 + (seconds < 0 ? 10 : varintSize(seconds))) + (nanos === 0 ? 0 : 1 + varintSize(nanos))

/** Collects entries, then closes them into a stream, as often as needed; `finish` gives the message. */
export class PushEncoder {
  readonly #out = new ByteSink()
  #entries = new ByteSink()

  /** True while nothing was added since the last stream was closed. */
  get streamIsEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** One entry of the open stream. `metadata` is ready-made fields (tag 3); empty for none. `nanos` is below 10^9. */
  entry(seconds: number, nanos: number, line: Buffer, lineFrom: number, lineTo: number, metadata: Buffer | null, metadataFrom: number, metadataTo: number): void {
    const timeBytes = timestampSize(seconds, nanos)
    const lineBytes = lineTo - lineFrom
    const metadataBytes = metadata === null ? 0 : metadataTo - metadataFrom
    const content = 2 + timeBytes + 1 + varintSize(lineBytes) + lineBytes + metadataBytes
    const sink = this.#entries
    let at = sink.reserve(1 + varintSize(content) + content)
    const out = sink.bytes
    out[at] = 0x12
    at = putVarint(out, at + 1, content)
    out[at] = 0x0a
    out[at + 1] = timeBytes
    at = putTimestamp(out, at + 2, seconds, nanos)
    out[at] = 0x12
    at = putVarint(out, at + 1, lineBytes)
    if (lineBytes > 0) line.copy(out, at, lineFrom, lineTo)
    if (metadata !== null && metadataBytes > 0) metadata.copy(out, at + lineBytes, metadataFrom, metadataTo)
  }

  /** One row of a decoded push as an entry of the open stream. */
  row(batch: PushBatch, row: number): void {
    const relative = batch.relativeNs[row]!
    const seconds = Math.floor(relative / 1e9)
    const from = batch.starts[row]!
    const { body, metadataStarts, metadataEnds } = batch
    // A batch's base is a whole second.
    const baseSeconds = Number(batch.baseNs / 1_000_000_000n)
    this.entry(baseSeconds + seconds, relative - seconds * 1e9, body, from, from + batch.lengths[row]!, metadataStarts === null ? null : body, metadataStarts?.[row] ?? 0, metadataEnds?.[row] ?? 0)
  }

  /** One entry of the open stream, copied with its tag and length from a message. */
  entryField(source: Buffer, from: number, to: number): void {
    this.#entries.copy(source, from, to)
  }

  /** Writes the open stream under its labels and opens the next. */
  endStream(labelsText: string): void {
    const labels = Buffer.from(labelsText)
    const entries = this.#entries
    this.#out.varint(0x0a)
    this.#out.varint(1 + varintSize(labels.length) + labels.length + entries.length)
    this.#out.field(0x0a, labels, 0, labels.length)
    this.#out.copy(entries.bytes, 0, entries.length)
    entries.length = 0
  }

  /** A closed stream, copied with its tag and length from a message. */
  streamField(source: Buffer, from: number, to: number): void {
    this.#out.copy(source, from, to)
  }

  /** The message. The encoder must not be used afterwards. */
  finish(): Buffer {
    return this.#out.view()
  }
}

/** Writes a varint at `at` and returns the place behind it; the caller has made room. */
function putVarint(out: Buffer, at: number, value: number): number {
  let rest = value
  let to = at
  while (rest >= 0x80) {
    out[to++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  out[to] = rest
  return to + 1
}

function putTimestamp(out: Buffer, at: number, seconds: number, nanos: number): number {
  let to = at
  if (seconds !== 0) {
    out[to] = 0x08
    to = seconds > 0 ? putVarint(out, to + 1, seconds) : putNegative(out, to + 1, seconds)
  }
  if (nanos === 0) return to
  out[to] = 0x10
  return putVarint(out, to + 1, nanos)
}

/** A negative int64 as its ten bytes. */
function putNegative(out: Buffer, at: number, value: number): number {
  let rest = BigInt.asUintN(64, BigInt(value))
  for (let i = 0; i < 10; i++, rest >>= 7n) out[at + i] = Number(rest & 0x7fn) | (i < 9 ? 0x80 : 0)
  return at + 10
}

/** One metadata pair as a field of an entry. */
export function writeMetadataPair(out: ByteSink, name: string, value: string): void {
  const nameBytes = Buffer.byteLength(name)
  const valueBytes = Buffer.byteLength(value)
  out.varint(0x1a)
  out.varint(1 + varintSize(nameBytes) + nameBytes + 1 + varintSize(valueBytes) + valueBytes)
  out.varint(0x0a)
  out.varint(nameBytes)
  out.text(name)
  out.varint(0x12)
  out.varint(valueBytes)
  out.text(value)
}

/** The chosen streams of a batch (indices in ascending order) as a message of their own: a push split by partition. Neighbours are copied as one range. */
export function encodeStreams(batch: PushBatch, chosen: ReadonlyArray<number>): Buffer {
  const out = new ByteSink(chosen.reduce((sum, k) => sum + batch.streams[k]!.byteTo - batch.streams[k]!.byteFrom, 0))
  for (let i = 0; i < chosen.length; ) {
    const from = batch.streams[chosen[i]!]!.byteFrom
    let to = batch.streams[chosen[i]!]!.byteTo
    for (i++; i < chosen.length && batch.streams[chosen[i]!]!.byteFrom === to; i++) to = batch.streams[chosen[i]!]!.byteTo
    out.copy(batch.body, from, to)
  }
  return out.view()
}
