/**
 * The node's actor: places partitions over the live members, holds the leases of those that fall to this node, and starts and stops their actors. What
 * happens to one partition is decided by `tenure-state.ts`; this file turns the world into its events and carries its effects out.
 */
import * as Effect from 'effect/Effect'
import type { ActorContext, ActorRef, Behavior, ExitReason, Reply } from '../../runtime/actor.ts'
import { type ErrorCode, SkaldError } from '../../runtime/errors.ts'
import type { Lease, LeaseKeeper } from '../../runtime/lease.ts'
import type { Member } from '../../runtime/membership-state.ts'
import { placePartitions } from '../../runtime/ring.ts'
import { FencedError } from '../../storage/catalog.ts'
import type { OwnerMap } from './owner-map.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import { leaseEpochOf } from '../partition/partition-epoch.ts'
import { partitionBehavior } from '../partition/partition.ts'
import type { HeadSnapshot, PartitionMessage, PartitionStatus } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'
import { StandbyKeeper } from './standby-keeper.ts'
import { TENURE_START, tenureStep, type TenureEffect, type TenureEvent, type TenureState } from './tenure-state.ts'

export type NodeMessage =
  | { readonly kind: 'members'; readonly members: ReadonlyArray<Member> }
  /** Somebody announced that it serves this partition, or an announcement is gone. */
  | { readonly kind: 'announced'; readonly partition: number }
  /** A moment after a change of members or owners: they come in bursts, and placing takes time. */
  | { readonly kind: 'place' }
  | { readonly kind: 'tenure'; readonly partition: number; readonly event: TenureEvent }
  | { readonly kind: 'ended'; readonly partition: number; readonly reason: ExitReason }
  | { readonly kind: 'announceDone'; readonly partition: number }
  /** The owner here has applied the whole log: a standby that stood in for it may go. */
  | { readonly kind: 'caughtUp'; readonly partition: number }
  | { readonly kind: 'standbyEnded'; readonly partition: number }
  | { readonly kind: 'startStandbys' }
  | { readonly kind: 'status'; readonly reply: Reply<NodeStatus> }

export interface NodeStatus {
  readonly members: ReadonlyArray<Member>
  readonly tenures: ReadonlyArray<{ readonly partition: number } & TenureState>
}

export interface NodeParts {
  readonly services: Services
  readonly keeper: LeaseKeeper
  readonly owners: OwnerMap
  readonly directory: PartitionDirectory
  /** As they are now; none until they have been heard of. */
  readonly members: () => ReadonlyArray<Member>
  /** Nodes that follow each partition besides its owner. */
  readonly standbys: number
}

interface Tenure {
  state: TenureState
  lease: Lease | undefined
  /** An announcement is on its way. */
  isAnnouncing: boolean
  wake: { cancel(): void } | undefined
}

export interface NodeState {
  members: ReadonlyArray<Member>
  /** A `place` is on its way. */
  willPlace: boolean
  /** Said that no member may own partitions. */
  hasToldNobody: boolean
  readonly tenures: Map<number, Tenure>
  readonly standbys: StandbyKeeper<NodeMessage>
}

/** Messages are small or hold what is counted elsewhere; the bytes bound what waits decoded for a partition that is busy. */
const PARTITION_MAILBOX = { messagesMax: 100_000, bytesMax: 16 * 1024 * 1024 }
/** A start reads ids back from segments; until then nobody serves the partition from here. */
const START_MS_MAX = 600_000
/** Nodes that start together, and announcements after one that ended, are seen one by one. */
const PLACE_PAUSE_MS = 20
const UNAVAILABLE: ReadonlySet<ErrorCode> = new Set(['storage_unavailable', 'wal_unavailable'])
const idOf = (partition: number): string => `partition-${partition}`

export const nodeBehavior = (parts: NodeParts): Behavior<NodeMessage, NodeState> => ({
  init: ({ self }) => {
    // Also after a crash: who is a member is told again only when it changes.
    self.tell({ kind: 'members', members: parts.members() })
    return { members: [], willPlace: false, hasToldNobody: false, tenures: new Map(), standbys: new StandbyKeeper(parts.services, parts.directory, STANDBY_MESSAGES) }
  },
  handle: (state, message, context) => new NodeActor(parts, state, context).handle(message),
  terminate: () => Effect.promise(() => parts.keeper.releaseAll()),
})

const whyEnded = (reason: ExitReason): 'stopped' | 'crashed' | 'unavailable' => {
  if (reason.kind !== 'crashed') return 'stopped'
  return reason.error instanceof SkaldError && UNAVAILABLE.has(reason.error.code) ? 'unavailable' : 'crashed'
}

const STANDBY_MESSAGES = { ended: (partition: number): NodeMessage => ({ kind: 'standbyEnded', partition }), again: { kind: 'startStandbys' } as NodeMessage }

/** Members that may own partitions. */
export function ownersAmong(members: ReadonlyArray<Member>): Member[] {
  return members.filter(({ roles, state }) => state === 'active' && (roles.includes('all') || roles.includes('partitions')))
}

class NodeActor {
  private readonly parts: NodeParts
  private readonly state: NodeState
  private readonly context: ActorContext<NodeMessage>

  constructor(parts: NodeParts, state: NodeState, context: ActorContext<NodeMessage>) {
    this.parts = parts
    this.state = state
    this.context = context
  }

  handle(message: NodeMessage): void {
    switch (message.kind) {
      case 'members':
        this.state.members = message.members
        // Whose announced owner is missed now, or is back.
        for (const partition of this.state.tenures.keys()) this.step(partition, this.announcement(partition))
        return this.placeSoon()
      case 'announced':
        this.step(message.partition, this.announcement(message.partition))
        return this.placeSoon()
      case 'place':
        return this.place()
      case 'tenure':
        return this.step(message.partition, message.event)
      case 'ended':
        return this.ended(message.partition, message.reason)
      case 'announceDone':
        this.tenure(message.partition).isAnnouncing = false
        return this.step(message.partition, this.announcement(message.partition))
      case 'caughtUp':
        return this.state.standbys.want(message.partition, false, this.context)
      case 'standbyEnded':
        return this.state.standbys.ended(message.partition, this.context)
      case 'startStandbys':
        return this.state.standbys.startMissing(this.context)
      case 'status':
        return message.reply.succeed({ members: this.state.members, tenures: [...this.state.tenures].map(([partition, { state }]) => ({ partition, ...state })) })
    }
  }

  private placeSoon(): void {
    if (this.state.willPlace) return
    this.state.willPlace = true
    this.context.tellLater(PLACE_PAUSE_MS, { kind: 'place' })
  }

  /** Every node that sees the same members and announcements finds the same placement; present owners keep what they may. */
  private place(): void {
    this.state.willPlace = false
    const { services, owners, directory, standbys } = this.parts
    const partitions = services.partitionCount()
    const candidates = ownersAmong(this.state.members)
    this.tellNobodyOwns(candidates.length === 0)
    const placement = placePartitions(partitions, candidates, { owners: owners.nodes(partitions), standbys })
    for (const [partition, nodes] of placement.entries()) {
      const isAssigned = nodes[0] === services.node
      if (isAssigned !== (this.state.tenures.get(partition)?.state.isAssigned ?? false)) this.step(partition, { kind: 'assigned', isAssigned })
      const others = nodes.slice(1)
      directory.placeStandbys(partition, others)
      // A standby of a partition that falls to this node answers until the owner here has caught up.
      if (!isAssigned) this.state.standbys.want(partition, others.includes(services.node), this.context)
    }
  }

  /** Pushes are acknowledged all the same, and queries wait for owners: nothing else would say why. Not while this node leaves, or is not among the members yet. */
  private tellNobodyOwns(isNobody: boolean): void {
    const { services } = this.parts
    const isActive = this.state.members.some(({ id, state }) => id === services.node && state === 'active')
    const isToTell = isNobody && isActive
    if (isToTell && !this.state.hasToldNobody) services.log.warn('no node has the role `partitions`: pushes are kept in the log, queries find only what is in segments')
    this.state.hasToldNobody = isToTell
  }

  private tenure(partition: number): Tenure {
    const known = this.state.tenures.get(partition)
    if (known !== undefined) return known
    const { epoch, isOurs, isMissed } = this.announcement(partition)
    const tenure: Tenure = { state: { ...TENURE_START, announced: { epoch, isOurs, isMissed } }, lease: undefined, isAnnouncing: false, wake: undefined }
    this.state.tenures.set(partition, tenure)
    return tenure
  }

  private announcement(partition: number): Extract<TenureEvent, { kind: 'announced' }> {
    const announced = this.parts.owners.ownerOf(partition)
    const isMissed = announced !== undefined && this.state.members.length > 0 && this.state.members.every(({ id }) => id !== announced.node)
    return { kind: 'announced', epoch: announced?.epoch ?? 0, isOurs: announced?.node === this.parts.services.node, isMissed }
  }

  private step(partition: number, event: TenureEvent): void {
    const { clock, random } = this.parts.services
    const tenure = this.tenure(partition)
    const nowMs = clock.monotonicMs()
    const { state, effects, wakeAtMs } = tenureStep(tenure.state, event, nowMs, random.next())
    tenure.state = state
    tenure.wake?.cancel()
    tenure.wake = wakeAtMs === undefined ? undefined : this.context.tellLater(Math.max(0, wakeAtMs - nowMs), { kind: 'tenure', partition, event: { kind: 'tick' } })
    for (const effect of effects) this.carryOut(partition, tenure, effect)
  }

  private carryOut(partition: number, tenure: Tenure, effect: TenureEffect): void {
    switch (effect.kind) {
      case 'want':
        tenure.lease = this.want(partition, effect.epochFloor)
        return
      case 'release':
        return this.release(partition, tenure)
      case 'start':
        return this.start(partition, effect.epoch)
      case 'stop':
        this.parts.directory.remove(partition)
        return void Effect.runFork(this.context.children.stop(idOf(partition)))
      case 'announce':
        return this.announce(partition, tenure, effect.epoch)
    }
  }

  /** Never below what the catalog has seen: leases may have been lost alone. */
  private want(partition: number, epochFloor: number): Lease {
    const { keeper, services } = this.parts
    const tell = (event: TenureEvent): void => this.tell(partition, event)
    const listener = { held: (epoch: number) => tell({ kind: 'held', epoch }), lost: () => tell({ kind: 'lost' }) }
    return keeper.acquire(String(partition), listener, Math.max(epochFloor, leaseEpochOf(services.catalog.current(partition).epoch)))
  }

  private release(partition: number, tenure: Tenure): void {
    void tenure.lease?.release().then(() => this.tell(partition, { kind: 'released' }))
    tenure.lease = undefined
  }

  private start(partition: number, leaseEpoch: number): void {
    const { services, directory } = this.parts
    const { children, self } = this.context
    const onFenced = (): void => this.tell(partition, this.fencedEvent(partition))
    // Temporary: ownership decides whether it is started again, not its supervisor.
    const ref: ActorRef<PartitionMessage> = children.start({
      id: idOf(partition),
      behavior: partitionBehavior(services, { partition, role: 'owner', leaseEpoch, onFenced }),
      restart: 'temporary',
      mailbox: PARTITION_MAILBOX,
    })
    this.context.watch(ref as ActorRef<never>, (reason) => ({ kind: 'ended', partition, reason }))
    directory.add(partition, ref)
    // Answered as soon as it has started; an end is told by the watch.
    void services.system.ask<PartitionMessage, PartitionStatus>(ref, (reply) => ({ kind: 'status', reply }), START_MS_MAX).then(
      () => void self.tell({ kind: 'tenure', partition, event: { kind: 'serving' } }),
      () => undefined,
    )
    void services.system.ask<PartitionMessage, HeadSnapshot>(ref, (reply) => ({ kind: 'snapshot', tenant: '', accept: () => false, reply }), START_MS_MAX).then(
      ({ done }) => (done(), void self.tell({ kind: 'caughtUp', partition })),
      () => undefined,
    )
  }

  private ended(partition: number, reason: ExitReason): void {
    const { directory, services } = this.parts
    directory.remove(partition)
    if (reason.kind === 'crashed') {
      services.log.warn('a partition stopped and will be recovered from the log', { partition, error: String(reason.error) })
      if (reason.error instanceof FencedError) this.step(partition, this.fencedEvent(partition))
    }
    this.step(partition, { kind: 'ended', why: whyEnded(reason) })
  }

  private fencedEvent(partition: number): TenureEvent {
    return { kind: 'fenced', epochFloor: leaseEpochOf(this.parts.services.catalog.current(partition).epoch) }
  }

  private announce(partition: number, tenure: Tenure, epoch: number): void {
    if (tenure.isAnnouncing) return
    tenure.isAnnouncing = true
    const { owners, services } = this.parts
    void owners.announce(partition, { node: services.node, epoch }).then(() => this.context.self.tell({ kind: 'announceDone', partition }))
  }

  private tell(partition: number, event: TenureEvent): void {
    this.context.self.tell({ kind: 'tenure', partition, event })
  }
}
