/**
 * Reads a partition's past: WAL records decoded as the gateway would have handed them over, and the ids already applied. Used by `partition.ts` at
 * start and whenever records are missing; recovery and following another node's pushes are the same path.
 */
import { uncompressSync } from 'snappy'
import type { Sequence } from '../protocols/model.ts'
import { decodePushRequest } from '../protocols/push/decode-protobuf.ts'
import { decodeWalRecord } from '../protocols/wal-record.ts'
import type { PartitionCatalog } from '../storage/catalog.ts'
import type { AppliedId } from '../storage/segment-format.ts'
import type { Wal, WalRecord } from '../storage/wal.ts'
import { APPLIED_IDS_MAX } from './applied-ids.ts'
import type { DecodedItem, DecodedRecord } from './partition-follow.ts'
import type { Services } from './services.ts'

/** `through`: when no record came, everything up to here is known to be absent. */
export async function readRecords(
  wal: Wal,
  partition: number,
  from: Sequence,
  bytesMax: number,
): Promise<{ records: DecodedRecord[]; through: Sequence }> {
  const records = await wal.read(partition, from, bytesMax)
  if (records.length > 0) return { records: records.map(decodeRecord), through: records.at(-1)!.sequence }
  const { first, last } = await wal.state(partition)
  // An empty read below `first` means purged; between `first` and `last` a replica lagged, and the next read will do.
  return { records: [], through: first > last ? last : Math.min(first - 1, last) }
}

/** A record that cannot be decoded was damaged after its checksum was taken: refuse to go on rather than lose it silently. */
function decodeRecord(record: WalRecord): DecodedRecord {
  const { recordId, items } = decodeWalRecord(record.bytes)
  const decoded: DecodedItem[] = []
  let bytes = 0
  for (const item of items) {
    const body = uncompressSync(item.compressedBody) as Buffer
    const batch = decodePushRequest(body)
    decoded.push({ tenant: item.tenant, pushId: item.pushId, receivedMs: item.receivedMs, labels: item.labels, batch })
    bytes += body.length
  }
  return { sequence: record.sequence, recordId, items: decoded, bytes }
}

/** Ids in recent segments, oldest first: newest segments are read until the bound is reached. A segment that cannot be read is passed over with a warning. */
export async function loadAppliedIds(services: Services, catalog: PartitionCatalog): Promise<AppliedId[]> {
  const lists: Array<ReadonlyArray<AppliedId>> = []
  let count = 0
  for (const segment of catalog.segments.toReversed()) {
    if (count >= APPLIED_IDS_MAX) break
    if (segment.appliedIdCount === 0) continue
    try {
      const { pushIds, recordIds } = await services.work.appliedIds(segment)
      lists.push([...recordIds, ...pushIds])
      count += segment.appliedIdCount
    } catch (error) {
      services.log.warn('applied ids of a segment could not be read; a push retried from before it may be stored twice', { segment: segment.key, error: String(error) })
    }
  }
  return lists.toReversed().flat()
}
