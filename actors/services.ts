/**
 * What actors are given instead of globals: the ports and the node's shared parts. `root.ts` fills it; tests and the simulator fill it with memory implementations.
 */
import type { ActorSystem } from '../runtime/actor.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/log.ts'
import type { Random } from '../runtime/random.ts'
import type { Transport } from '../runtime/transport.ts'
import type { ChunkEncodingName } from '../protocols/limits/chunk-encoding.ts'
import type { Limits } from '../protocols/limits.ts'
import type { Sequence } from '../protocols/model.ts'
import type { Catalog } from '../storage/catalog.ts'
import type { MemoryBudget } from '../storage/memory-budget.ts'
import type { SlabPool } from '../storage/slab-pool.ts'
import type { Wal } from '../storage/wal.ts'
import type { CutSettings } from './partition/cut-policy.ts'
import type { SegmentFlush } from './flush/flusher.ts'
import type { NodeMetrics } from './node-metrics.ts'
import type { SegmentWork } from './segments/segment-work.ts'

export interface Services {
  readonly node: string
  readonly system: ActorSystem
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: NodeMetrics
  readonly transport: Transport
  readonly wal: Wal
  /** Puts a record that cannot be read where an operator finds it; resolves with the place. Rejects `storage_unavailable`. */
  readonly keepDamaged: (partition: number, sequence: Sequence, record: Buffer) => Promise<string>
  readonly catalog: Catalog
  readonly work: SegmentWork
  readonly flusher: SegmentFlush
  readonly budget: MemoryBudget
  readonly slabs: SlabPool
  readonly limitsOf: (tenant: string) => Limits
  /** Nodes that take pushes: global rates are shared by them. */
  readonly gatewayCount: () => number
  /** Partitions that may hold something: more than new streams are spread over while the number grows, or after it was lowered. */
  readonly partitionCount: () => number
  readonly settings: NodeSettings
}

export interface NodeSettings {
  /** New streams are spread over so many. */
  readonly partitions: number
  readonly cut: CutSettings
  readonly checkPeriodMs: number
  readonly streamIdleMs: number
  /** How long a push waits for its PubAck. */
  readonly appendDeadlineMs: number
  /** How long a query waits for an owner to apply what was acknowledged before (Q2). */
  readonly catchUpMsMax: number
  /** Bytes that one query may hold (Q4). */
  readonly queryMemoryBytesMax: number
  /** Fail a query when a part of its answer is missing. */
  readonly strict: boolean
  /** Bytes up to which a query may select all streams; 0: never. */
  readonly matchAllBytesMax: number
  /** Of tenants that have none of their own. */
  readonly encoding: ChunkEncodingName
}
