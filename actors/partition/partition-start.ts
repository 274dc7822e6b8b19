/**
 * How a partition begins: an owner fences its predecessors, then both owners and standbys stand at the catalog's checkpoint, and the log is read from there (F2).
 * Used by `partition.ts`, whose parts share what is made here.
 */
import type { ActorContext } from '../../runtime/actor.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PartitionCatalog, SegmentEntry } from '../../storage/catalog.ts'
import { CatchUpWaiters } from './catch-up.ts'
import { DamagedRecords } from './damaged-records.ts'
import { nextEpoch } from './partition-epoch.ts'
import { PartitionFollow } from './partition-follow.ts'
import type { PartitionMessage } from './partition-messages.ts'
import { PartitionTenants } from './partition-tenants.ts'
import { recentWithIds } from './past-ids.ts'
import type { Services } from '../services.ts'
import { SlabTable } from './slab-table.ts'
import { StandbyMarks } from '../cluster/standby-marks.ts'

export interface PartitionIdentity {
  readonly partition: number
  readonly role: 'owner' | 'standby'
  /** Counts the lease's holders. */
  readonly leaseEpoch: number
  /** Told once when a newer owner has fenced this one. */
  readonly onFenced: () => void
}

/** Where the parts of a partition are, and what more than one of them works with. */
export interface PartitionShared {
  readonly services: Services
  readonly identity: PartitionIdentity
  readonly context: ActorContext<PartitionMessage>
  /** The catalog epoch of this incarnation: a crashed one's flushes are fenced like any stale owner's. */
  readonly epoch: number
  readonly follow: PartitionFollow
  readonly waiters: CatchUpWaiters
  readonly tenants: PartitionTenants
  readonly slabs: SlabTable
  readonly damaged: DamagedRecords
  /** Of a standby only. */
  readonly marks: StandbyMarks | null
  readonly found: FoundAtStart
  /** Who kept the log before anything was taken from it. */
  readonly logKeeper: string | null
}

export interface FoundAtStart {
  readonly checkpoint: Sequence
  /** Last of the log: what comes up to here is replayed, no load of now. */
  readonly logEnd: Sequence
  /** Segments with the ids of what was applied before. */
  readonly withIds: ReadonlyArray<SegmentEntry>
}

/** Decoded records that wait for an earlier one. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** Rejects FencedError when a newer lease has been seen, `storage_unavailable` or `wal_unavailable` when it cannot know. */
export async function startPartition(services: Services, identity: PartitionIdentity, logKeeper: string | null, context: ActorContext<PartitionMessage>): Promise<PartitionShared> {
  const { catalog, wal } = services
  const { partition, role } = identity
  context.children.setPolicy({ restartsMax: 0 })
  const claimed = role === 'owner' ? await takeOver(services, identity) : catalog.current(partition)
  const logEnd = (await wal.state(partition)).last
  const follow = new PartitionFollow(claimed.checkpoint, WAITING_BYTES_MAX)
  follow.heard(logEnd)
  const slabs = new SlabTable(services.slabs)
  return {
    services,
    identity,
    context,
    epoch: claimed.epoch,
    follow,
    waiters: new CatchUpWaiters(),
    tenants: new PartitionTenants(context.children, slabs, services.settings.streamIdleMs),
    slabs,
    damaged: new DamagedRecords(services, partition),
    marks: role === 'standby' ? new StandbyMarks() : null,
    found: { checkpoint: claimed.checkpoint, logEnd, withIds: recentWithIds(claimed) },
    logKeeper,
  }
}

async function takeOver({ catalog, wal }: Services, identity: PartitionIdentity): Promise<PartitionCatalog> {
  const claimed = await catalog.claim(identity.partition, nextEpoch(identity, catalog.current(identity.partition).epoch))
  await wal.open(identity.partition, claimed.checkpoint)
  // A predecessor may have ended between commit and purge.
  if ((await wal.state(identity.partition)).first <= claimed.checkpoint) await wal.purge(identity.partition, claimed.checkpoint)
  return claimed
}
