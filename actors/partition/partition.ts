/**
 * The partition's owner: applies its WAL records in order to streams and chunks, answers for what is not yet in segments, and cuts. This file has its messages and life cycle;
 * its parts do the work: `partition-log.ts`, `-apply`, `-ids`, `-cuts`, `-answers`. Recovery is the same path: a (re)started owner begins at the catalog's checkpoint
 * (F2). One live owner by lease; a stale one is fenced at commit (F3) and only reads on, until its successor serves or a hole shows that the successor has stored what it
 * did not see. `node.ts` starts and stops it. A standby is the same without a lease: it applies and answers, and stores nothing.
 */
import * as Effect from 'effect/Effect'
import type { Behavior } from '../../runtime/actor.ts'
import type { FencedError } from '../../storage/catalog.ts'
import type { Services } from '../services.ts'
import { LogLostError } from '../flush/log-check.ts'
import { PartitionAnswers } from './partition-answers.ts'
import { PartitionApply } from './partition-apply.ts'
import { PartitionCuts } from './partition-cuts.ts'
import type { DecodedRecord } from './partition-follow.ts'
import { PartitionIds } from './partition-ids.ts'
import { PartitionLog } from './partition-log.ts'
import type { PartitionMessage, PartitionStatus } from './partition-messages.ts'
import { startPartition, type PartitionIdentity, type PartitionShared } from './partition-start.ts'

/** How often a standby asks for the log's last sequence and the owner's checkpoint. */
const STANDBY_CHECK_MS = 1_000

export function partitionBehavior(services: Services, identity: PartitionIdentity): Behavior<PartitionMessage, Partition> {
  // Records may be acknowledged, and wait for it, before it has begun.
  const logKeeper = services.wal.keeper()
  return {
    init: (context) => Effect.promise(async () => new Partition(await startPartition(services, identity, logKeeper, context))),
    handle: (partition, message) => partition.handle(message),
    terminate: (partition) => partition.close(),
  }
}

class Partition {
  private readonly shared: PartitionShared
  private readonly ids: PartitionIds
  private readonly cuts: PartitionCuts
  private readonly apply: PartitionApply
  private readonly log: PartitionLog
  private readonly answers: PartitionAnswers

  constructor(shared: PartitionShared) {
    this.shared = shared
    this.ids = new PartitionIds(shared)
    this.cuts = new PartitionCuts(shared, () => this.stored())
    this.apply = new PartitionApply(shared, this.ids, this.cuts)
    this.log = new PartitionLog(shared, this.ids, this.cuts, this.apply)
    this.answers = new PartitionAnswers(shared, this.cuts, this.log)
    this.checkLater()
    shared.context.self.tell({ kind: 'heard', sequence: shared.follow.known })
  }

  handle(message: PartitionMessage): void {
    const { follow } = this.shared
    switch (message.kind) {
      case 'published':
        this.assertNew(message.record)
        follow.offer(message.record)
        return this.log.advanceSoon()
      case 'heard':
        follow.heard(message.sequence)
        return this.log.advanceSoon()
      case 'readDue':
        return this.log.readDue()
      case 'read':
        return this.log.wasRead(message.from, message.records, message.isAll)
      case 'readFailed':
        return this.log.readFailed(message.error)
      case 'logLost':
        // A server lost what it had not synced (W2). Its sequences are given out again, so whoever goes on would take new records for old ones: start again from the checkpoint.
        throw message.error
      case 'readIds':
        return this.ids.read()
      case 'idsRead':
        this.ids.wereRead(message.found)
        return this.log.advance()
      case 'idsGathered':
        return this.ids.gathered()
      case 'check':
        return this.check()
      case 'giveUpWaiting':
        return this.answers.giveUpWaiting()
      case 'snapshot':
        return this.answers.whenCaughtUp((behind) => this.answers.snapshot(message.tenant, message.accept, behind, message.reply))
      case 'catchUp':
        return this.answers.whenCaughtUp(message.run, message.untilMs)
      case 'caughtUp':
        return this.answers.caughtUp(message.known, message.untilMs, message.run)
      case 'flush':
        return this.answers.whenCaughtUp(() => this.cuts.flush(message.reason, message.reply))
      case 'committed':
        return this.cuts.committed(message.cut)
      case 'fenced':
        return this.fenced(message.error, message.isBehind)
      case 'status':
        return message.reply.succeed(this.status())
    }
  }

  /** Where something else was applied already, the log has given a sequence out again. */
  private assertNew({ sequence, recordId }: DecodedRecord): void {
    const { identity, follow } = this.shared
    if (sequence <= follow.applied && !this.ids.mayHave(recordId)) throw new LogLostError(identity.partition, `has a new record at ${sequence}, though ${follow.applied} was applied from it`)
  }

  close(): void {
    this.shared.damaged.close()
    this.cuts.close()
  }

  /** When memory is short, others need a standby's more. */
  private check(): void {
    const { services, identity, context } = this.shared
    this.checkLater()
    this.cuts.cutWhenDue()
    if (identity.role === 'standby' && services.budget.isAtLeast('stop')) context.stop()
    else if (identity.role === 'standby') this.cuts.dropStored()
    this.answers.hear()
  }

  /** An owner hears of most records from who published them, a standby only by asking the log. Give or take a fifth, so that partitions do not all flush at once. */
  private checkLater(): void {
    const { services, identity, context } = this.shared
    const { checkPeriodMs } = services.settings
    const periodMs = identity.role === 'owner' ? checkPeriodMs : Math.min(checkPeriodMs, STANDBY_CHECK_MS)
    context.tellLater(periodMs * (0.8 + 0.4 * services.random.next()), { kind: 'check' })
  }

  private stored(): void {
    if (this.shared.identity.role === 'owner' && !this.cuts.isFenced) this.ids.segmentStored()
    this.log.advance()
  }

  /** Heads stay readable until the successor serves, since all that was applied is in them; what was never seen cannot be answered for. */
  private fenced(error: FencedError, isBehind: boolean): void {
    const { services, identity, context } = this.shared
    if (!this.cuts.isFenced) {
      services.log.info('partition is owned elsewhere', { partition: identity.partition, error: error.message })
      this.cuts.fence()
      identity.onFenced()
    }
    if (isBehind) context.stop()
  }

  private status(): PartitionStatus {
    const { services, identity, epoch, follow } = this.shared
    const { checkpoint, head, waiting, isFenced } = this.cuts
    return {
      partition: identity.partition,
      epoch,
      node: services.node,
      applied: follow.applied,
      known: follow.known,
      checkpoint,
      rawBytes: head.facts().rawBytes,
      heldBytes: this.cuts.heldBytes(),
      bytesPerSecond: Math.round(this.apply.bytesPerS()),
      cutsWaiting: waiting.length,
      paused: this.log.isPaused(),
      fenced: isFenced,
    }
  }
}
