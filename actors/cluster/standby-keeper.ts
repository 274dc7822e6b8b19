/**
 * The standbys of a node: starts and stops the actors that follow other nodes' partitions, so that reads go on at once when an owner dies. A standby that ended (it
 * missed what was stored, or memory ran out) is started afresh. Used by `node.ts`; who stands by for what is the ring's decision.
 */
import * as Effect from 'effect/Effect'
import type { ActorContext, ActorRef } from '../../runtime/actor.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import { partitionBehavior } from '../partition/partition.ts'
import type { PartitionMessage } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'

const MAILBOX = { messagesMax: 100_000, bytesMax: 16 * 1024 * 1024 }
/** After an end; memory may have run out. */
const RESTART_MS = 2_000
const idOf = (partition: number): string => `standby-${partition}`

export class StandbyKeeper<M> {
  private readonly wanted = new Set<number>()
  private readonly running = new Set<number>()
  private readonly services: Services
  private readonly directory: PartitionDirectory
  private readonly messages: { readonly ended: (partition: number) => M; readonly again: M }

  constructor(services: Services, directory: PartitionDirectory, messages: { readonly ended: (partition: number) => M; readonly again: M }) {
    this.services = services
    this.directory = directory
    this.messages = messages
  }

  want(partition: number, isWanted: boolean, context: ActorContext<M>): void {
    if (isWanted) this.wanted.add(partition)
    else if (this.wanted.delete(partition) && this.running.has(partition)) this.stop(partition, context)
    this.startMissing(context)
  }

  startMissing(context: ActorContext<M>): void {
    if (this.services.budget.level() !== 'ok') return
    for (const partition of this.wanted) if (!this.running.has(partition)) this.start(partition, context)
  }

  ended(partition: number, context: ActorContext<M>): void {
    this.running.delete(partition)
    this.directory.removeStandby(partition)
    if (this.wanted.has(partition)) context.tellLater(RESTART_MS, this.messages.again)
  }

  private start(partition: number, context: ActorContext<M>): void {
    this.running.add(partition)
    const ref: ActorRef<PartitionMessage> = context.children.start({
      id: idOf(partition),
      behavior: partitionBehavior(this.services, { partition, role: 'standby', leaseEpoch: 0, onFenced: () => undefined }),
      restart: 'temporary',
      mailbox: MAILBOX,
    })
    context.watch(ref as ActorRef<never>, () => this.messages.ended(partition))
    this.directory.addStandby(partition, ref)
  }

  private stop(partition: number, context: ActorContext<M>): void {
    this.directory.removeStandby(partition)
    Effect.runFork(context.children.stop(idOf(partition)))
  }
}
