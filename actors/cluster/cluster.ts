/**
 * This node as a part of the cluster: membership, leases and announcements over KV, and the node's actor that acts on them. `root.ts` opens it once
 * and drains it before everything else stops.
 */
import type { ActorRef } from '../../runtime/actor.ts'
import type { Kv } from '../../runtime/kv.ts'
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
  /** Nodes that follow each partition besides its owner; default 0. */
  readonly standbys?: number
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

export async function openCluster(services: Services, kv: Kv, options: ClusterOptions): Promise<Cluster> {
  const { clock, random, node } = services
  const { replicas, leaseTtlMs } = options
  const leaseBucket = await kv.bucket({ name: LEASE_BUCKET, replicas })
  const memberBucket = await kv.bucket({ name: MEMBER_BUCKET, replicas, maxAgeMs: leaseTtlMs * MEMBER_AGE_TTLS })
  const owners = new OwnerMap({ bucket: leaseBucket, clock, random })
  await owners.ready
  const keeper = new LeaseKeeper({ bucket: leaseBucket, clock, random, holder: node, ttlMs: leaseTtlMs, prefix: 'partition.' })
  const self: Member = { id: node, node, roles: options.roles, zone: options.zone, state: 'active', startedMs: clock.nowMs(), partitions: services.settings.partitions }
  let actor: ActorRef<NodeMessage> | undefined
  let isKnown = false
  let isDraining = false
  let wasReady = false
  let isUsurped = false
  const membership = new Membership({
    bucket: memberBucket,
    clock,
    random,
    self,
    beatMs: Math.min(options.heartbeatMs, (leaseTtlMs * SILENCE_SHARE) / BEATS_PER_SILENCE),
    silentMsMax: leaseTtlMs * SILENCE_SHARE,
    onChange: (members) => {
      isKnown = true
      actor?.tell({ kind: 'members', members })
    },
    onUsurped: () => {
      isUsurped = true
      services.log.error('another process has taken the name of this node: this one ends', { node })
      options.onUsurped?.()
    },
  })

  const status = (): Promise<NodeStatus> => {
    if (actor === undefined) return Promise.resolve({ members: [], tenures: [] })
    return services.system.ask<NodeMessage, NodeStatus>(actor, (reply) => ({ kind: 'status', reply }), STATUS_MS)
  }
  const membersWith = (role: string): number => membership.members().filter(({ roles }) => roles.includes('all') || roles.includes(role)).length
  const holdsNothing = async (): Promise<boolean> => (await status()).tenures.every((tenure) => tenure.actor === 'none')

  return {
    owners,
    members: () => membership.members(),
    gatewayCount: () => Math.max(1, membersWith('gateway')),
    queryNodeCount: () => membersWith('query'),
    leases: () => keeper.view(),
    partitionCount: () => Math.max(services.settings.partitions, owners.count, 1 + Math.max(-1, ...services.catalog.partitions()), ...membership.members().map(({ partitions = 0 }) => partitions)),
    begin(directory) {
      const started = services.system.root.start({ id: 'node', behavior: nodeBehavior({ services, keeper, owners, directory, standbys: options.standbys ?? 0 }), restart: 'permanent' })
      actor = started
      owners.onChange((partition) => void started.tell({ kind: 'announced', partition }))
      if (isKnown) started.tell({ kind: 'members', members: membership.members() })
    },
    status,
    async waitsFor() {
      if (isDraining) return 'it is handing its partitions over'
      // What fails later is repaired elsewhere: only the way up is waited for.
      if (wasReady) return ''
      if (!isKnown) return 'the members of the cluster are not known yet'
      const { tenures } = await status()
      const isOwner = ownersAmong(membership.members()).some(({ id }) => id === node)
      if (isOwner && tenures.length === 0) return 'no partition has been placed yet'
      const waiting = tenures.filter((tenure) => tenure.isAssigned && tenure.actor !== 'serving').map(({ partition }) => partition)
      wasReady = waiting.length === 0
      return wasReady ? '' : `partitions ${waiting.join(', ')} are not served yet`
    },
    async drain(timeoutMs) {
      if (isUsurped) return
      isDraining = true
      await membership.setState('draining')
      const untilMs = clock.monotonicMs() + timeoutMs
      const others = (): boolean => ownersAmong(membership.members()).some(({ id }) => id !== node)
      while (others() && clock.monotonicMs() < untilMs && !(await holdsNothing())) await clock.sleep(DRAIN_POLL_MS)
    },
    async leave() {
      if (!isUsurped) await keeper.releaseAll()
      await membership.leave()
      keeper.close()
      owners.close()
    },
  }
}
