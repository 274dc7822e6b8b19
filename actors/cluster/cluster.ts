/**
 * This node as a part of the cluster: membership, leases and announcements over KV, and the node's actor that acts on them. `root.ts` opens it once
 * and drains it before everything else stops.
 */
import type { ActorRef } from '../../runtime/actor.ts'
import type { Kv, KvBucket } from '../../runtime/kv.ts'
import { LeaseKeeper } from '../../runtime/lease.ts'
import type { LeaseRecord } from '../../runtime/lease-state.ts'
import { Membership } from '../../runtime/membership.ts'
import type { Member } from '../../runtime/membership-state.ts'
import { nodeBehavior, ownersAmong, type NodeMessage, type NodeStatus } from './node.ts'
import { OwnerMap } from './owner-map.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { Services } from '../services.ts'

export interface ClusterOptions {
  readonly roles: ReadonlyArray<string>
  readonly zone: string
  readonly replicas: number
  readonly leaseTtlMs: number
  readonly heartbeatMs: number
  /** Nodes that follow each partition besides its owner. */
  readonly standbys: number
  /** Told when another process has taken this node's name; nothing is handed over then, since it is not this one's any more. */
  readonly onUsurped?: () => void
}

export interface Cluster {
  readonly owners: OwnerMap
  members(): ReadonlyArray<Member>
  /** Members that take pushes, this node included. */
  gatewayCount(): number
  /** Members that answer queries, and scan segments for each other. */
  queryNodeCount(): number
  /** What any node is configured for, or any ever was as far as it left something behind. */
  partitionCount(): number
  /** Partition -> holder of its lease, as last seen. */
  leases(): ReadonlyMap<string, LeaseRecord>
  /** Starts taking partitions. */
  begin(directory: PartitionDirectory): void
  status(): Promise<NodeStatus>
  /** What is missing before this node may be sent requests; '' when nothing is. */
  waitsFor(): Promise<string>
  /** Hands over what this node owns; resolves when others serve it, nobody else is there, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  /** Gives leases back and leaves the list of members. */
  leave(): Promise<void>
}

const LEASE_BUCKET = 'skald_leases'
const MEMBER_BUCKET = 'skald_members'
/** The dead are forgotten after this many lease times. */
const MEMBER_AGE_TTLS = 10
/** A member is missed before its leases run out, so that its heirs wait for the leases already. */
const SILENCE_SHARE = 0.7
/** However long the interval that is configured: one late heartbeat is no death. */
const BEATS_PER_SILENCE = 3
const STATUS_MS = 2_000
const DRAIN_POLL_MS = 20

/** Resolves when it is known who serves what. Rejects `storage_unavailable`. */
export async function openCluster(services: Services, kv: Kv, options: ClusterOptions): Promise<Cluster> {
  const { clock, random, node } = services
  const { replicas, leaseTtlMs } = options
  const leaseBucket = await kv.bucket({ name: LEASE_BUCKET, replicas, majority: true })
  const memberBucket = await kv.bucket({ name: MEMBER_BUCKET, replicas, majority: true, maxAgeMs: leaseTtlMs * MEMBER_AGE_TTLS })
  const owners = new OwnerMap({ bucket: leaseBucket, clock, random })
  await owners.ready
  const keeper = new LeaseKeeper({ bucket: leaseBucket, clock, random, holder: node, ttlMs: leaseTtlMs, prefix: 'partition.' })
  return new ThisNode(services, options, { owners, keeper, memberBucket })
}

interface ClusterParts {
  readonly owners: OwnerMap
  readonly keeper: LeaseKeeper
  readonly memberBucket: KvBucket
}

class ThisNode implements Cluster {
  readonly owners: OwnerMap
  readonly #services: Services
  readonly #standbys: number
  readonly #keeper: LeaseKeeper
  readonly #membership: Membership
  #actor: ActorRef<NodeMessage> | undefined
  /** The members have been heard of. */
  #isKnown = false
  #isDraining = false
  #wasReady = false
  #isUsurped = false

  constructor(services: Services, options: ClusterOptions, { owners, keeper, memberBucket }: ClusterParts) {
    const { clock, random, node, settings } = services
    this.#services = services
    this.#standbys = options.standbys
    this.owners = owners
    this.#keeper = keeper
    this.#membership = new Membership({
      bucket: memberBucket,
      clock,
      random,
      self: { id: node, node, roles: options.roles, zone: options.zone, state: 'active', startedMs: clock.nowMs(), partitions: settings.partitions },
      beatMs: Math.min(options.heartbeatMs, (options.leaseTtlMs * SILENCE_SHARE) / BEATS_PER_SILENCE),
      silentMsMax: options.leaseTtlMs * SILENCE_SHARE,
      onChange: (members) => this.#membersChanged(members),
      onUsurped: () => this.#usurped(options.onUsurped),
    })
  }

  members(): ReadonlyArray<Member> {
    return this.#membership.members()
  }

  gatewayCount(): number {
    return Math.max(1, this.#membersWith('gateway'))
  }

  queryNodeCount(): number {
    return this.#membersWith('query')
  }

  leases(): ReadonlyMap<string, LeaseRecord> {
    return this.#keeper.view()
  }

  partitionCount(): number {
    const { settings, catalog } = this.#services
    const stored = catalog.partitions().map((partition) => partition + 1)
    const configured = this.members().map(({ partitions = 0 }) => partitions)
    return Math.max(settings.partitions, this.owners.count, ...stored, ...configured)
  }

  begin(directory: PartitionDirectory): void {
    const behavior = nodeBehavior({ services: this.#services, keeper: this.#keeper, owners: this.owners, directory, standbys: this.#standbys, members: () => (this.#isKnown ? this.members() : []) })
    const actor = this.#services.system.root.start({ id: 'node', behavior, restart: 'permanent' })
    this.#actor = actor
    this.owners.onChange((partition) => void actor.tell({ kind: 'announced', partition }))
  }

  status(): Promise<NodeStatus> {
    if (this.#actor === undefined) return Promise.resolve({ members: [], tenures: [] })
    return this.#services.system.ask<NodeMessage, NodeStatus>(this.#actor, (reply) => ({ kind: 'status', reply }), STATUS_MS)
  }

  async waitsFor(): Promise<string> {
    if (this.#isDraining) return 'it is handing its partitions over'
    // What fails later is repaired elsewhere: only the way up is waited for.
    if (this.#wasReady) return ''
    if (!this.#isKnown) return 'the members of the cluster are not known yet'
    const isSelf = ({ id }: Member): boolean => id === this.#services.node
    if (!this.members().some(isSelf)) return 'this node is not among the members of the cluster yet'
    const { tenures } = await this.status()
    const isOwner = ownersAmong(this.members()).some(isSelf)
    if (isOwner && tenures.length === 0) return 'no partition has been placed yet'
    const waiting = tenures.filter((tenure) => tenure.isAssigned && tenure.actor !== 'serving').map(({ partition }) => partition)
    this.#wasReady = waiting.length === 0
    return this.#wasReady ? '' : `partitions ${waiting.join(', ')} are not served yet`
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.#isUsurped) return
    this.#isDraining = true
    await this.#membership.setState('draining')
    const { clock } = this.#services
    const untilMs = clock.monotonicMs() + timeoutMs
    while (this.#hasHeirs() && clock.monotonicMs() < untilMs && !(await this.#holdsNothing())) await clock.sleep(DRAIN_POLL_MS)
  }

  async leave(): Promise<void> {
    if (!this.#isUsurped) await this.#keeper.releaseAll()
    await this.#membership.leave()
    this.#keeper.close()
    this.owners.close()
  }

  #membersChanged(members: ReadonlyArray<Member>): void {
    this.#isKnown = true
    this.#actor?.tell({ kind: 'members', members })
  }

  #usurped(told: (() => void) | undefined): void {
    this.#isUsurped = true
    this.#services.log.error('another process has taken the name of this node: this one ends', { node: this.#services.node })
    told?.()
  }

  #membersWith(role: string): number {
    return this.members().filter(({ roles }) => roles.includes('all') || roles.includes(role)).length
  }

  #hasHeirs(): boolean {
    return ownersAmong(this.members()).some(({ id }) => id !== this.#services.node)
  }

  async #holdsNothing(): Promise<boolean> {
    return (await this.status()).tenures.every((tenure) => tenure.actor === 'none')
  }
}
