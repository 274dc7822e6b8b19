/**
 * Ids that a partition applied before it began here, from the footers of its recent segments. Read while the partition serves already: it needs them before it applies
 * more of the log (W1), not before it has a place that readers know. Used by `partition-start.ts` and `partition.ts`.
 */
import type { PartitionCatalog, SegmentEntry } from '../../storage/catalog.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import type { SegmentIds } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import { APPLIED_IDS_MAX } from './applied-ids.ts'

export interface LoadedIds {
  /** Oldest first. */
  readonly ids: ReadonlyArray<AppliedId>
  /** Their object store did not answer: what they hold will be known later. */
  readonly unread: ReadonlyArray<SegmentEntry>
}

/** Small segments are many, and most of a read is waiting. */
const SEGMENTS_A_TASK = 16
const TASKS_AT_ONCE = 4

/** As many of the newest segments as hold all ids that are kept, oldest first. */
export function recentWithIds({ segments }: PartitionCatalog): SegmentEntry[] {
  const wanted: SegmentEntry[] = []
  let count = 0
  for (const segment of segments.toReversed()) {
    if (count >= APPLIED_IDS_MAX) break
    if (segment.appliedIdCount > 0) wanted.push(segment)
    count += segment.appliedIdCount
  }
  return wanted.toReversed()
}

/** Never rejects. A segment that is lost or damaged is passed over with a warning: its entries are gone, too. */
export async function readIds(services: Services, segments: ReadonlyArray<SegmentEntry>): Promise<LoadedIds> {
  const answers: SegmentIds[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let from = next; from < segments.length; from = next) {
      next = from + SEGMENTS_A_TASK
      for (const [i, answer] of (await idsOf(services, segments.slice(from, next))).entries()) answers[from + i] = answer
    }
  }
  await Promise.all(Array.from({ length: TASKS_AT_ONCE }, lane))
  warn(services, segments, answers)
  return {
    ids: answers.flatMap((answer) => (answer.kind === 'read' ? answer.ids : [])),
    unread: segments.filter((_, i) => isUnread(answers[i]!)),
  }
}

const isUnread = (answer: SegmentIds): boolean => answer.kind === 'unread' && !answer.isLost

function idsOf({ work }: Services, segments: ReadonlyArray<SegmentEntry>): Promise<ReadonlyArray<SegmentIds>> {
  return work.appliedIds(segments).catch((error: unknown) => segments.map(() => ({ kind: 'unread', isLost: false, reason: String(error) })))
}

function warn({ log }: Services, segments: ReadonlyArray<SegmentEntry>, answers: ReadonlyArray<SegmentIds>): void {
  for (const isLost of [true, false]) {
    const failures = answers.flatMap((answer, i) => (answer.kind === 'unread' && answer.isLost === isLost ? [{ segment: segments[i]!.key, error: answer.reason }] : []))
    if (failures.length === 0) continue
    const what = isLost ? 'are lost; a push retried from before them may be stored twice' : 'could not be read yet; pushes with ids wait in the log until they can'
    log.warn(`applied ids of segments ${what}`, { segments: failures.length, ...failures[0] })
  }
}
