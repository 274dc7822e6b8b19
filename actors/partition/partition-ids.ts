/**
 * Tells repeated pushes and records from new ones (W1): knows what the partition has applied, has the ids of segments from before its start read while it serves already, and
 * has the ids of many segments put into one object, so that whoever takes over need not ask each. Owned by `partition.ts`.
 */
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import type { PastIds } from '../segments/segment-work.ts'
import { AppliedIds, GATHER_SEGMENTS, GATHERED_SEGMENTS_MIN } from './applied-ids.ts'
import type { PartitionFollow } from './partition-follow.ts'
import type { PartitionShared } from './partition-start.ts'
import { readIds, recentWithIds } from './past-ids.ts'

/** After ids could not be read. */
const RETRY_MS = 1_000

export class PartitionIds {
  private readonly shared: PartitionShared
  private readonly applied = new AppliedIds()
  /** Segments whose ids are not known yet: until they are, a push with an id may be one of theirs, and waits in the log. */
  private unread: ReadonlyArray<SegmentEntry>
  /** Before that, every record waits: a record, too, may be one of theirs (`wal-jetstream-detour.ts`), if seldom so late. */
  private hasTried = false
  /** Segments whose ids are in no gathering yet. */
  private ungathered = 0
  private isGathering = false

  constructor(shared: PartitionShared) {
    this.shared = shared
    this.unread = shared.found.withIds
    if (this.unread.length > 0) shared.context.self.tell({ kind: 'readIds' })
  }

  /** True when it is new. */
  add(id: AppliedId): boolean {
    return this.applied.add(id)
  }

  /** Whether a record has been applied, as far as ids are known. */
  mayHave(recordId: string): boolean {
    return this.unread.length > 0 || this.applied.has({ tenant: '', id: recordId })
  }

  /** What is next may repeat what a segment holds whose ids are not known. */
  holdUp(follow: PartitionFollow): boolean {
    return this.unread.length > 0 && (!this.hasTried || (follow.next()?.items.some(({ pushId }) => pushId !== '') ?? false))
  }

  /** Answered with `idsRead`. */
  read(): void {
    const { services, identity, context } = this.shared
    void readIds(services, identity.partition, this.unread).then((found) => context.self.tell({ kind: 'idsRead', found }))
  }

  wereRead({ keys, unread, singly }: PastIds): void {
    for (const key of keys) this.applied.addKey(key)
    this.ungathered += singly - unread.length
    this.unread = unread
    this.hasTried = true
    if (unread.length > 0) this.shared.context.tellLater(RETRY_MS, { kind: 'readIds' })
  }

  /** One more segment has ids of its own. What fails is tried again when as many have come again. */
  segmentStored(): void {
    const { services, identity, context } = this.shared
    this.ungathered++
    if (this.isGathering || this.unread.length > 0 || this.ungathered < GATHER_SEGMENTS) return
    const segments = recentWithIds(services.catalog.current(identity.partition))
    if (segments.length < GATHERED_SEGMENTS_MIN) return
    this.isGathering = true
    this.ungathered = 0
    void services.work
      .gatherIds(identity.partition, segments)
      .catch((error: unknown) => services.log.info('ids could not be gathered, will be repeated', { partition: identity.partition, error: String(error) }))
      .then(() => context.self.tell({ kind: 'idsGathered' }))
  }

  gathered(): void {
    this.isGathering = false
  }
}
