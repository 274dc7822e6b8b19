/**
 * Scans many segments at once where filters leave little to read of them, or nothing: most searches for an id end here, and a task for each of their segments would cost more than what
 * is done in it. Used by the querier before it scans what is left, one by one.
 */
import { asksFilters } from '../../protocols/logql/scan-needs.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { ScanAnswer, SegmentWork } from '../segments/segment-work.ts'

/** Those of the segments that are still to be scanned, in the same order. */
export type Narrow = (segments: ReadonlyArray<SegmentEntry>) => Promise<ReadonlyArray<SegmentEntry>>

/** Segments that are looked at before the first of them is scanned. */
export const NARROWED_TOGETHER = 32

export interface NarrowingParts {
  readonly work: SegmentWork
  readonly tenant: string
  readonly plan: ScanPlan
  readonly nowMs: number
  readonly signal: AbortSignal
  /** By the whole query, where that is known. */
  readonly readBytesMax: number | undefined
  /** Its answer is known already. */
  readonly isKnown: (segment: SegmentEntry) => boolean
  readonly take: (segment: SegmentEntry, answer: ScanAnswer) => Promise<void>
}

export function narrowing({ work, tenant, plan, nowMs, signal, readBytesMax, isKnown, take }: NarrowingParts): Narrow {
  if (!asksFilters(plan)) return async (segments) => segments
  return async (segments) => {
    const unknown = segments.filter((segment) => !isKnown(segment))
    if (unknown.length <= 1) return segments
    const scanned = new Map((await work.scanSmall(tenant, plan, unknown, nowMs, signal, readBytesMax)).map(({ key, answer }) => [key, answer]))
    const left: SegmentEntry[] = []
    for (const segment of segments) {
      const answer = scanned.get(segment.key) ?? null
      if (answer === null) left.push(segment)
      else await take(segment, answer)
    }
    return left
  }
}

/** In parts of as many as are looked at together. */
export function narrowedParts(segments: ReadonlyArray<SegmentEntry>): ReadonlyArray<SegmentEntry>[] {
  return Array.from({ length: Math.ceil(segments.length / NARROWED_TOGETHER) }, (_, part) => segments.slice(part * NARROWED_TOGETHER, (part + 1) * NARROWED_TOGETHER))
}
