/**
 * Catalog values as bytes: a partition's head and its pages, as zstd-compressed JSON with a version, fields in arrays. Pure. What does not
 * check out is `storage_corrupt`, naming the key: a value in KV may have been written by anyone.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { SkaldError } from '../runtime/errors.ts'
import type { Sequence } from '../protocols/model.ts'
import type { SegmentEntry } from './catalog.ts'

export interface CatalogHead {
  readonly epoch: number
  readonly checkpoint: Sequence
  /** Names of the immutable pages that hold older segments, oldest first. */
  readonly pages: ReadonlyArray<string>
  /** Newer than all pages, in order of sequence. */
  readonly segments: ReadonlyArray<SegmentEntry>
}

const VERSION = 1
/** A value decompresses to no more than this. */
const DECODED_BYTES_MAX = 64 * 1024 * 1024

type Row = [key: string, first: number, last: number, size: number, footer: number, min: string, max: string, rows: number, raw: number, ids: number, tenants: string[] | null]

export function encodeHead(head: CatalogHead): Buffer {
  const { epoch, checkpoint, pages, segments } = head
  return pack({ v: VERSION, epoch, checkpoint, pages, segments: segments.map(rowOf) })
}

export function decodeHead(key: string, partition: number, value: Buffer): CatalogHead {
  const { epoch, checkpoint, pages, segments } = unpack(key, value)
  if (!isCount(epoch) || !isCount(checkpoint) || !isStrings(pages)) throw corruptValue(key, 'head')
  return { epoch, checkpoint, pages, segments: entriesOf(key, partition, segments) }
}

/** The same segments give the same bytes, so a page's name can follow from them. */
export function encodePage(segments: ReadonlyArray<SegmentEntry>): Buffer {
  return pack({ v: VERSION, segments: segments.map(rowOf) })
}

export function decodePage(key: string, partition: number, value: Buffer): SegmentEntry[] {
  return entriesOf(key, partition, unpack(key, value)['segments'])
}

function pack(value: object): Buffer {
  return zstdCompressSync(JSON.stringify(value))
}

function unpack(key: string, value: Buffer): Record<string, unknown> {
  let decoded: unknown
  try {
    decoded = JSON.parse(zstdDecompressSync(value, { maxOutputLength: DECODED_BYTES_MAX }).toString())
  } catch (error) {
    throw corruptValue(key, 'encoding', error)
  }
  if (typeof decoded !== 'object' || decoded === null || !('v' in decoded)) throw corruptValue(key, 'shape')
  if (decoded.v !== VERSION) throw new SkaldError('storage_corrupt', `catalog key ${key} has version ${String(decoded.v)}; this program reads version ${VERSION}`)
  return decoded as Record<string, unknown>
}

function rowOf(s: SegmentEntry): Row {
  return [s.key, s.first, s.last, s.sizeBytes, s.footerBytes, s.minNs, s.maxNs, s.rowCount, s.rawBytes, s.appliedIdCount, s.tenants === null ? null : [...s.tenants]]
}

function entriesOf(key: string, partition: number, rows: unknown): SegmentEntry[] {
  if (!Array.isArray(rows)) throw corruptValue(key, 'segments')
  return rows.map((row: unknown) => {
    if (!isRow(row)) throw corruptValue(key, 'segment')
    const [objectKey, first, last, sizeBytes, footerBytes, minNs, maxNs, rowCount, rawBytes, appliedIdCount, tenants] = row
    return { key: objectKey, partition, first, last, sizeBytes, footerBytes, minNs, maxNs, rowCount, rawBytes, appliedIdCount, tenants }
  })
}

function isRow(row: unknown): row is Row {
  if (!Array.isArray(row) || row.length !== 11) return false
  const [key, first, last, size, footer, min, max, rows, raw, ids, tenants] = row as unknown[]
  const areCounts = [first, last, size, footer, rows, raw, ids].every(isCount)
  return areCounts && [key, min, max].every((text) => typeof text === 'string') && (tenants === null || isStrings(tenants))
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string')

const corruptValue = (key: string, what: string, cause?: unknown): SkaldError =>
  new SkaldError('storage_corrupt', `catalog key ${key}: unreadable ${what}`, { cause, retryable: false })
