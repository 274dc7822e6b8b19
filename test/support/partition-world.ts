/** One partition's log, catalog and bucket in memory, and owners and standbys of it, each as on a node of its own. For tests of what they promise each other. */
import * as Effect from 'effect/Effect'
import { compressSync } from 'snappy'
import { loadSkaldConfig } from '../../actors/config.ts'
import { makeFlusher } from '../../actors/flush/flusher.ts'
import { makeNodeMetrics } from '../../actors/node-metrics.ts'
import { nodeSettings } from '../../actors/node-settings.ts'
import { partitionBehavior } from '../../actors/partition/partition.ts'
import type { HeadSnapshot, PartitionMessage, PartitionStatus } from '../../actors/partition/partition-messages.ts'
import { makeInlineWork } from '../../actors/segments/segment-work-inline.ts'
import type { NodeSettings, Services } from '../../actors/services.ts'
import type { ActorRef, Reply } from '../../runtime/actor.ts'
import { LocalActorSystem } from '../../runtime/actor-system.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import { silentLogger } from '../../runtime/log.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { LIMIT_DEFAULTS } from '../../protocols/limits.ts'
import type { TenantId } from '../../protocols/model.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { openKvCatalog } from '../../storage/catalog-kv.ts'
import { keepDamaged } from '../../storage/damaged-records.ts'
import { MemoryBudget } from '../../storage/memory-budget.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { SlabPool } from '../../storage/slab-pool.ts'
import { MemoryWal } from '../../storage/wal-memory.ts'
import { pushBody } from './push-bodies.ts'

const PARTITION = 0
const TENANT = 't' as TenantId
const ASK_MS = 10_000
const MEMORY_BYTES = 64 << 20
const NOW_NS = 1_793_491_200_000_000_000n

/** An owner or standby, on its own node. */
export interface PartitionNode {
  readonly budget: MemoryBudget
  readonly slabs: SlabPool
  readonly ref: ActorRef<PartitionMessage>
  /** Once it was told that a newer owner is there. */
  readonly wasFenced: () => boolean
  /** How many entries it holds in memory; rejects as the question does. */
  entries(): Promise<{ readonly count: number; readonly checkpoint: number; readonly behind: boolean }>
  /** What it holds, as a scan gets it: call `done` at its end. */
  snapshot(): Promise<HeadSnapshot>
  flush(): Promise<number>
  status(): Promise<PartitionStatus>
}

export class PartitionWorld {
  readonly wal = new MemoryWal()
  readonly #clock = new SystemClock()
  readonly store = new MemoryObjectStore(this.#clock)
  readonly #random = new SystemRandom()
  readonly #kv = new MemoryKvServer(this.#clock, this.#random)
  readonly #closing: Array<() => Promise<unknown>> = []
  #records = 0

  /** One more record of one line in the log, acknowledged; nobody is told. */
  async append(pushId = ''): Promise<number> {
    const number = ++this.#records
    const body = pushBody([{ labels: '{a="b"}', entries: [{ ns: NOW_NS + BigInt(number), line: Buffer.from(`line ${number}`) }] }])
    const item = { tenant: TENANT, pushId, receivedMs: this.#clock.nowMs(), labels: ['{a="b"}'], compressedBody: compressSync(body), bodyBytes: body.length }
    return this.wal.append(PARTITION, `record-${number}`, encodeWalRecord([item], `record-${number}`), ASK_MS)
  }

  /** A record that is in the log as it is. */
  appendRaw(record: Buffer): Promise<number> {
    return this.wal.append(PARTITION, `record-${++this.#records}`, record, ASK_MS)
  }

  async start(role: 'owner' | 'standby', leaseEpoch: number, over: Partial<NodeSettings> = {}): Promise<PartitionNode> {
    const [clock, random, wal, store] = [this.#clock, this.#random, this.wal, this.store]
    const node = `${role}-${leaseEpoch}`
    const catalog = await openKvCatalog(this.#kv.connect(), { clock, random })
    const work = makeInlineWork(store, 1 << 20)
    const budget = new MemoryBudget(MEMORY_BYTES)
    const slabs = new SlabPool(MEMORY_BYTES)
    const metrics = makeNodeMetrics(createMetrics())
    const flusher = makeFlusher({ work, store, catalog, wal, log: silentLogger, budget, metrics, clock, random, concurrentFlushesMax: 1 })
    const system = new LocalActorSystem({ node, clock, random })
    const settings = { ...nodeSettings(loadSkaldConfig().config), ...over }
    const services = { node, system, clock, random, log: silentLogger, wal, catalog, work, flusher, metrics, budget, settings, slabs, limitsOf: () => LIMIT_DEFAULTS,
      keepDamaged: (partition: number, sequence: number, record: Buffer) => keepDamaged(store, partition, sequence, record) } as unknown as Services
    this.#closing.push(() => Effect.runPromise(system.shutdown()), () => Effect.runPromise(flusher.shutdown()), () => catalog.close())
    let wasFenced = false
    const behavior = partitionBehavior(services, { partition: PARTITION, role, leaseEpoch, onFenced: () => (wasFenced = true) })
    const ref = system.root.start({ id: 'partition', behavior, restart: 'temporary' })
    const snapshot = (): Promise<HeadSnapshot> => system.ask(ref, (reply: Reply<HeadSnapshot>): PartitionMessage => ({ kind: 'snapshot', tenant: TENANT, accept: () => true, reply }), ASK_MS)
    return {
      budget,
      slabs,
      ref,
      wasFenced: () => wasFenced,
      snapshot,
      entries: async () => {
        const { checkpoint, behind, content, done } = await snapshot()
        done()
        const count = content.streams.reduce((sum, { rowCount }) => sum + rowCount, 0)
        return { count, checkpoint, behind }
      },
      flush: () => system.ask<PartitionMessage, number>(ref, (reply) => ({ kind: 'flush', reason: 'forced', reply }), ASK_MS),
      status: () => system.ask<PartitionMessage, PartitionStatus>(ref, (reply) => ({ kind: 'status', reply }), ASK_MS),
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closing.toReversed()) await close()
  }
}
