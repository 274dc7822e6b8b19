/**
 * How a partition begins: an owner fences its predecessors, then both owners and standbys stand at the catalog's checkpoint, and the log is read from there once the ids
 * that were applied before are known. Used by `partition.ts`, whose state this makes.
 */
import type { ActorContext, Reply } from '../../runtime/actor.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { PartitionCatalog, SegmentEntry } from '../../storage/catalog.ts'
import { FreshAnswers } from '../../storage/fresh-answers.ts'
import type { MemoryAccount } from '../../storage/memory-budget.ts'
import type { Wal } from '../../storage/wal.ts'
import { AppliedIds } from './applied-ids.ts'
import { CatchUpWaiters } from './catch-up.ts'
import { DamagedRecords } from './damaged-records.ts'
import { LoadRate } from './load-rate.ts'
import { nextEpoch } from './partition-epoch.ts'
import { PartitionFollow } from './partition-follow.ts'
import { PartitionHead, type PartitionCut } from './partition-head.ts'
import { recentWithIds } from './past-ids.ts'
import type { PartitionMessage } from './partition-messages.ts'
import type { Services } from '../services.ts'
import { SlabTable } from './slab-table.ts'
import { StandbyMarks } from '../cluster/standby-marks.ts'

export interface PartitionState {
  /** The catalog epoch of this incarnation: a crashed one's flushes are fenced like any stale owner's. */
  readonly epoch: number
  readonly follow: PartitionFollow
  readonly ids: AppliedIds
  /** Segments whose ids are not known yet: until they are, a push with an id may be one of theirs, and waits in the log (W1). */
  unreadIds: ReadonlyArray<SegmentEntry>
  /** Before that, every record waits: a record, too, may be one of theirs (`wal-jetstream-detour.ts`), if seldom so late. */
  haveIdsBeenTried: boolean
  /** Segments whose ids are in no gathering yet. */
  ungathered: number
  isGathering: boolean
  readonly damaged: DamagedRecords
  readonly slabs: SlabTable
  readonly account: MemoryAccount
  readonly load: LoadRate
  /** What the log had before this one began: no load of now. */
  readonly replayThrough: Sequence
  head: PartitionHead
  /** First sequence that the open head may hold. */
  headFirst: Sequence
  checkpoint: Sequence
  readonly cuts: PartitionCut[]
  cutCount: number
  readonly tenants: Map<string, string>
  tenantCount: number
  readonly waiters: CatchUpWaiters
  /** The log's last sequence when all that was acknowledged before has its place in it (Q2). */
  readonly logEnd: FreshAnswers<Sequence>
  flushWaiters: Array<{ readonly through: Sequence; readonly reply: Reply<Sequence> }>
  reading: boolean
  /** A read will begin in a moment. */
  isReadDue: boolean
  isFenced: boolean
  /** Of a standby only. */
  readonly marks: StandbyMarks | null
}

export interface PartitionIdentity {
  readonly partition: number
  readonly role: 'owner' | 'standby'
  /** Counts the lease's holders. */
  readonly leaseEpoch: number
  /** Told once when a newer owner has fenced this one. */
  readonly onFenced: () => void
}

/** Decoded records that wait for an earlier one. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024
/** After ids could not be read. */
export const IDS_RETRY_MS = 1_000
/** How often a standby asks for the log's last sequence and the owner's checkpoint. */
const STANDBY_CHECK_MS = 1_000

/** Rejects FencedError when a newer lease has been seen, `storage_unavailable` or `wal_unavailable` when it cannot know. */
export async function startPartition(services: Services, identity: PartitionIdentity, context: ActorContext<PartitionMessage>): Promise<PartitionState> {
  const { wal } = services
  context.children.setPolicy({ restartsMax: 0 })
  const claimed = identity.role === 'owner' ? await takeOver(services, identity) : services.catalog.current(identity.partition)
  const unreadIds = recentWithIds(claimed)
  if (unreadIds.length > 0) context.self.tell({ kind: 'readIds' })
  const follow = new PartitionFollow(claimed.checkpoint, WAITING_BYTES_MAX)
  follow.heard((await wal.state(identity.partition)).last)
  context.tellLater(checkPauseMs(services, identity), { kind: 'check' })
  context.self.tell({ kind: 'heard', sequence: follow.known })
  const slabs = new SlabTable(services.slabs)
  return {
    epoch: claimed.epoch,
    slabs,
    account: services.budget.account('heads'),
    load: new LoadRate(services.clock.monotonicMs()),
    replayThrough: follow.known,
    follow,
    ids: new AppliedIds(),
    unreadIds,
    haveIdsBeenTried: false,
    ungathered: 0,
    isGathering: false,
    damaged: new DamagedRecords(services, identity.partition),
    head: new PartitionHead(slabs),
    headFirst: claimed.checkpoint + 1,
    checkpoint: claimed.checkpoint,
    cuts: [],
    cutCount: 0,
    tenants: new Map(),
    tenantCount: 0,
    waiters: new CatchUpWaiters(),
    logEnd: new FreshAnswers(() => logEnd(wal, identity.partition)),
    flushWaiters: [],
    reading: false,
    isReadDue: false,
    isFenced: false,
    marks: identity.role === 'standby' ? new StandbyMarks() : null,
  }
}

async function logEnd(wal: Wal, partition: number): Promise<Sequence> {
  await wal.settle(partition)
  return (await wal.state(partition)).last
}

async function takeOver({ catalog, wal }: Services, identity: PartitionIdentity): Promise<PartitionCatalog> {
  const claimed = await catalog.claim(identity.partition, nextEpoch(identity, catalog.current(identity.partition).epoch))
  await wal.open(identity.partition, claimed.checkpoint)
  // A predecessor may have ended between commit and purge.
  if ((await wal.state(identity.partition)).first <= claimed.checkpoint) await wal.purge(identity.partition, claimed.checkpoint)
  return claimed
}

/** An owner hears of most records from who published them, a standby only by asking the log. Give or take a fifth, so that partitions do not all flush at once. */
export function checkPauseMs({ settings, random }: Services, { role }: PartitionIdentity): number {
  const periodMs = role === 'owner' ? settings.checkPeriodMs : Math.min(settings.checkPeriodMs, STANDBY_CHECK_MS)
  return periodMs * (0.8 + 0.4 * random.next())
}
