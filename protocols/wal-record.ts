/**
 * A WAL record: some pushes, perhaps of several tenants, gathered into one JetStream message. Self-contained and checksummed.
 *
 * The tenant's WAL writer encodes, the partition's owner decodes. Bodies stay compressed and are never copied on the way back. Layout, little
 * endian: `SKWR`, version (1 byte), 3 zero bytes, CRC-32 of everything else (4), then varint-prefixed fields: record id, item count, and per item
 * tenant, push id, received ms, body length, label count, labels, compressed body.
 */
import { crc32 } from 'node:zlib'
import { SkaldError } from '../runtime/errors.ts'
import type { TenantId } from './model.ts'
import type { WalItem } from './push/batch.ts'
import { ByteSink } from './push/encode-protobuf.ts'
import { WireReader } from './push/protobuf-wire.ts'

const MAGIC = Buffer.from('SKWR')
const VERSION = 1
const CRC_AT = 8
const HEADER_BYTES = 12

/** Larger records are refused on both sides; JetStream's own payload limit is far below. */
const WAL_RECORD_BYTES_MAX = 256 * 1024 * 1024
/** Ids and tenant names: longer ones are a fault of the caller. */
const NAME_BYTES_MAX = 1024

export interface WalRecordContent {
  /** The publisher's id of the record: a record that was sent twice is applied once. */
  readonly recordId: string
  readonly items: ReadonlyArray<WalItem>
}

/** Throws a plain Error for what must not be written: ids longer than 1 KiB, records beyond `WAL_RECORD_BYTES_MAX`. */
export function encodeWalRecord(items: ReadonlyArray<WalItem>, recordId: string): Buffer {
  const sink = new ByteSink(items.reduce((sum, item) => sum + roomFor(item), HEADER_BYTES + 3 * recordId.length + COUNTS_BYTES_MAX))
  sink.copy(MAGIC, 0, MAGIC.length)
  sink.reserve(HEADER_BYTES - MAGIC.length)
  sink.bytes.fill(0, MAGIC.length, HEADER_BYTES)
  sink.bytes[MAGIC.length] = VERSION
  name(sink, recordId)
  sink.varint(items.length)
  for (const item of items) writeItem(sink, item)
  if (sink.length > WAL_RECORD_BYTES_MAX) throw new Error(`WAL record of ${sink.length} bytes exceeds ${WAL_RECORD_BYTES_MAX}`)
  const record = sink.view()
  record.writeUInt32LE(checksum(record), CRC_AT)
  return record
}

/** All numbers of an item or of the record's own, as varints. */
const COUNTS_BYTES_MAX = 64

/** Enough for the item, so that a record is made in one piece: a body is nearly all of it. A character is at most three bytes, and its text has a length in front. */
function roomFor({ tenant, pushId, labels, compressedBody }: WalItem): number {
  const textBytes = (text: string): number => 3 * text.length + 5
  return labels.reduce((sum, label) => sum + textBytes(label), textBytes(tenant) + textBytes(pushId) + COUNTS_BYTES_MAX + compressedBody.length)
}

function writeItem(sink: ByteSink, item: WalItem): void {
  name(sink, item.tenant)
  name(sink, item.pushId)
  sink.varint(item.receivedMs)
  sink.varint(item.bodyBytes)
  sink.varint(item.labels.length)
  for (const label of item.labels) text(sink, label)
  sink.varint(item.compressedBody.length)
  sink.copy(item.compressedBody, 0, item.compressedBody.length)
}

function text(sink: ByteSink, value: string): void {
  sink.varint(Buffer.byteLength(value))
  sink.text(value)
}

function name(sink: ByteSink, value: string): void {
  if (Buffer.byteLength(value) > NAME_BYTES_MAX) throw new Error(`WAL record: a name of ${value.length} characters`)
  text(sink, value)
}

const checksum = (record: Buffer): number => crc32(record.subarray(HEADER_BYTES), crc32(record.subarray(0, CRC_AT)))

/** Throws `storage_corrupt` that says what is wrong, `wal_unavailable` for a whole record of another version; never returns a part of a record. Bodies are slices of `record`. */
export function decodeWalRecord(record: Buffer): WalRecordContent {
  checkHeader(record)
  try {
    return readContent(new WireReader(record, HEADER_BYTES))
  } catch (error) {
    if (error instanceof SkaldError && error.code === 'malformed_body') throw corrupt(error.message)
    throw error
  }
}

function checkHeader(record: Buffer): void {
  if (record.length < HEADER_BYTES) throw corrupt(`${record.length} bytes are less than a header`)
  if (record.length > WAL_RECORD_BYTES_MAX) throw corrupt(`${record.length} bytes exceed ${WAL_RECORD_BYTES_MAX}`)
  if (!record.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt('no magic number')
  const stated = record.readUInt32LE(CRC_AT)
  const actual = checksum(record)
  if (stated !== actual) throw corrupt(`checksum ${actual.toString(16)} is not ${stated.toString(16)}`)
  if (record[MAGIC.length] !== VERSION) throw new SkaldError('wal_unavailable', `a WAL record is of version ${record[MAGIC.length]}, and this program reads ${VERSION}: run the one that wrote it`)
}

function readContent(reader: WireReader): WalRecordContent {
  const recordId = readText(reader)
  const items: WalItem[] = []
  // Counts come from the record, so nothing is allocated by them: every element takes at least a byte of what is left.
  for (let left = readCount(reader); left > 0; left--) items.push(readItem(reader))
  if (reader.at !== reader.end) throw corrupt(`${reader.end - reader.at} bytes after the last item`)
  return { recordId, items }
}

function readItem(reader: WireReader): WalItem {
  const tenant = readText(reader) as TenantId
  const pushId = readText(reader)
  const receivedMs = reader.varint()
  const bodyBytes = reader.varint()
  const labels: string[] = []
  for (let left = readCount(reader); left > 0; left--) labels.push(readText(reader))
  const from = reader.lengthDelimited()
  return { tenant, pushId, receivedMs, labels, compressedBody: reader.bytes.subarray(from, reader.at), bodyBytes }
}

function readCount(reader: WireReader): number {
  const count = reader.varint()
  if (count > reader.end - reader.at) throw corrupt(`count ${count} exceeds the ${reader.end - reader.at} bytes left`)
  return count
}

function readText(reader: WireReader): string {
  const from = reader.lengthDelimited()
  return reader.bytes.toString('utf8', from, reader.at)
}

const corrupt = (what: string): SkaldError => new SkaldError('storage_corrupt', `corrupt WAL record: ${what}`)
