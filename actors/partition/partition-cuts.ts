/**
 * The open head of a partition and its cuts: decides with `cut-policy.ts` when to cut, hands a cut to the flusher, and lets go of it when it is stored. A standby stores
 * nothing: it drops its cuts when the owner has stored them. Owned by `partition.ts`.
 */
import type { Reply } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { MemoryAccount } from '../../storage/memory-budget.ts'
import type { PackedStreams } from '../../storage/packed-streams.ts'
import { cutReason, type CutReason } from './cut-policy.ts'
import { Gather } from './gather.ts'
import { PartitionHead, type PartitionCut } from './partition-head.ts'
import { encodeTaskOf, packed, type TenantContent } from './partition-snapshot.ts'
import type { PartitionShared } from './partition-start.ts'
import { deliver } from './partition-tenants.ts'

export class PartitionCuts {
  /** Rows go here until the next cut. */
  head: PartitionHead
  /** A newer owner has the catalog: nothing is cut any more. */
  isFenced = false
  /** Not stored yet, oldest first. */
  readonly waiting: PartitionCut[] = []
  private readonly shared: PartitionShared
  private readonly account: MemoryAccount
  private readonly onStored: () => void
  /** First sequence that the open head may hold. */
  private headFirst: Sequence
  private storedThrough: Sequence
  private count = 0
  private flushWaiters: Array<{ readonly through: Sequence; readonly reply: Reply<Sequence> }> = []

  /** `onStored`: a cut is in a segment, and its memory free. */
  constructor(shared: PartitionShared, onStored: () => void) {
    this.shared = shared
    this.onStored = onStored
    this.account = shared.services.budget.account('heads')
    this.head = new PartitionHead(shared.slabs)
    this.storedThrough = shared.found.checkpoint
    this.headFirst = this.storedThrough + 1
  }

  /** The cut that will hold what is applied now. */
  get nextCut(): number {
    return this.count + 1
  }

  /** The oldest cut that is not stored yet, or the next. */
  get firstUnstored(): number {
    return this.waiting[0]?.number ?? this.nextCut
  }

  /** Where segments take over. */
  get checkpoint(): Sequence {
    const { services, identity } = this.shared
    return identity.role === 'owner' ? this.storedThrough : services.catalog.current(identity.partition).checkpoint
  }

  heldBytes(): number {
    return this.waiting.reduce((sum, cut) => sum + cut.head.facts().heldBytes, this.head.facts().heldBytes)
  }

  accountMemory(): void {
    this.account.set(this.heldBytes())
  }

  cutWhenDue(): void {
    if (this.isFenced) return
    const { follow, services } = this.shared
    const { budget, clock, settings } = services
    const isAskedFor = this.flushWaiters.some(({ through }) => through >= this.headFirst && through <= follow.applied)
    const reason = isAskedFor ? 'forced' : cutReason(this.head.facts(), settings.cut, clock.monotonicMs(), budget.level() !== 'ok' && this.waiting.length === 0)
    if (reason !== null) this.cut(reason)
  }

  /** Cuts what is applied; answers when all is stored that the log had then. */
  flush(reason: CutReason, reply: Reply<Sequence>): void {
    if (this.isFenced) return reply.fail(this.changesOwner())
    // What the log has but memory had no room for yet is cut when it has been applied.
    const through = this.shared.follow.known
    this.cut(reason)
    if (through <= this.storedThrough) reply.succeed(this.storedThrough)
    else this.flushWaiters.push({ through, reply })
  }

  /** In order, as the flusher stores them. */
  committed(number: number): void {
    const { tenants, slabs } = this.shared
    const index = this.waiting.findIndex((cut) => cut.number === number)
    const [cut] = index === -1 ? [] : this.waiting.splice(index, 1)
    if (cut === undefined) return
    this.storedThrough = cut.last
    this.accountMemory()
    const live = tenants.live()
    // Reads that were asked for before this still name these slabs; tenants commit behind the last such read.
    const gather = new Gather<void>(live.length, () => slabs.release(cut.head.slabs))
    for (const { ref } of live) deliver(ref, { kind: 'committed', cut: number, done: () => gather.add() })
    this.flushWaiters = this.flushWaiters.filter((waiter) => {
      if (waiter.through > this.storedThrough) return true
      waiter.reply.succeed(this.storedThrough)
      return false
    })
    this.onStored()
  }

  /** A standby holds what it cut until its owner has stored all of it. */
  dropStored(): void {
    const { checkpoint } = this
    const { follow, marks } = this.shared
    if (checkpoint >= follow.applied) this.cut('idle')
    for (const cut of this.waiting.filter(({ last }) => last <= checkpoint)) this.committed(cut.number)
    marks?.dropThrough(this.storedThrough)
  }

  fence(): void {
    this.isFenced = true
    this.failFlushes()
  }

  close(): void {
    this.account.close()
    this.failFlushes()
  }

  private cut(reason: CutReason): void {
    const { follow, damaged, tenants, slabs } = this.shared
    const last = follow.applied
    if (last < this.headFirst || damaged.arePending) return
    const cut: PartitionCut = { number: ++this.count, first: this.headFirst, last, head: this.head }
    this.waiting.push(cut)
    this.head = new PartitionHead(slabs)
    this.headFirst = last + 1
    const live = tenants.live()
    const gather = new Gather<TenantContent>(live.length, (contents) => this.submit(cut, reason, contents))
    for (const { tenant, ref } of live) {
      const streams: PackedStreams[] = []
      deliver(ref, { kind: 'cut', cut: cut.number, take: (some) => streams.push(packed(some)), done: () => gather.add({ tenant, streams }) })
    }
  }

  private submit(cut: PartitionCut, reason: CutReason, contents: ReadonlyArray<TenantContent>): void {
    const { services, identity, context, epoch, slabs, logKeeper } = this.shared
    const { partition, role } = identity
    if (role === 'standby') return
    services.flusher.submit({
      partition,
      epoch,
      reason,
      first: cut.first,
      last: cut.last,
      applied: cut.head.logged,
      logKeeper,
      traces: cut.head.traces,
      task: encodeTaskOf(services, partition, cut, contents, slabs),
      onCommitted: () => context.self.tell({ kind: 'committed', cut: cut.number }, { priority: 'high' }),
      onFenced: (error) => context.self.tell({ kind: 'fenced', error, isBehind: false }, { priority: 'high' }),
      onLost: (error) => context.self.tell({ kind: 'logLost', error }, { priority: 'high' }),
    })
  }

  private failFlushes(): void {
    for (const { reply } of this.flushWaiters.splice(0)) reply.fail(this.changesOwner())
  }

  private changesOwner(): SkaldError {
    return new SkaldError('not_ready', `partition ${this.shared.identity.partition} is changing its owner`, { retryAfterS: 1 })
  }
}
