/**
 * Puts a partition's records into sequence order, whether they come from this node's own publishing (already decoded) or from reading the WAL.
 * Pure: `partition.ts` offers records; `partition-log.ts` takes the next, and asks where a read must begin.
 */
import type { Sequence } from '../../protocols/model.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import type { BatchMemory } from '../../protocols/push/batch-memory.ts'

/** One push's part of a record, decoded. `labels[k]` of '' means that stream k belongs elsewhere or was refused. */
export interface DecodedItem {
  readonly tenant: string
  readonly pushId: string
  readonly receivedMs: number
  readonly labels: ReadonlyArray<string>
  readonly batch: PushBatch
  /** Left by each reader when it has copied its rows. */
  readonly memory: Pick<BatchMemory, 'use' | 'leave'>
}

export interface DecodedRecord {
  readonly sequence: Sequence
  /** A hole in the log: `sequence` up to here do not exist. Absent: a record. */
  readonly holeThrough?: Sequence
  readonly recordId: string
  readonly items: ReadonlyArray<DecodedItem>
  /** Memory it holds while it waits. */
  readonly bytes: number
  /** Gives back what its items were read from, when all are applied. Absent: left to the garbage collector. */
  readonly release?: () => void
  /** The trace of its append; absent when it is not traced. */
  readonly traceParent?: string
  /** As it lies in the log, where it was read from there. */
  readonly raw?: Buffer
  /** Why nothing of it can be read: then it has no items. */
  readonly damage?: string
}

export const hole = (from: Sequence, through: Sequence): DecodedRecord => ({ sequence: from, holeThrough: through, recordId: '', items: [], bytes: 0 })

export class PartitionFollow {
  applied: Sequence
  /** The newest sequence heard of. */
  known: Sequence
  private readonly waiting = new Map<Sequence, DecodedRecord>()
  private waitingBytes = 0
  private readonly waitingBytesMax: number

  constructor(applied: Sequence, waitingBytesMax: number) {
    this.applied = applied
    this.known = applied
    this.waitingBytesMax = waitingBytesMax
  }

  heard(sequence: Sequence): void {
    if (sequence > this.known) this.known = sequence
  }

  /** Keeps a decoded record until its turn; over the memory bound it is dropped, since the WAL has it. */
  offer(record: DecodedRecord): void {
    this.heard(record.holeThrough ?? record.sequence)
    const isNext = record.sequence === this.applied + 1
    if (isNext || this.waitingBytes + record.bytes <= this.waitingBytesMax) this.keep(record)
  }

  /** What a read of the log from `from` on gave, in order: kept whole, because reading it again would cost more. Missing sequences between are holes. */
  offerRead(from: Sequence, records: ReadonlyArray<DecodedRecord>): void {
    let expected = from
    for (const record of records) {
      if (record.sequence > expected) this.keep(hole(expected, record.sequence - 1))
      this.heard(record.sequence)
      this.keep(record)
      expected = record.sequence + 1
    }
  }

  /** The record (or hole) after `applied`; null: it is not here. */
  next(): DecodedRecord | null {
    return this.waiting.get(this.applied + 1) ?? null
  }

  /** The same, which thereby counts as applied. */
  take(): DecodedRecord | null {
    const record = this.next()
    if (record === null) return null
    this.waiting.delete(record.sequence)
    this.waitingBytes -= record.bytes
    this.applied = record.holeThrough ?? record.sequence
    return record
  }

  private keep(record: DecodedRecord): void {
    if (record.sequence <= this.applied || this.waiting.has(record.sequence)) return
    this.waiting.set(record.sequence, record)
    this.waitingBytes += record.bytes
  }

  /** Records are known of that are not here: read from the WAL from this sequence on. null: nothing is missing. */
  missingFrom(): Sequence | null {
    return this.known > this.applied && !this.waiting.has(this.applied + 1) ? this.applied + 1 : null
  }

  /** Memory of records that wait. */
  get bytes(): number {
    return this.waitingBytes
  }
}
