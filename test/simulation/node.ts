/**
 * One simulated node: what `actors/root.ts` composes, on memory ports. A node that was killed is started again as a new incarnation under the same name;
 * nothing of the old one remains but what it had sent.
 */
import * as Effect from 'effect/Effect'
import { LocalActorSystem } from '../../runtime/actor-system.ts'
import { silentLogger } from '../../runtime/log.ts'
import type { Logger } from '../../runtime/log.ts'
import { LongRequests } from '../../runtime/long-request.ts'
import type { MemoryKv } from '../../runtime/kv-memory.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import type { SeededRandom } from '../../runtime/random-seeded.ts'
import type { MemoryTransport } from '../../runtime/transport-memory.ts'
import type { Limits } from '../../protocols/limits.ts'
import { openKvCatalog } from '../../storage/catalog-kv.ts'
import { MemoryBudget } from '../../storage/memory-budget.ts'
import { openCluster, type Cluster } from '../../actors/cluster/cluster.ts'
import { makeClusterReads } from '../../actors/cluster/cluster-reads.ts'
import { makeFlusher } from '../../actors/flush/flusher.ts'
import { logActorEvent } from '../../actors/node-log.ts'
import { makeNodeMetrics } from '../../actors/node-metrics.ts'
import { PartialCache } from '../../actors/query/partial-cache.ts'
import { PartitionDirectory } from '../../actors/partition/partition-directory.ts'
import { makeLocalReads } from '../../actors/cluster/partition-reads.ts'
import { makeHeardElsewhere, remoteReads, servePartitions } from '../../actors/cluster/partition-remote.ts'
import { makePushGateway, tenantsBehavior, type PushGateway } from '../../actors/write/push-gateway.ts'
import { inlineAnswers } from '../../actors/query/answer-work.ts'
import { makeQuerier, type Querier } from '../../actors/query/querier.ts'
import { makeInlineWork } from '../../actors/segments/segment-work-inline.ts'
import type { NodeSettings, Services } from '../../actors/services.ts'
import { walWriterBehavior } from '../../actors/write/wal-writer.ts'
import { Link, type LinkTerms } from './link.ts'
import { simulatedKv, simulatedObjects, simulatedTransport, simulatedWal } from './ports.ts'
import { SimulatedProcess } from './process.ts'
import type { World } from './world.ts'

export interface NodeOptions {
  readonly name: string
  readonly incarnation: number
  readonly zone: string
  readonly settings: NodeSettings
  readonly limits: Limits
  readonly leaseTtlMs: number
  readonly heartbeatMs: number
  /** Nodes that follow each partition besides its owner; default none. */
  readonly standbys?: number
  /** How fast its clock goes. */
  readonly rate: number
  /** Its memory budget; default ample. */
  readonly memoryBytes?: number
  readonly log?: Logger
}

export interface SimulatedLinks {
  readonly kv: Link
  readonly wal: Link
  readonly objects: Link
}

const KV_TERMS: LinkTerms = { latencyMaxMs: 4, timeoutMs: 1_500, error: 'storage_unavailable' }
const WAL_TERMS: LinkTerms = { latencyMaxMs: 4, timeoutMs: 1_500, error: 'wal_unavailable' }
const OBJECT_TERMS: LinkTerms = { latencyMaxMs: 8, timeoutMs: 500, error: 'storage_unavailable' }
const MEMORY_BYTES = 256 * 1024 * 1024
const CACHE_BYTES = 8 * 1024 * 1024
const BODY_BYTES_MAX = 4 * 1024 * 1024

export class SimulatedNode {
  readonly options: NodeOptions
  readonly process: SimulatedProcess
  readonly links: SimulatedLinks
  gateway: PushGateway | undefined
  querier: Querier | undefined
  cluster: Cluster | undefined
  directory: PartitionDirectory | undefined
  budget: MemoryBudget | undefined
  readonly #world: World
  readonly #kv: MemoryKv
  readonly #transport: MemoryTransport
  readonly #random: SeededRandom
  #stop: (() => Promise<unknown>) | undefined

  constructor(world: World, options: NodeOptions) {
    this.options = options
    this.#world = world
    this.#random = world.random.fork()
    this.process = new SimulatedProcess(world.clock, options.rate)
    const link = (terms: LinkTerms): Link => new Link(world.clock, this.#random.fork(), this.process, terms)
    this.links = { kv: link(KV_TERMS), wal: link(WAL_TERMS), objects: link(OBJECT_TERMS) }
    this.#kv = world.kv.connect()
    this.#transport = world.broker.connect(options.name)
  }

  get name(): string {
    return this.options.name
  }

  get serves(): boolean {
    return this.gateway !== undefined && this.process.state !== 'dead'
  }

  /** Without its servers: KV, log, and the others. */
  setConnected(isConnected: boolean): void {
    this.links.wal.isCut = !isConnected
    this.setKvReachable(isConnected)
    this.#transport.setConnected(isConnected)
  }

  setKvReachable(isReachable: boolean): void {
    this.links.kv.isCut = !isReachable
    this.#kv.setOnline(isReachable)
  }

  async start(): Promise<void> {
    const { name, incarnation, settings, limits, zone, leaseTtlMs, heartbeatMs, standbys = 0, log = silentLogger } = this.options
    const writer = `${name}#${incarnation}`
    const { process, links } = this
    const { clock } = process
    const random = this.#random
    const world = this.#world
    const transport = simulatedTransport(world, this.#transport, process)
    const kv = simulatedKv(world, this.#kv, links.kv, process, writer)
    const wal = simulatedWal(world, links.wal, process, writer)
    const store = simulatedObjects(world, links.objects, process, writer)
    const catalog = await openKvCatalog(kv, { clock, random })
    const work = makeInlineWork(store, CACHE_BYTES)
    const budget = new MemoryBudget(this.options.memoryBytes ?? MEMORY_BYTES)
    this.budget = budget
    const metrics = makeNodeMetrics(createMetrics())
    const flusher = makeFlusher({ work, store, catalog, wal, log, budget, metrics, clock, random, concurrentFlushesMax: 8 })
    const system = new LocalActorSystem({
      node: name,
      clock,
      random,
      onEvent: (event) => logActorEvent(log, event),
      onEscalation: (error) => {
        world.trace(`${writer} escalated ${String(error)}`)
        world.invariants.violated('supervision', `${writer} came down: ${String(error)}`)
      },
    })
    const services: Services = {
      node: name, system, clock, random, log, transport, wal, catalog, work, flusher, metrics, budget, settings,
      slabs: world.slabs,
      keepDamaged: async () => '',
      limitsOf: () => limits,
      gatewayCount: () => cluster.gatewayCount(),
      partitionCount: () => cluster.partitionCount(),
    }
    const cluster = await openCluster(services, kv, { roles: ['all'], zone, replicas: 1, leaseTtlMs, heartbeatMs, standbys })
    const directory = new PartitionDirectory(makeHeardElsewhere(services, cluster.owners))
    const writers = Array.from({ length: settings.partitions }, (_, partition) => {
      const behavior = walWriterBehavior(services, partition, `${writer}-${random.hex(4)}`, (p, record) => directory.published(p, record))
      return system.root.start({ id: `wal-writer-${partition}`, behavior, restart: 'permanent' })
    })
    const tenants = system.root.start({ id: 'tenants', behavior: tenantsBehavior(services, (partition) => writers[partition]!), restart: 'permanent' })
    const local = makeLocalReads(services, directory)
    servePartitions(services, local, directory)
    const requests = new LongRequests(services)
    const reads = makeClusterReads({ services, owners: cluster.owners, directory, local, remote: (owner) => remoteReads(requests, owner) })
    cluster.begin(directory)
    this.cluster = cluster
    this.directory = directory
    this.querier = makeQuerier({ services, reads, cache: new PartialCache(CACHE_BYTES), answers: inlineAnswers })
    this.gateway = makePushGateway(services, { bodyBytesMax: BODY_BYTES_MAX, decompressedBytesMax: BODY_BYTES_MAX }, tenants)
    this.#stop = async () => {
      await cluster.drain(DRAIN_MS_MAX)
      await Effect.runPromise(system.shutdown())
      await cluster.leave()
      await Effect.runPromise(flusher.shutdown())
      await catalog.close()
    }
    world.trace(`${writer} serves`)
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    this.gateway = undefined
    await this.#stop?.()
    this.kill()
  }

  /** As SIGKILL does. */
  kill(): void {
    this.gateway = undefined
    this.process.kill()
    void this.#kv.close()
    void this.#transport.close()
  }
}

const DRAIN_MS_MAX = 10_000
