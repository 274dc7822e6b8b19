/**
 * The ids of a partition's older segments gathered in one object, so that a new owner need not ask each of hundreds of small segments for its few. It is a segment without
 * rows (docs/format.md), under a key of its own: what reads footers reads it. No catalog names it, and nothing is lost with it: the segments have the ids, too.
 */
import type { Sequence, TimeNs } from '../protocols/model.ts'
import { encodeFooter } from './segment-footer.ts'
import { type AppliedId, SEGMENT_MAGIC } from './segment-format.ts'

/** What the object's reader must know of it. */
export interface IdsObject {
  readonly key: string
  /** `last` of the newest segment whose ids are in it. */
  readonly through: Sequence
  readonly sizeBytes: number
  readonly footerBytes: number
}

const DIGITS = 16
const KEY = /\/(\d+)\.seg$/

export const idsPrefix = (partition: number): string => `ids/p${partition}/`

/** Padded, so that the last in key order is the newest. */
export const idsKey = (partition: number, through: Sequence): string => `${idsPrefix(partition)}${String(through).padStart(DIGITS, '0')}.seg`

/** null: something else. */
export function idsObjectOf({ key, sizeBytes }: { readonly key: string; readonly sizeBytes: number }): IdsObject | null {
  const match = KEY.exec(key)
  return match === null ? null : { key, through: Number(match[1]), sizeBytes, footerBytes: sizeBytes - SEGMENT_MAGIC.length }
}

/** `ids`: oldest first, of records and pushes alike. */
export function encodeIds(partition: number, through: Sequence, ids: ReadonlyArray<AppliedId>): Buffer {
  const nothing = { rowCount: 0, lineBytes: 0, minNs: 0n as TimeNs, maxNs: 0n as TimeNs, sections: [], pushIds: [] }
  return Buffer.concat([SEGMENT_MAGIC, encodeFooter({ partition, first: through, last: through, ...nothing, recordIds: ids })])
}
