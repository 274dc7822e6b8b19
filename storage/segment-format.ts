/**
 * What a segment object consists of: constants, names and the shapes that the encoder writes and the reader gives back. docs/format.md is the
 * same, byte by byte. No code but the key.
 */
import type { Sequence, TenantId } from '../protocols/model.ts'

/** At the start and at the end of each object. */
export const SEGMENT_MAGIC = Buffer.from('SKALDSEG')
export const SEGMENT_VERSION = 2
/** How many bits of a filter a word gram has, by the version of the segment. */
export const WORD_HASHES_OF: Readonly<Record<number, number>> = { 1: 2, 2: 4 }
/** Stored length, raw length and crc32 of the footer, version, magic. */
export const TAIL_BYTES = 4 * 4 + 8

/** Columns of a block, in the order in which they lie in the object: each kind together, so that a plan that reads only times reads one range. */
export const COLUMN_KINDS = ['times', 'lengths', 'levels', 'metadata', 'lines'] as const
export type ColumnKind = (typeof COLUMN_KINDS)[number]

/** Raw line bytes of a block, unless one line is larger. Measured: docs/format.md. */
export const BLOCK_TARGET_BYTES = 1 << 20
/** A catalog entry names the segment's tenants up to this many. */
export const CATALOG_TENANTS_MAX = 64
/** No raw column or footer is larger; what says so is corrupt. */
export const RAW_BYTES_MAX = 2 ** 30

/** A column of a block within the object. `rawBytes` 0: the block has no such column. */
export interface ColumnRange {
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly encoding: number
  /** Of the stored bytes. */
  readonly crc32: number
}

/** Filter pages: a hash's top bits choose the page, so what a search asks of all blocks lies in a few pages. */
export const FILTER_PAGE_BITS = 8
export const FILTER_PAGES = 1 << FILTER_PAGE_BITS
/** At the end of each page. */
export const FILTER_PAGE_CRC_BYTES = 4
/** A block's filter has 2^n bits, n between these. */
export const FILTER_BITS_LOG2_MIN = FILTER_PAGE_BITS + 3
export const FILTER_BITS_LOG2_MAX = 20

/** A push id or record id that the partition had applied when the segment was cut, so that a new owner still knows it. */
export interface AppliedId {
  readonly tenant: TenantId | ''
  readonly id: string
  readonly sequence: Sequence
}

const DIGITS = 16

/** The object's key; sequences are padded so that keys sort by range. */
export function segmentKey(partition: number, first: Sequence, last: Sequence): string {
  const digits = (sequence: Sequence): string => String(sequence).padStart(DIGITS, '0')
  return `segments/p${partition}/${digits(first)}-${digits(last)}.seg`
}
