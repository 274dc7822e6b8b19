/**
 * Answers for what a partition holds in memory, behind the log: a question waits until everything is applied that was acknowledged before it (Q2), and is answered with the
 * checkpoint where segments take over (Q1). Owned by `partition.ts`.
 */
import type { Reply } from '../../runtime/actor.ts'
import type { Sequence } from '../../protocols/model.ts'
import { FreshAnswers } from '../../storage/fresh-answers.ts'
import type { PackedStreams } from '../../storage/packed-streams.ts'
import { LogLostError } from '../flush/log-check.ts'
import type { PartitionCuts } from './partition-cuts.ts'
import type { PartitionLog } from './partition-log.ts'
import type { HeadSnapshot } from './partition-messages.ts'
import { headContentOf, levelPolicyOf, packed } from './partition-snapshot.ts'
import type { PartitionShared } from './partition-start.ts'
import { deliver } from './partition-tenants.ts'
import type { AcceptLabels } from './tenant-streams.ts'

/** After the WAL did not say what its last sequence is. */
const CATCH_UP_RETRY_MS = 200

export class PartitionAnswers {
  private readonly shared: PartitionShared
  private readonly cuts: PartitionCuts
  private readonly log: PartitionLog
  /** The log's last sequence when all that was acknowledged before has its place in it. */
  private readonly logEnd: FreshAnswers<Sequence>

  constructor(shared: PartitionShared, cuts: PartitionCuts, log: PartitionLog) {
    this.shared = shared
    this.cuts = cuts
    this.log = log
    const { services, identity, follow, context } = shared
    this.logEnd = new FreshAnswers(async () => {
      const { applied } = follow
      await services.wal.settle(identity.partition)
      const { last } = await services.wal.state(identity.partition)
      if (last < applied) context.self.tell({ kind: 'logLost', error: new LogLostError(identity.partition, `ends at ${last}, before ${applied}, which was applied from it`) }, { priority: 'high' })
      return last
    })
  }

  /** Asks the log how far it reaches: others may have published. */
  hear(): void {
    void this.logEnd.ask().then(
      (last) => void this.shared.context.self.tell({ kind: 'heard', sequence: last }),
      // The next check asks again.
      () => undefined,
    )
  }

  /** Asks the WAL for its last sequence and waits until that is applied, within a bound. A log without a leader for a moment is asked again. */
  whenCaughtUp(run: (behind: boolean) => void, untilMs = this.nowMs() + this.shared.services.settings.catchUpMsMax): void {
    const { context } = this.shared
    void this.logEnd.ask().then(
      (last) => void context.self.tell({ kind: 'caughtUp', known: last, untilMs, run }),
      () => {
        if (this.nowMs() >= untilMs) context.self.tell({ kind: 'caughtUp', known: null, untilMs, run })
        else context.tellLater(CATCH_UP_RETRY_MS, { kind: 'catchUp', untilMs, run })
      },
    )
  }

  caughtUp(known: Sequence | null, untilMs: number, run: (behind: boolean) => void): void {
    if (known === null) return run(true)
    const { follow, waiters, context } = this.shared
    follow.heard(known)
    this.log.advance()
    if (follow.applied >= known) return run(false)
    waiters.add(known, untilMs, run)
    // Timers may be a millisecond early, and nobody asks again.
    context.tellLater(Math.max(0, Math.ceil(untilMs - this.nowMs())) + 1, { kind: 'giveUpWaiting' })
  }

  giveUpWaiting(): void {
    this.shared.waiters.giveUp(this.nowMs())
  }

  /** What segments up to `checkpoint` do not hold: `from` is read in one step with it, and tenants keep what cuts from there on store until they have answered. */
  snapshot(tenant: string, accept: AcceptLabels, behind: boolean, reply: Reply<HeadSnapshot>): void {
    const { services, tenants, slabs, marks } = this.shared
    const { checkpoint, firstUnstored: from } = this.cuts
    const stored = marks?.endOf(checkpoint)
    const ref = tenants.ifHeld(tenant)
    const levels = levelPolicyOf(services.limitsOf(tenant))
    if (ref === undefined) return reply.succeed({ checkpoint, content: { tenant, slabs: [], levels, streams: [] }, behind, done: () => {} })
    const done = slabs.beginRead()
    const streams: PackedStreams[] = []
    deliver(ref, {
      kind: 'read',
      from,
      accept,
      take: (some) => streams.push(packed(some, stored)),
      done: () => reply.succeed({ checkpoint, content: headContentOf({ tenant, streams }, levels, slabs), behind, done }),
    })
  }

  private nowMs(): number {
    return this.shared.services.clock.monotonicMs()
  }
}
