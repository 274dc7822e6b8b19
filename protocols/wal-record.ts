/**
 * A record of the write-ahead log: several pushes, possibly of several tenants, checksummed and self-contained. Written by `actors/wal-writer.ts`, read by
 * whoever owns the partition. Bodies stay compressed as they are; decoding slices, it does not copy them.
 *
 * Layout, little-endian: magic "SKLW" · version u8 · crc32 u32 of all that follows · record id (u8 length, text) · item count u32 · items. An item:
 * tenant (u8 length) · push id (u16 length) · received f64, Unix ms · body bytes u32 · label string count u32, each u32 length and text · compressed body, u32 length.
 */
import { crc32 } from 'node:zlib'
import { SkaldError } from '../runtime/errors.ts'
import type { TenantId } from './model.ts'
import type { WalItem } from './push/batch.ts'

const MAGIC = 0x574c4b53
const VERSION = 1
const HEADER_BYTES = 9

export interface DecodedWalRecord {
  readonly recordId: string
  readonly items: ReadonlyArray<WalItem>
}

export function encodeWalRecord(items: ReadonlyArray<WalItem>, recordId: string): Buffer {
  const writer = new Writer(HEADER_BYTES + sizeOf(items, recordId))
  writer.u32(MAGIC)
  writer.u8(VERSION)
  writer.u32(0)
  writer.text8(recordId)
  writer.u32(items.length)
  for (const item of items) {
    writer.text8(item.tenant)
    writer.text16(item.pushId)
    writer.f64(item.receivedMs)
    writer.u32(item.bodyBytes)
    writer.u32(item.labels.length)
    for (const text of item.labels) writer.text32(text)
    writer.bytes32(item.compressedBody)
  }
  const record = writer.finish()
  record.writeUInt32LE(crc32(record.subarray(HEADER_BYTES)), 5)
  return record
}

function sizeOf(items: ReadonlyArray<WalItem>, recordId: string): number {
  let bytes = 1 + Buffer.byteLength(recordId) + 4
  for (const item of items) {
    bytes += 1 + Buffer.byteLength(item.tenant) + 2 + Buffer.byteLength(item.pushId) + 8 + 4 + 4 + 4 + item.compressedBody.length
    for (const text of item.labels) bytes += 4 + Buffer.byteLength(text)
  }
  return bytes
}

/** Throws `storage_corrupt` saying what is wrong. */
export function decodeWalRecord(record: Buffer): DecodedWalRecord {
  if (record.length < HEADER_BYTES || record.readUInt32LE(0) !== MAGIC) throw corrupt('it does not begin as one')
  const version = record[4]
  if (version !== VERSION) throw corrupt(`version ${version} is unknown (this program reads ${VERSION})`)
  if (record.readUInt32LE(5) !== crc32(record.subarray(HEADER_BYTES))) throw corrupt('its checksum does not match')
  const reader = new Reader(record, HEADER_BYTES)
  const recordId = reader.text(reader.u8())
  const items = Array.from({ length: reader.count(MIN_ITEM_BYTES) }, () => readItem(reader))
  if (!reader.atEnd) throw corrupt('there are bytes behind its last item')
  return { recordId, items }
}

/** The least that an item takes: what bounds a claimed count before anything is allocated. */
const MIN_ITEM_BYTES = 1 + 2 + 8 + 4 + 4 + 4
const MIN_LABELS_BYTES = 4

function readItem(reader: Reader): WalItem {
  const tenant = reader.text(reader.u8()) as TenantId
  const pushId = reader.text(reader.u16())
  const receivedMs = reader.f64()
  const bodyBytes = reader.u32()
  const labels = Array.from({ length: reader.count(MIN_LABELS_BYTES) }, () => reader.text(reader.u32()))
  const compressedBody = reader.slice(reader.u32())
  return { tenant, pushId, receivedMs, labels, compressedBody, bodyBytes }
}

const corrupt = (why: string): SkaldError => new SkaldError('storage_corrupt', `WAL record: ${why}`)

class Writer {
  private readonly buffer: Buffer
  private at = 0

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes)
  }

  u8(value: number): void {
    this.at = this.buffer.writeUInt8(value, this.at)
  }

  u32(value: number): void {
    this.at = this.buffer.writeUInt32LE(value, this.at)
  }

  f64(value: number): void {
    this.at = this.buffer.writeDoubleLE(value, this.at)
  }

  text8(text: string): void {
    this.u8(Buffer.byteLength(text))
    this.at += this.buffer.write(text, this.at)
  }

  text16(text: string): void {
    this.at = this.buffer.writeUInt16LE(Buffer.byteLength(text), this.at)
    this.at += this.buffer.write(text, this.at)
  }

  text32(text: string): void {
    this.u32(Buffer.byteLength(text))
    this.at += this.buffer.write(text, this.at)
  }

  bytes32(bytes: Buffer): void {
    this.u32(bytes.length)
    this.at += bytes.copy(this.buffer, this.at)
  }

  finish(): Buffer {
    if (this.at !== this.buffer.length) throw new Error('WAL record: its size was computed wrong')
    return this.buffer
  }
}

class Reader {
  private readonly buffer: Buffer
  private at: number

  constructor(buffer: Buffer, at: number) {
    this.buffer = buffer
    this.at = at
  }

  get atEnd(): boolean {
    return this.at === this.buffer.length
  }

  u8(): number {
    return this.buffer.readUInt8(this.take(1))
  }

  u16(): number {
    return this.buffer.readUInt16LE(this.take(2))
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.take(4))
  }

  f64(): number {
    return this.buffer.readDoubleLE(this.take(8))
  }

  /** A number of things of at least `bytesMin` bytes each. */
  count(bytesMin: number): number {
    const count = this.u32()
    if (count * bytesMin > this.buffer.length - this.at) throw corrupt(`it claims ${count} parts in ${this.buffer.length - this.at} bytes`)
    return count
  }

  text(bytes: number): string {
    const from = this.take(bytes)
    return this.buffer.toString('utf8', from, from + bytes)
  }

  slice(bytes: number): Buffer {
    const from = this.take(bytes)
    return this.buffer.subarray(from, from + bytes)
  }

  private take(bytes: number): number {
    const from = this.at
    if (from + bytes > this.buffer.length) throw corrupt('it is cut short')
    this.at = from + bytes
    return from
  }
}
