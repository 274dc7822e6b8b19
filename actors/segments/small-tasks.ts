/** What makes a task small: it is over in milliseconds, so it neither waits for its turn nor behind large ones (`segment-work-fair.ts`, `segment-work-threads.ts`). */
import type { HeadContent } from './segment-work.ts'

const SMALL_BYTES = 4 * 1024 * 1024
const SMALL_ROWS = 20_000
/** Stored bytes that a small scan reads of one segment. */
const SMALL_STORED_BYTES = 256 * 1024
/** Footers that are looked into. */
const SMALL_SEGMENTS = 64

export const isSmallRead = (readBytesMax: number): boolean => readBytesMax <= SMALL_BYTES
export const isSmallSelection = (storedBytes: number): boolean => storedBytes <= SMALL_STORED_BYTES
export const isSmallHead = ({ streams }: HeadContent): boolean => streams.reduce((sum, { rowCount }) => sum + rowCount, 0) <= SMALL_ROWS
export const areFewSegments = (segments: { readonly length: number }): boolean => segments.length <= SMALL_SEGMENTS
