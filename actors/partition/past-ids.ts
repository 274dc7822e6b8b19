/**
 * Ids that a partition applied before it began here, from its recent segments. Read while the partition serves already: it needs them before it applies more of the log (W1),
 * not before it has a place that readers know. Used by `partition-start.ts` and `partition-ids.ts`.
 */
import type { PartitionCatalog, SegmentEntry } from '../../storage/catalog.ts'
import type { PastIds } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import { APPLIED_IDS_MAX } from './applied-ids.ts'

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
export async function readIds({ work, log }: Services, partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<PastIds> {
  const found = await work.pastIds(partition, segments).catch((error: unknown): PastIds => ({ keys: [], singly: segments.length, unread: segments, lost: 0, reason: String(error) }))
  const { lost, unread, reason } = found
  if (lost > 0) log.warn('applied ids of segments are lost; a push retried from before them may be stored twice', { partition, segments: lost, error: reason })
  if (unread.length > 0) log.warn('applied ids of segments could not be read yet; pushes with ids wait in the log until they can', { partition, segments: unread.length, error: reason })
  return found
}
