/**
 * Brings the log to a partition: has what is next applied, and reads what is missing (other nodes' pushes, all of it after a start), within memory's bounds (W4).
 * Owned by `partition.ts`. What is read comes back as a message.
 */
import type { Sequence } from '../../protocols/model.ts'
import { FencedError } from '../../storage/catalog.ts'
import type { PartitionApply } from './partition-apply.ts'
import type { PartitionCuts } from './partition-cuts.ts'
import type { DecodedRecord } from './partition-follow.ts'
import type { PartitionIds } from './partition-ids.ts'
import type { PartitionMessage } from './partition-messages.ts'
import { readRecords } from './partition-recovery.ts'
import type { PartitionShared } from './partition-start.ts'

/** Pulls are sized by bytes: by count they overrun the server's pending limit. */
const READ_BYTES = 4 * 1024 * 1024
/** After a read of the WAL that failed. */
const READ_RETRY_MS = 500
/** A replica of the log did not have yet what another has acknowledged. */
const LAG_MS = 10
/** How long records of other nodes gather before they are read. A hole in front of a record of this node is often no more than an acknowledgement on its way. */
const READ_PAUSE_MS = 1_000
/** Of this node's records that wait behind them: then they are read at once. */
const READ_PAUSE_BYTES_MAX = 4 * 1024 * 1024

export class PartitionLog {
  private readonly shared: PartitionShared
  private readonly ids: PartitionIds
  private readonly cuts: PartitionCuts
  private readonly apply: PartitionApply
  private isReading = false
  /** A read will begin in a moment. */
  private isReadDue = false

  constructor(shared: PartitionShared, ids: PartitionIds, cuts: PartitionCuts, apply: PartitionApply) {
    this.shared = shared
    this.ids = ids
    this.cuts = cuts
    this.apply = apply
  }

  /** Applies what is next. What is missing is left to gather for a moment, since a few large reads of the log cost less than many small ones; no query waits for that. */
  advanceSoon(): void {
    const { follow, waiters, context } = this.shared
    this.applyReady()
    if (follow.missingFrom() === null || this.isReading) return
    if (!waiters.isEmpty || follow.bytes >= READ_PAUSE_BYTES_MAX) return this.advance()
    if (this.isReadDue) return
    this.isReadDue = true
    context.tellLater(READ_PAUSE_MS, { kind: 'readDue' })
  }

  readDue(): void {
    this.isReadDue = false
    this.advance()
  }

  /** Applies what is next, and reads what is missing. */
  advance(): void {
    this.applyReady()
    const { follow, context } = this.shared
    const from = follow.missingFrom()
    if (from === null || this.isReading || this.isPaused()) return
    this.isReading = true
    void this.read(from).then(
      (message) => context.self.tell(message),
      (error: unknown) => context.self.tell(error instanceof FencedError ? { kind: 'fenced', error, isBehind: true } : { kind: 'readFailed', error }),
    )
  }

  /** `isAll`: of what was known when the read began. */
  wasRead(from: Sequence, records: ReadonlyArray<DecodedRecord>, isAll: boolean): void {
    this.isReading = false
    this.shared.follow.offerRead(from, records)
    if (isAll) this.advanceSoon()
    else this.advance()
  }

  readFailed(error: unknown): void {
    const { services, identity, context, follow } = this.shared
    this.isReading = false
    services.log.warn('reading the WAL failed, will be repeated', { partition: identity.partition, error: String(error) })
    context.tellLater(READ_RETRY_MS, { kind: 'heard', sequence: follow.known })
  }

  /** Over the node's budget: the data waits in the WAL. */
  isPaused(): boolean {
    return this.shared.services.budget.isAtLeast('stop') && this.cuts.waiting.length > 0
  }

  private applyReady(): void {
    const { follow, waiters } = this.shared
    while (!this.isPaused() && !this.ids.holdUp(follow)) {
      const record = follow.take()
      if (record === null) break
      this.apply.record(record)
      this.cuts.cutWhenDue()
    }
    waiters.applied(follow.applied)
  }

  private async read(from: Sequence): Promise<PartitionMessage> {
    const { services, identity, follow } = this.shared
    const { known } = follow
    const records = await readRecords(services.wal, identity.partition, from, READ_BYTES)
    // Sequences that are gone were purged by an owner: by a newer one, unless this is still the newest (then they were never stored).
    if (hasHole(from, records)) await this.assertNewest()
    if (records.length === 0) await services.clock.sleep(LAG_MS)
    const last = records.at(-1)
    return { kind: 'read', from, records, isAll: last !== undefined && (last.holeThrough ?? last.sequence) >= known }
  }

  /** A standby never is: what it missed has been stored. */
  private async assertNewest(): Promise<void> {
    const { services, identity, epoch } = this.shared
    if (identity.role === 'standby') throw new FencedError(identity.partition, epoch)
    await services.catalog.claim(identity.partition, epoch)
  }
}

const hasHole = (from: Sequence, records: ReadonlyArray<DecodedRecord>): boolean => records.some(({ sequence, holeThrough }, i) => holeThrough !== undefined || sequence !== from + i)
