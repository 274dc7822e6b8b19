/**
 * The partition's owner: applies its WAL records in order to streams and chunks, answers for what is not yet in segments, and cuts.
 * Recovery is the same path: a (re)started owner begins at the catalog's checkpoint (F2). One live owner by lease; a stale one is fenced at commit (F3)
 * and only reads on, until its successor serves or a hole shows that the successor has stored what it did not see. `node.ts` starts and stops it.
 * A standby is the same without a lease: it applies and answers, and instead of storing its cuts it drops them when the owner has stored them.
 */
import * as Effect from 'effect/Effect'
import type { ActorContext, Behavior, Reply } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { spanUnder, traceParentOf } from '../../runtime/trace-parent.ts'
import type { Sequence, TenantId } from '../../protocols/model.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import { FencedError } from '../../storage/catalog.ts'
import type { AppliedId } from '../../storage/segment-format.ts'
import type { PackedStreams } from '../../storage/packed-streams.ts'
import { GATHER_SEGMENTS, GATHERED_SEGMENTS_MIN } from './applied-ids.ts'
import { cutReason, type CutReason } from './cut-policy.ts'
import { Gather } from './gather.ts'
import type { DecodedItem, DecodedRecord } from './partition-follow.ts'
import { PartitionHead, type PartitionCut } from './partition-head.ts'
import { readRecords } from './partition-recovery.ts'
import { readIds, recentWithIds } from './past-ids.ts'
import { checkPauseMs, IDS_RETRY_MS, startPartition, type PartitionIdentity, type PartitionState } from './partition-start.ts'
import type { HeadSnapshot, PartitionMessage, PartitionStatus } from './partition-messages.ts'
import { encodeTaskOf, headContentOf, levelPolicyOf, packed, type TenantContent } from './partition-snapshot.ts'
import { deliver, liveTenants, tenantIfHeld, tenantStreams } from './partition-tenants.ts'
import type { PastIds } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import type { AcceptLabels } from './tenant-streams.ts'

/** Pulls are sized by bytes: by count they overrun the server's pending limit. */
const READ_BYTES = 4 * 1024 * 1024
/** After a read of the WAL that failed. */
const READ_RETRY_MS = 500
/** After the WAL did not say what its last sequence is. */
const CATCH_UP_RETRY_MS = 200
/** A replica of the log did not have yet what another has acknowledged. */
const LAG_MS = 10
/** How long records of other nodes gather before they are read. A hole in front of a record of this node is often no more than an acknowledgement on its way. */
const READ_PAUSE_MS = 1_000
/** Of this node's records that wait behind them: then they are read at once. */
const READ_PAUSE_BYTES_MAX = 4 * 1024 * 1024

export const partitionBehavior = (services: Services, identity: PartitionIdentity): Behavior<PartitionMessage, PartitionState> => ({
  init: (context) => Effect.promise(() => startPartition(services, identity, context)),
  handle(state, message, context) {
    new PartitionActor(services, identity, state, context).handle(message)
  },
  terminate(state) {
    state.account.close()
    state.damaged.close()
    const stopped = new SkaldError('not_ready', `partition ${identity.partition} is changing its owner`, { retryAfterS: 1 })
    for (const { reply } of state.flushWaiters) reply.fail(stopped)
  },
})

class PartitionActor {
  private readonly services: Services
  private readonly identity: PartitionIdentity
  private readonly state: PartitionState
  private readonly context: ActorContext<PartitionMessage>

  constructor(services: Services, identity: PartitionIdentity, state: PartitionState, context: ActorContext<PartitionMessage>) {
    this.services = services
    this.identity = identity
    this.state = state
    this.context = context
  }

  handle(message: PartitionMessage): void {
    const { state } = this
    switch (message.kind) {
      case 'published':
        state.follow.offer(message.record)
        return this.advanceSoon()
      case 'heard':
        state.follow.heard(message.sequence)
        return this.advanceSoon()
      case 'readDue':
        state.isReadDue = false
        return this.advance()
      case 'read':
        state.reading = false
        state.follow.offerRead(message.from, message.records)
        return message.isAll ? this.advanceSoon() : this.advance()
      case 'readFailed':
        state.reading = false
        this.services.log.warn('reading the WAL failed, will be repeated', { partition: this.identity.partition, error: String(message.error) })
        this.context.tellLater(READ_RETRY_MS, { kind: 'heard', sequence: state.follow.known })
        return
      case 'readIds':
        return void readIds(this.services, this.identity.partition, state.unreadIds).then((found) => this.context.self.tell({ kind: 'idsRead', found }))
      case 'idsRead':
        return this.idsRead(message.found)
      case 'idsGathered':
        state.isGathering = false
        return
      case 'check':
        return this.check()
      case 'giveUpWaiting':
        return state.waiters.giveUp(this.services.clock.monotonicMs())
      case 'snapshot':
        return this.whenCaughtUp((behind) => this.snapshot(message.tenant, message.accept, behind, message.reply))
      case 'catchUp':
        return this.whenCaughtUp(message.run, message.untilMs)
      case 'caughtUp':
        return this.caughtUp(message.known, message.untilMs, message.run)
      case 'flush':
        return this.whenCaughtUp(() => this.flush(message.reason, message.reply))
      case 'committed':
        return this.committed(message.cut)
      case 'fenced':
        return this.fenced(message.error, message.isBehind)
      case 'status':
        return message.reply.succeed(this.status())
    }
  }

  /** Applies what is next. What is missing is left to gather for a moment, since a few large reads of the log cost less than many small ones; no query waits for that. */
  private advanceSoon(): void {
    const { state } = this
    this.applyReady()
    if (state.follow.missingFrom() === null || state.reading) return
    if (!state.waiters.isEmpty || state.follow.bytes >= READ_PAUSE_BYTES_MAX) return this.advance()
    if (state.isReadDue) return
    state.isReadDue = true
    this.context.tellLater(READ_PAUSE_MS, { kind: 'readDue' })
  }

  /** Applies what is next, and reads what is missing. */
  private advance(): void {
    this.applyReady()
    const from = this.state.follow.missingFrom()
    if (from === null || this.state.reading || this.paused()) return
    this.state.reading = true
    const { partition } = this.identity
    const read = async (): Promise<PartitionMessage> => {
      const { known } = this.state.follow
      const records = await readRecords(this.services.wal, partition, from, READ_BYTES)
      // Sequences that are gone were purged by an owner: by a newer one, unless this is still the newest (then they were never stored).
      if (hasHole(from, records)) await this.assertNewest()
      if (records.length === 0) await this.services.clock.sleep(LAG_MS)
      const last = records.at(-1)
      return { kind: 'read', from, records, isAll: last !== undefined && (last.holeThrough ?? last.sequence) >= known }
    }
    void read().then(
      (message) => this.context.self.tell(message),
      (error: unknown) => {
        this.context.self.tell(error instanceof FencedError ? { kind: 'fenced', error, isBehind: true } : { kind: 'readFailed', error })
      },
    )
  }

  /** A standby never is: what it missed has been stored. */
  private async assertNewest(): Promise<void> {
    const { partition, role } = this.identity
    if (role === 'standby') throw new FencedError(partition, this.state.epoch)
    await this.services.catalog.claim(partition, this.state.epoch)
  }

  private applyReady(): void {
    const { follow } = this.state
    while (!this.paused() && !this.awaitsIds()) {
      const record = follow.take()
      if (record === null) break
      this.apply(record)
      this.cutWhenDue()
    }
    this.state.waiters.applied(follow.applied)
  }

  /** Over the node's budget: the data waits in the WAL (W4). */
  private paused(): boolean {
    return this.services.budget.isAtLeast('stop') && this.state.cuts.length > 0
  }

  /** What is next may repeat what a segment holds whose ids are not known. */
  private awaitsIds(): boolean {
    const { unreadIds, haveIdsBeenTried, follow } = this.state
    return unreadIds.length > 0 && (!haveIdsBeenTried || (follow.next()?.items.some(({ pushId }) => pushId !== '') ?? false))
  }

  private idsRead({ keys, unread, singly }: PastIds): void {
    for (const key of keys) this.state.ids.addKey(key)
    this.state.ungathered += singly - unread.length
    this.state.unreadIds = unread
    this.state.haveIdsBeenTried = true
    if (unread.length > 0) this.context.tellLater(IDS_RETRY_MS, { kind: 'readIds' })
    this.advance()
  }

  /** So that whoever takes over need not ask each of many small segments. What fails is tried again when as many have come again. */
  private gatherIdsWhenDue(): void {
    const { state, services, identity } = this
    if (identity.role === 'standby' || state.isFenced || state.isGathering || state.unreadIds.length > 0 || state.ungathered < GATHER_SEGMENTS) return
    const segments = recentWithIds(services.catalog.current(identity.partition))
    if (segments.length < GATHERED_SEGMENTS_MIN) return
    state.isGathering = true
    state.ungathered = 0
    void services.work
      .gatherIds(identity.partition, segments)
      .catch((error: unknown) => services.log.info('ids could not be gathered, will be repeated', { partition: identity.partition, error: String(error) }))
      .then(() => this.context.self.tell({ kind: 'idsGathered' }))
  }

  private apply(record: DecodedRecord): void {
    if (record.holeThrough !== undefined) return
    const { ids, head } = this.state
    const { sequence } = record
    if (record.damage !== undefined) {
      this.leaveOut(record, record.damage)
      return record.release?.()
    }
    const recordId: AppliedId = { tenant: '', id: record.recordId, sequence }
    if (!ids.add(recordId)) return
    head.recordIds.push(recordId)
    const span = spanUnder(record.traceParent ?? '', 'partition.apply', { 'skald.partition': this.identity.partition, 'skald.sequence': sequence })
    head.traces.add(traceParentOf(span))
    for (const item of record.items) {
      if (item.pushId !== '') {
        const pushId: AppliedId = { tenant: item.tenant as TenantId, id: item.pushId, sequence }
        if (!ids.add(pushId)) continue
        head.pushIds.push(pushId)
      }
      const batch = this.decoded(record, item)
      if (batch === null) continue
      const bytes = this.applyItem(item, batch)
      item.memory.leave()
      if (sequence > this.state.replayThrough) this.countLoad(bytes)
    }
    record.release?.()
    this.state.marks?.note(sequence, head)
    span.end()
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
    if (raw !== undefined && this.identity.role === 'owner') void this.state.damaged.keep(sequence, raw, reason)
  }

  /** Returns the bytes of its lines and metadata. */
  private applyItem(item: DecodedItem, batch: PushBatch): number {
    const { head } = this.state
    const nowMs = this.services.clock.nowMs()
    const streams = tenantStreams(this.services, this.state, this.context.children, item.tenant)
    let bytes = 0
    for (let k = 0; k < item.labels.length; k++) {
      const labelsText = item.labels[k]!
      const source = batch.streams[k]!
      if (labelsText === '' || source.rowFrom === source.rowTo) continue
      deliver(streams, { kind: 'append', cut: this.state.cutCount + 1, labelsText, run: head.append(batch, k, nowMs), receivedMs: item.receivedMs })
      bytes += source.lineBytes + source.metadataBytes
    }
    this.accountMemory()
    return bytes
  }

  private countLoad(bytes: number): void {
    const { metrics, clock } = this.services
    this.state.load.add(bytes, clock.monotonicMs())
    if (this.identity.role === 'owner') metrics.partitionBytes.inc({ partition: this.identity.partition }, bytes)
  }

  private accountMemory(): void {
    const { account, cuts, head } = this.state
    account.set(cuts.reduce((sum, cut) => sum + cut.head.facts().heldBytes, head.facts().heldBytes))
  }

  private cutWhenDue(): void {
    if (this.state.isFenced) return
    const { budget, clock, settings } = this.services
    const { flushWaiters, follow, head, headFirst } = this.state
    const isAskedFor = flushWaiters.some(({ through }) => through >= headFirst && through <= follow.applied)
    const reason = isAskedFor ? 'forced' : cutReason(head.facts(), settings.cut, clock.nowMs(), budget.level() !== 'ok' && this.state.cuts.length === 0)
    if (reason !== null) this.cut(reason)
  }

  private cut(reason: CutReason): void {
    const { state } = this
    const last = state.follow.applied
    if (last < state.headFirst || state.damaged.arePending) return
    const cut: PartitionCut = { number: ++state.cutCount, first: state.headFirst, last, head: state.head }
    state.cuts.push(cut)
    state.head = new PartitionHead(state.slabs)
    state.headFirst = last + 1
    const tenants = liveTenants(state, this.context.children)
    const gather = new Gather<TenantContent>(tenants.length, (contents) => this.submit(cut, reason, contents))
    for (const { tenant, ref } of tenants) {
      const streams: PackedStreams[] = []
      deliver(ref, { kind: 'cut', cut: cut.number, take: (some) => streams.push(packed(some)), done: () => gather.add({ tenant, streams }) })
    }
  }

  private submit(cut: PartitionCut, reason: CutReason, contents: ReadonlyArray<TenantContent>): void {
    const { partition, role } = this.identity
    if (role === 'standby') return
    this.services.flusher.submit({
      partition,
      epoch: this.state.epoch,
      reason,
      first: cut.first,
      last: cut.last,
      traces: cut.head.traces,
      task: encodeTaskOf(this.services, partition, cut, contents, this.state.slabs),
      onCommitted: () => this.context.self.tell({ kind: 'committed', cut: cut.number }, { priority: 'high' }),
      onFenced: (error) => this.context.self.tell({ kind: 'fenced', error, isBehind: false }, { priority: 'high' }),
    })
  }

  private committed(number: number): void {
    const { state } = this
    const index = state.cuts.findIndex((cut) => cut.number === number)
    const [cut] = index === -1 ? [] : state.cuts.splice(index, 1)
    if (cut === undefined) return
    state.checkpoint = Math.max(state.checkpoint, cut.last)
    state.ungathered++
    this.gatherIdsWhenDue()
    this.accountMemory()
    const tenants = liveTenants(state, this.context.children)
    // Reads that were asked for before this still name these slabs; tenants commit behind the last such read.
    const gather = new Gather<void>(tenants.length, () => state.slabs.release(cut.head.slabs))
    for (const { ref } of tenants) deliver(ref, { kind: 'committed', cut: number, done: () => gather.add() })
    state.flushWaiters = state.flushWaiters.filter((waiter) => {
      if (waiter.through > state.checkpoint) return true
      waiter.reply.succeed(state.checkpoint)
      return false
    })
    this.advance()
  }

  /** Heads stay readable until the successor serves, since all that was applied is in them; what was never seen cannot be answered for. */
  private fenced(error: FencedError, isBehind: boolean): void {
    const { state, identity } = this
    if (!state.isFenced) {
      state.isFenced = true
      this.services.log.info('partition is owned elsewhere', { partition: identity.partition, error: error.message })
      for (const { reply } of state.flushWaiters.splice(0)) reply.fail(new SkaldError('not_ready', `partition ${identity.partition} is changing its owner`, { retryAfterS: 1 }))
      identity.onFenced()
    }
    if (isBehind) this.context.stop()
  }

  private flush(reason: CutReason, reply: Reply<Sequence>): void {
    if (this.state.isFenced) return reply.fail(new SkaldError('not_ready', `partition ${this.identity.partition} is changing its owner`, { retryAfterS: 1 }))
    // What the log has but memory had no room for yet is cut when it has been applied.
    const through = this.state.follow.known
    this.cut(reason)
    if (through <= this.state.checkpoint) reply.succeed(this.state.checkpoint)
    else this.state.flushWaiters.push({ through, reply })
  }

  private check(): void {
    this.context.tellLater(checkPauseMs(this.services, this.identity), { kind: 'check' })
    this.cutWhenDue()
    if (this.identity.role === 'standby') this.dropStored()
    void this.state.logEnd.ask().then(
      (last) => void this.context.self.tell({ kind: 'heard', sequence: last }),
      // The next check asks again.
      () => undefined,
    )
  }

  /** A standby holds what it cut until its owner has stored all of it; when memory is short, others need it more. */
  private dropStored(): void {
    const { state } = this
    if (this.services.budget.isAtLeast('stop')) return this.context.stop()
    const { checkpoint } = this.services.catalog.current(this.identity.partition)
    if (checkpoint >= state.follow.applied) this.cut('idle')
    for (const cut of state.cuts.filter(({ last }) => last <= checkpoint)) this.committed(cut.number)
    state.marks?.dropThrough(state.checkpoint)
  }

  /** Where segments take over. */
  private get checkpoint(): Sequence {
    return this.identity.role === 'owner' ? this.state.checkpoint : this.services.catalog.current(this.identity.partition).checkpoint
  }

  /** Q2: asks the WAL for its last sequence and waits until that is applied, within a bound. A log without a leader for a moment is asked again. */
  private whenCaughtUp(run: (behind: boolean) => void, untilMs = this.services.clock.monotonicMs() + this.services.settings.catchUpMsMax): void {
    const { clock } = this.services
    void this.state.logEnd.ask().then(
      (last) => void this.context.self.tell({ kind: 'caughtUp', known: last, untilMs, run }),
      () => {
        if (clock.monotonicMs() >= untilMs) this.context.self.tell({ kind: 'caughtUp', known: null, untilMs, run })
        else this.context.tellLater(CATCH_UP_RETRY_MS, { kind: 'catchUp', untilMs, run })
      },
    )
  }

  private caughtUp(known: Sequence | null, untilMs: number, run: (behind: boolean) => void): void {
    if (known === null) return run(true)
    const { follow } = this.state
    follow.heard(known)
    this.advance()
    if (follow.applied >= known) return run(false)
    this.state.waiters.add(known, untilMs, run)
    // Timers may be a millisecond early, and nobody asks again.
    this.context.tellLater(Math.max(0, Math.ceil(untilMs - this.services.clock.monotonicMs())) + 1, { kind: 'giveUpWaiting' })
  }

  /** What segments up to `checkpoint` do not hold: `from` is read in one step with it, and tenants keep what cuts from there on store until they have answered. */
  private snapshot(tenant: string, accept: AcceptLabels, behind: boolean, reply: Reply<HeadSnapshot>): void {
    const { checkpoint } = this
    const from = this.state.cuts[0]?.number ?? this.state.cutCount + 1
    const stored = this.state.marks?.endOf(checkpoint)
    const ref = tenantIfHeld(this.state, this.context.children, tenant)
    const levels = levelPolicyOf(this.services.limitsOf(tenant))
    if (ref === undefined) return reply.succeed({ checkpoint, content: { tenant, slabs: [], levels, streams: [] }, behind, done: () => {} })
    const done = this.state.slabs.beginRead()
    const streams: PackedStreams[] = []
    deliver(ref, {
      kind: 'read',
      from,
      accept,
      take: (some) => streams.push(packed(some, stored)),
      done: () => reply.succeed({ checkpoint, content: headContentOf({ tenant, streams }, levels, this.state.slabs), behind, done }),
    })
  }

  private status(): PartitionStatus {
    const { follow, head, cuts } = this.state
    const held = cuts.reduce((sum, cut) => sum + cut.head.facts().heldBytes, head.facts().heldBytes)
    return {
      partition: this.identity.partition,
      epoch: this.state.epoch,
      node: this.services.node,
      applied: follow.applied,
      known: follow.known,
      checkpoint: this.checkpoint,
      rawBytes: head.facts().rawBytes,
      heldBytes: held,
      bytesPerSecond: Math.round(this.state.load.bytesPerS(this.services.clock.monotonicMs())),
      cutsWaiting: cuts.length,
      paused: this.paused(),
      fenced: this.state.isFenced,
    }
  }
}

const hasHole = (from: Sequence, records: ReadonlyArray<DecodedRecord>): boolean => records.some(({ sequence, holeThrough }, i) => holeThrough !== undefined || sequence !== from + i)
