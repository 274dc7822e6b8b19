/**
 * Reads a partition's past: WAL records decoded as the gateway would have handed them over, and the ids already applied. Used by `partition.ts` at
 * start and whenever records are missing; recovery and following another node's pushes are the same path.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PushBatch, WalItem } from '../../protocols/push/batch.ts'
import { BatchMemory } from '../../protocols/push/batch-memory.ts'
import { unsnappy } from '../../protocols/push/content.ts'
import { decodePushRequest } from '../../protocols/push/decode-protobuf.ts'
import { decodeWalRecord } from '../../protocols/wal-record.ts'
import type { PartitionCatalog, SegmentEntry } from '../../storage/catalog.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import type { Wal, WalRecord } from '../../storage/wal.ts'
import { APPLIED_IDS_MAX } from './applied-ids.ts'
import { hole, type DecodedItem, type DecodedRecord } from './partition-follow.ts'
import type { Services } from '../services.ts'

const READS_AT_ONCE = 16

/**
 * Records from `from` on, and holes: [] only when the log ends before `from`, or when a replica lags behind what is known.
 */
export async function readRecords(wal: Wal, partition: number, from: Sequence, bytesMax: number): Promise<DecodedRecord[]> {
  const records = await wal.read(partition, from, bytesMax)
  if (records.length > 0) return records.map(decodeRecord)
  const { first, last } = await wal.state(partition)
  const goneThrough = first > last ? last : first - 1
  return goneThrough >= from ? [hole(from, goneThrough)] : []
}

/** A record that cannot be decoded was damaged after its checksum was taken: refuse to go on rather than lose it silently. */
function decodeRecord(record: WalRecord): DecodedRecord {
  const { recordId, items } = decodeWalRecord(record.bytes)
  const decoded: DecodedItem[] = []
  let bytes = 0
  for (const item of items) {
    const body = bodyOf(item)
    const batch = batchOf(body)
    const memory = new BatchMemory(batch)
    memory.use()
    decoded.push({ tenant: item.tenant, pushId: item.pushId, receivedMs: item.receivedMs, labels: item.labels, batch, memory })
    bytes += body.length
  }
  return { sequence: record.sequence, recordId, items: decoded, bytes, ...(record.traceParent === undefined ? {} : { traceParent: record.traceParent }) }
}

/** Whatever is wrong with what was accepted once, the record is. */
function batchOf(body: Buffer): PushBatch {
  try {
    return decodePushRequest(body)
  } catch (error) {
    throw new SkaldError('storage_corrupt', `corrupt WAL record: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** Stops at the length that the item states, so that a wrong one cannot exhaust memory. */
function bodyOf({ compressedBody, bodyBytes }: WalItem): Buffer {
  const body = unsnappy(compressedBody, { bodyBytesMax: compressedBody.length, decompressedBytesMax: bodyBytes })
  if (body.length !== bodyBytes) throw new SkaldError('storage_corrupt', `corrupt WAL record: a body of ${body.length} bytes where ${bodyBytes} are stated`)
  return body
}

export interface LoadedIds {
  /** Oldest first. */
  readonly ids: ReadonlyArray<AppliedId>
  /** Their object store did not answer: what they hold will be known later. */
  readonly unread: ReadonlyArray<SegmentEntry>
}

/** Ids in recent segments: of as many of the newest as hold the bound. One that is lost or damaged is passed over with a warning: its entries are gone, too. */
export const loadAppliedIds = (services: Services, catalog: PartitionCatalog): Promise<LoadedIds> => readIds(services, recentWithIds(catalog))

export async function readIds(services: Services, segments: ReadonlyArray<SegmentEntry>): Promise<LoadedIds> {
  const lists: Array<ReadonlyArray<AppliedId> | null> = segments.map(() => [])
  let next = 0
  // Whoever takes a partition over is waited for: small segments are many, and most of a read is waiting.
  const lane = async (): Promise<void> => {
    for (let i = next++; i < segments.length; i = next++) lists[i] = await idsOf(services, segments[i]!)
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, lane))
  return { ids: lists.flatMap((list) => list ?? []), unread: segments.filter((_, i) => lists[i] === null) }
}

function recentWithIds({ segments }: PartitionCatalog): SegmentEntry[] {
  const wanted: SegmentEntry[] = []
  let count = 0
  for (const segment of segments.toReversed()) {
    if (count >= APPLIED_IDS_MAX) break
    if (segment.appliedIdCount > 0) wanted.push(segment)
    count += segment.appliedIdCount
  }
  return wanted.toReversed()
}

/** null: it cannot be known now. */
async function idsOf(services: Services, segment: SegmentEntry): Promise<AppliedId[] | null> {
  try {
    const { pushIds, recordIds } = await services.work.appliedIds(segment)
    return [...recordIds, ...pushIds]
  } catch (error) {
    const lost = error instanceof SkaldError && (error.code === 'not_found' || error.code === 'storage_corrupt')
    if (lost) services.log.warn('applied ids of a segment are lost; a push retried from before it may be stored twice', { segment: segment.key, error: String(error) })
    else services.log.warn('applied ids of a segment could not be read yet; pushes with ids wait in the log until they can', { segment: segment.key, error: String(error) })
    return lost ? [] : null
  }
}
