/**
 * Reads WAL records, decoded as the gateway would have handed them over. Used by `partition.ts` at start and whenever records are missing; recovery and
 * following another node's pushes are the same path.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PushBatch, WalItem } from '../../protocols/push/batch.ts'
import { BatchMemory } from '../../protocols/push/batch-memory.ts'
import { unsnappy } from '../../protocols/push/content.ts'
import { decodePushRequest } from '../../protocols/push/decode-protobuf.ts'
import { decodeWalRecord } from '../../protocols/wal-record.ts'
import type { Wal, WalRecord } from '../../storage/wal.ts'
import { hole, type DecodedItem, type DecodedRecord } from './partition-follow.ts'

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
