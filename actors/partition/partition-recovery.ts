/**
 * Reads WAL records, to be decoded as the gateway would have handed them over. Used by `partition-log.ts` at start and whenever records are missing; recovery and
 * following another node's pushes are the same path.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PushBatch, WalItem } from '../../protocols/push/batch.ts'
import { unsnappy } from '../../protocols/push/content.ts'
import { decodePushInPlace } from '../../protocols/push/decode-protobuf.ts'
import { decodeWalRecord } from '../../protocols/wal-record.ts'
import type { Wal, WalRecord } from '../../storage/wal.ts'
import { hole, type DecodedItem, type DecodedRecord } from './partition-follow.ts'

/**
 * Records from `from` on, and holes: [] only when the log ends before `from`, or when a replica lags behind what is known.
 */
export async function readRecords(wal: Wal, partition: number, from: Sequence, bytesMax: number): Promise<DecodedRecord[]> {
  const records = (await wal.read(partition, from, bytesMax)).map(decodedRecord)
  // What is damaged may be so since it was read.
  if (records.some(({ damage }) => damage !== undefined)) return (await wal.read(partition, from, bytesMax)).map(decodedRecord)
  if (records.length > 0) return records
  const { first, last } = await wal.state(partition)
  const goneThrough = first > last ? last : first - 1
  return goneThrough >= from ? [hole(from, goneThrough)] : []
}

/** Throws for a record of another version, which another program can read. */
function decodedRecord({ sequence, bytes, ...more }: WalRecord): DecodedRecord {
  const facts = { sequence, bytes: bytes.length, raw: bytes, ...more }
  try {
    const { recordId, items } = decodeWalRecord(bytes)
    return { ...facts, recordId, items: items.map((item) => new ReadItem(item)) }
  } catch (error) {
    if (!(error instanceof SkaldError) || error.code !== 'storage_corrupt') throw error
    return { ...facts, recordId: '', items: [], damage: error.message }
  }
}

/** Decoded when its turn comes, and only then: a read gives many records, and what they hold lives the shorter the less the garbage collector has to do. */
class ReadItem implements DecodedItem {
  readonly #item: WalItem
  #body: Buffer | undefined
  /** Nobody else has it. */
  readonly memory: DecodedItem['memory'] = {
    use: () => {},
    leave: () => {
      if (this.#body !== undefined) freeBuffer(this.#body)
    },
  }

  constructor(item: WalItem) {
    this.#item = item
  }

  get tenant(): string {
    return this.#item.tenant
  }

  get pushId(): string {
    return this.#item.pushId
  }

  get receivedMs(): number {
    return this.#item.receivedMs
  }

  get labels(): ReadonlyArray<string> {
    return this.#item.labels
  }

  /** To be copied before the next one is asked for. */
  get batch(): PushBatch {
    this.#body = bodyOf(this.#item)
    return batchOf(this.#body)
  }
}

/** Whatever is wrong with what was accepted once, the record is. */
function batchOf(body: Buffer): PushBatch {
  try {
    return decodePushInPlace(body)
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
