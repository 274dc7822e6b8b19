/**
 * Applies records of the log to streams and chunks: each push once (W1), its rows into the open head, its runs of rows to the tenant's streams. What cannot be read is left
 * out and kept aside (W5). Called by `partition-log.ts` in order of sequence; per record, item and stream, never per line.
 */
import { spanUnder, traceParentOf } from '../../runtime/trace-parent.ts'
import type { Sequence, TenantId } from '../../protocols/model.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import { LoadRate } from './load-rate.ts'
import type { PartitionCuts } from './partition-cuts.ts'
import type { DecodedItem, DecodedRecord } from './partition-follow.ts'
import type { PartitionIds } from './partition-ids.ts'
import type { PartitionShared } from './partition-start.ts'
import { deliver } from './partition-tenants.ts'

export class PartitionApply {
  private readonly shared: PartitionShared
  private readonly ids: PartitionIds
  private readonly cuts: PartitionCuts
  private readonly load: LoadRate
  private readonly replayThrough: Sequence

  constructor(shared: PartitionShared, ids: PartitionIds, cuts: PartitionCuts) {
    this.shared = shared
    this.ids = ids
    this.cuts = cuts
    this.load = new LoadRate(shared.services.clock.monotonicMs())
    this.replayThrough = shared.found.logEnd
  }

  record(record: DecodedRecord): void {
    if (record.holeThrough !== undefined) return
    const { ids } = this
    const { head } = this.cuts
    const { sequence } = record
    const recordId: AppliedId = { tenant: '', id: record.recordId, sequence }
    head.logged.push(recordId)
    if (record.damage !== undefined) {
      this.leaveOut(record, record.damage)
      return record.release?.()
    }
    if (!ids.add(recordId)) return
    head.recordIds.push(recordId)
    const span = spanUnder(record.traceParent ?? '', 'partition.apply', { 'skald.partition': this.shared.identity.partition, 'skald.sequence': sequence })
    head.traces.add(traceParentOf(span))
    for (const item of record.items) {
      // First of all: the id of a push that cannot be read is not taken, so that it can be pushed again.
      const batch = this.decoded(record, item)
      if (batch === null) continue
      if (item.pushId !== '') {
        const pushId: AppliedId = { tenant: item.tenant as TenantId, id: item.pushId, sequence }
        if (!ids.add(pushId)) continue
        head.pushIds.push(pushId)
      }
      const bytes = this.item(item, batch)
      item.memory.leave()
      if (sequence > this.replayThrough) this.countLoad(bytes)
    }
    record.release?.()
    this.shared.marks?.note(sequence, head)
    span.end()
  }

  /** Of lines and metadata, now. */
  bytesPerS(): number {
    return this.load.bytesPerS(this.shared.services.clock.monotonicMs())
  }

  /** null: it cannot be read, which costs the other items of its record nothing. */
  private decoded(record: DecodedRecord, item: DecodedItem): PushBatch | null {
    try {
      const { batch } = item
      if (batch.streams.length >= item.labels.length) return batch
      this.leaveOut(record, `labels of ${item.labels.length} streams where there are ${batch.streams.length}`)
    } catch (error) {
      this.leaveOut(record, error instanceof Error ? error.message : String(error))
    }
    return null
  }

  /** A standby leaves the rest to the owner. */
  private leaveOut({ sequence, raw }: DecodedRecord, reason: string): void {
    const { identity, damaged } = this.shared
    if (raw !== undefined && identity.role === 'owner') void damaged.keep(sequence, raw, reason)
  }

  /** Returns the bytes of its lines and metadata. */
  private item(item: DecodedItem, batch: PushBatch): number {
    const { head, nextCut } = this.cuts
    const nowMs = this.shared.services.clock.monotonicMs()
    const streams = this.shared.tenants.of(item.tenant)
    let bytes = 0
    for (let k = 0; k < item.labels.length; k++) {
      const labelsText = item.labels[k]!
      const source = batch.streams[k]!
      if (labelsText === '' || source.rowFrom === source.rowTo) continue
      deliver(streams, { kind: 'append', cut: nextCut, labelsText, run: head.append(batch, k, nowMs), receivedMs: item.receivedMs })
      bytes += source.lineBytes + source.metadataBytes
    }
    this.cuts.accountMemory()
    return bytes
  }

  private countLoad(bytes: number): void {
    const { services, identity } = this.shared
    this.load.add(bytes, services.clock.monotonicMs())
    if (identity.role === 'owner') services.metrics.partitionBytes.inc({ partition: identity.partition }, bytes)
  }
}
