/**
 * Ids that segments say were applied: read for whoever takes a partition over, and gathered in one object now and then, so that this stays quick however many small segments
 * there are. Runs in a worker thread as one of the `SegmentTasks`.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import { encodeIds, type IdsObject, idsKey, idsObjectOf, idsPrefix } from '../../storage/ids-object.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import { APPLIED_IDS_MAX, appliedIdKey, GATHER_SEGMENTS } from '../partition/applied-ids.ts'
import { emptyStatistics } from './read-statistics.ts'
import type { SegmentReads } from './segment-reads.ts'
import type { PastIds } from './segment-work.ts'

/** Most of a read is waiting. */
const READS_AT_ONCE = 32
/** The one before the newest may be being read. */
const OBJECTS_KEPT = 2

type Answer = { readonly ids: ReadonlyArray<AppliedId> } | { readonly isLost: boolean; readonly reason: string }
type Source = Pick<SegmentEntry, 'key' | 'sizeBytes' | 'footerBytes'>

interface Found extends Omit<PastIds, 'keys'> {
  readonly ids: ReadonlyArray<AppliedId>
}

export class IdReads {
  private readonly reads: SegmentReads
  private readonly store: ObjectStore

  constructor(reads: SegmentReads, store: ObjectStore) {
    this.reads = reads
    this.store = store
  }

  /** `segments`: oldest first. */
  async past(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<PastIds> {
    const { ids, ...found } = await this.find(partition, segments)
    return { ...found, keys: ids.map(({ tenant, id }) => appliedIdKey(tenant, id)) }
  }

  /** Rejects when some of the ids could not be read. */
  async gather(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<void> {
    const { ids, unread } = await this.find(partition, segments)
    if (unread.length > 0) throw new SkaldError('storage_unavailable', `ids of ${unread.length} segments of partition ${partition} cannot be read now`)
    const through = segments.at(-1)?.last
    if (through === undefined) return
    await this.store.put(idsKey(partition, through), encodeIds(partition, through, ids.slice(-APPLIED_IDS_MAX)))
    const objects = await this.gathered(partition)
    await this.store.delete(objects.slice(0, -OBJECTS_KEPT).map(({ key }) => key))
  }

  private async find(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<Found> {
    const gathered = await this.newest(partition, segments)
    const base = gathered === null ? null : await this.idsOf(gathered)
    const isKnown = base !== null && 'ids' in base
    const singly = isKnown ? segments.filter(({ first }) => first > gathered!.through) : segments
    const answers = await this.allOf(singly)
    const failed = (isLost: boolean): ReadonlyArray<readonly [SegmentEntry, string]> =>
      singly.flatMap((segment, i) => {
        const answer = answers[i]!
        return 'reason' in answer && answer.isLost === isLost ? [[segment, answer.reason] as const] : []
      })
    const [lost, unread] = [failed(true), failed(false)]
    return {
      ids: [...(isKnown ? base.ids : []), ...answers.flatMap((answer) => ('ids' in answer ? answer.ids : []))],
      singly: singly.length,
      unread: unread.map(([segment]) => segment),
      lost: lost.length,
      reason: (unread[0] ?? lost[0])?.[1] ?? '',
    }
  }

  /** What was gathered last, if its segments are still those of the catalog. */
  private async newest(partition: number, segments: ReadonlyArray<SegmentEntry>): Promise<IdsObject | null> {
    if (segments.length < GATHER_SEGMENTS) return null
    const ends = new Set(segments.map(({ last }) => last))
    const objects = await this.gathered(partition).catch(() => [])
    return objects.findLast(({ through }) => ends.has(through)) ?? null
  }

  /** Oldest first. */
  private async gathered(partition: number): Promise<IdsObject[]> {
    const objects: IdsObject[] = []
    for await (const found of this.store.list(idsPrefix(partition))) {
      const object = idsObjectOf(found)
      if (object !== null) objects.push(object)
    }
    return objects
  }

  private async allOf(sources: ReadonlyArray<Source>): Promise<Answer[]> {
    const answers: Answer[] = []
    let next = 0
    const lane = async (): Promise<void> => {
      for (let i = next++; i < sources.length; i = next++) answers[i] = await this.idsOf(sources[i]!)
    }
    await Promise.all(Array.from({ length: READS_AT_ONCE }, lane))
    return answers
  }

  private async idsOf(source: Source): Promise<Answer> {
    try {
      return await this.reads.with(source, emptyStatistics(), ({ footer: { pushIds, recordIds } }) => ({ ids: [...recordIds, ...pushIds] }))
    } catch (error) {
      return { isLost: error instanceof SkaldError && (error.code === 'not_found' || error.code === 'storage_corrupt'), reason: String(error) }
    }
  }
}
