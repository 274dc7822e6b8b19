/**
 * Composes a node: opens the real ports, starts the actors, and stops them in reverse order. The only file that names implementations of ports (thread
 * entries open theirs by URL). `skald start` calls it; so do integration tests.
 */
import { availableParallelism, hostname } from 'node:os'
import * as Effect from 'effect/Effect'
import type { ActorRef } from '../runtime/actor.ts'
import { ActorsOverTransport } from '../runtime/actor-remote.ts'
import { LocalActorSystem } from '../runtime/actor-system.ts'
import type { Clock } from '../runtime/clock.ts'
import { SystemClock } from '../runtime/clock-system.ts'
import { lockDirectory } from '../runtime/data-lock.ts'
import { HttpLobby } from '../runtime/http-lobby.ts'
import { type HttpRoute, startHttpServer } from '../runtime/http-server.ts'
import { JetStreamKv } from '../runtime/kv-jetstream.ts'
import { LongRequests } from '../runtime/long-request.ts'
import { type LogLevel, createLogger, logFormat } from '../runtime/log.ts'
import { createMetrics } from '../runtime/metrics.ts'
import { startNatsServer } from '../runtime/nats-server.ts'
import type { Random } from '../runtime/random.ts'
import { SystemRandom } from '../runtime/random-system.ts'
import { activeTraceFields, startTelemetry } from '../runtime/telemetry.ts'
import type { Transport } from '../runtime/transport.ts'
import { connectTransport, natsConnectionOf } from '../runtime/transport-nats.ts'
import { TenantLimits } from '../protocols/limits.ts'
import { openKvCatalog } from '../storage/catalog-kv.ts'
import { keepDamaged, keptRecords } from '../storage/damaged-records.ts'
import { OrphanCollector } from '../storage/orphans.ts'
import { openJetStreamWal } from '../storage/wal-jetstream.ts'
import { apiRoutes, queryError } from './api/api.ts'
import { rebuildLostCatalog } from './flush/catalog-recovery.ts'
import type { SkaldConfig } from './config.ts'
import { holdBucket } from './cluster/bucket-hold.ts'
import { type Cluster, openCluster } from './cluster/cluster.ts'
import { SegmentSpread } from './cluster/segment-spread.ts'
import { makeClusterReads } from './cluster/cluster-reads.ts'
import { makeThreadedAnswers } from './query/answer-work.ts'
import { FairQueue } from './query/fair-queue.ts'
import { makeFlusher, type FaultPoint } from './flush/flusher.ts'
import { adminRoutes, flushPartitions } from './api/http-admin.ts'
import { makeLifecycle } from './api/http-lifecycle.ts'
import { pushRoutes } from './api/http-push.ts'
import { ringRoutes } from './api/http-ring.ts'
import { statusRoutes } from './api/http-status.ts'
import { serveNatsQuery } from './api/nats-query.ts'
import { serveNatsPush } from './api/nats-push.ts'
import { logActorEvent, logNatsEvent } from './node-log.ts'
import { makeNodeMetrics } from './node-metrics.ts'
import { nodeIdOf } from './cluster/node-id.ts'
import { claimNodeName } from './cluster/node-name.ts'
import { agreeWithOthers, sharedSettings } from './cluster/shared-settings.ts'
import { type NodeMemory, openNodeMemory } from './node-memory.ts'
import { diskCacheOf, natsAddress, natsServerOptions, nodeSettings, storeSettings } from './node-settings.ts'
import { openObjectStore } from './segments/object-stores.ts'
import { PartialCache } from './query/partial-cache.ts'
import { startOrphanSweeps } from './flush/orphan-sweeps.ts'
import { PartitionDirectory } from './partition/partition-directory.ts'
import { makeLocalReads, type PartitionReads } from './cluster/partition-reads.ts'
import { REPORTS_ID, reportCodec, reportsBehavior } from './cluster/partition-reports.ts'
import { makeHeardElsewhere, remoteReads, servePartitions } from './cluster/partition-remote.ts'
import { makeThreadedTranscoder } from './write/transcoder.ts'
import { makePushGateway, tenantsBehavior, type TenantsMessage } from './write/push-gateway.ts'
import { queryApi } from './api/query-api.ts'
import { makeQuerier } from './query/querier.ts'
import { makeQueryFrontEnd } from './query/query-front-end.ts'
import type { SegmentWork } from './segments/segment-work.ts'
import { shareFairly } from './segments/segment-work-fair.ts'
import { makeThreadedWork } from './segments/segment-work-threads.ts'
import type { Services } from './services.ts'
import { VERSION } from './version.ts'
import { walWriterBehavior, type WalWriterMessage } from './write/wal-writer.ts'

export interface RunningNode {
  readonly url: string
  stop(): Promise<void>
}

export interface NodeOptions {
  /** For tests: called before each step of a flush. */
  readonly flushFaultPoint?: FaultPoint
  /** For tests: another clock than this machine's. */
  readonly clock?: Clock
  /** Ends a start that waits for NATS: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called when somebody asks over HTTP that the node ends, or its name or bucket has been taken by others; whoever started it then stops it. */
  readonly terminate?: () => void
}

type Release = () => Promise<unknown> | unknown

/** What was opened, released in reverse order. */
class Opened {
  private readonly releases: Release[] = []

  add(release: Release): void {
    this.releases.push(release)
  }

  async close(): Promise<void> {
    for (let release = this.releases.pop(); release !== undefined; release = this.releases.pop()) await release()
  }
}

const THREAD_HEAP_MB = 512
/** The largest body of OTLP JSON takes several times its size as objects. */
const TRANSCODER_HEAP_MB = 1024
/** Of `memory.cache`, for partial results; the rest is the scan threads'. */
const RESULTS_SHARE = 0.25
const ORPHAN_SWEEP_MS = 600_000
/** A hand-over takes well under a second; heirs that are in trouble are not waited for. */
const DRAIN_MS_MAX = 10_000
/** Pushes that wait for their record, decoded. */
const WRITER_MAILBOX = { messagesMax: 100_000, bytesMax: 128 * 1024 * 1024 }

/** Resolves when the node serves (it may still be replaying: F2). Rejects with SkaldError `setup` when it cannot start; then nothing is left running. */
export async function startNode(config: SkaldConfig, options: NodeOptions = {}): Promise<RunningNode> {
  const opened = new Opened()
  try {
    const url = await compose(config, options, opened)
    return { url, stop: () => opened.close() }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** Opens what a node stands on, then starts its actors, then takes requests; answers with its address. */
async function compose(config: SkaldConfig, options: NodeOptions, opened: Opened): Promise<string> {
  const ports: Ports = { clock: options.clock ?? new SystemClock(), random: new SystemRandom() }
  const machine = await openMachine(config, options, ports, opened)
  const storage = await openStorage(config, options, machine, opened)
  const memory = openMemory(config, machine, opened)
  const work = openThreads(config, machine, memory, opened)
  const { services, cluster } = await openServices(config, options, { ...machine, ...storage, memory, work }, opened)
  const directory = new PartitionDirectory(makeHeardElsewhere(services, cluster.owners))
  const tenants = startWriters(config, services, directory)
  const { reads, requests } = openReads(services, cluster, directory, opened)
  services.system.root.start({ id: REPORTS_ID, behavior: reportsBehavior(services, directory), restart: 'permanent' })
  cluster.begin(directory)
  opened.add(() => Effect.runPromise(services.system.shutdown()))
  const collector = new OrphanCollector(storage.store, services.catalog, ports.clock, config.object_store.orphan_grace_period)
  opened.add(startOrphanSweeps({ collector, clock: ports.clock, log: machine.log, metrics: services.metrics, periodMs: ORPHAN_SWEEP_MS, isMine: () => directory.localOwner(0) !== undefined }))
  const push = openPushes(config, services, { tenants, onCrash: machine.onCrash }, opened)
  const query = openQueries(config, services, { memory, cluster, reads, requests, onCrash: machine.onCrash }, opened)

  const lifecycle = makeLifecycle({ cluster, flush: () => flushPartitions(services, directory), terminate: options.terminate })
  await machine.lobby.close()
  const http = await startHttpServer({
    host: config.http.host,
    port: config.http.port,
    metrics: machine.metrics,
    routes: [
      ...push,
      ...query,
      ...statusRoutes({ services, config, logLevel: machine.logLevel }),
      ...lifecycle.routes,
      ...ringRoutes({ services, cluster, directory }),
      ...adminRoutes({ services, directory, cluster, metrics: machine.metrics, config, nats: machine.nats, damaged: (signal) => keptRecords(storage.store, signal) }),
    ],
    onError: queryError,
  })
  opened.add(() => http.close(config.http.shutdown_timeout))
  opened.add(() => cluster.drain(DRAIN_MS_MAX))
  opened.add(() => lifecycle.beforeStop())
  return http.url
}

interface Ports {
  readonly clock: Clock
  readonly random: Random
}

type Machine = Ports & Awaited<ReturnType<typeof openMachine>>

/** Traces, logs, metrics, the data directory, NATS and this node's name in it. */
async function openMachine(config: SkaldConfig, options: NodeOptions, ports: Ports, opened: Opened) {
  const { clock, random } = ports
  const telemetry = await startTelemetry({ endpoint: config.otel.endpoint, serviceName: config.otel.service_name, serviceVersion: VERSION, sampleRatio: config.otel.sample_ratio })
  opened.add(() => telemetry.shutdown())
  let level = config.log.level
  const log = createLogger({ level: () => level, format: logFormat(config.log.format), traceFields: activeTraceFields })
  const metrics = createMetrics({ processMetrics: true })
  const nodeMetrics = makeNodeMetrics(metrics)

  const lock = lockDirectory(config.data_dir)
  opened.add(() => lock.release())
  const node = nodeIdOf(config.node_id, config.data_dir, hostname(), random)
  const lobby = new HttpLobby({ ...config.http, metrics })
  opened.add(() => lobby.close())
  const nats = config.nats.url === '' ? await startNatsServer(natsServerOptions(config, (event) => logNatsEvent(log, event))) : null
  if (nats !== null) opened.add(() => nats.stop())
  const onWait = sayOnce((reason) => (lobby.waitsFor(reason), log.warn('NATS does not answer yet', { reason })))
  const transport = await connectTransport({ ...natsAddress(config, nats), name: `skald ${node}`, random, onWait, ...(options.signal === undefined ? {} : { signal: options.signal }) })
  opened.add(() => transport.close())
  const name = await claimNodeName(transport, node, `process ${process.pid} on ${hostname()}, started ${new Date(clock.nowMs()).toISOString()}`)
  opened.add(() => name.close())
  const agreed = await agreeWithOthers(transport, sharedSettings(config, node, random), log)
  opened.add(() => agreed.close())
  const onCrash = (error: Error): void => {
    nodeMetrics.workerCrashes.inc()
    log.error('a worker thread died and was replaced', { error })
  }
  const logLevel = { get: () => level, set: (to: LogLevel) => void (level = to) }
  return { ...ports, log, logLevel, metrics, nodeMetrics, node, nats, transport, lobby, onCrash }
}

/** Not the same again, however often it is repeated. */
function sayOnce(say: (text: string) => void): (text: string) => void {
  let last = ''
  return (text) => {
    if (text !== last) say(text)
    last = text
  }
}

/** The bucket, the catalog and the log. */
async function openStorage(config: SkaldConfig, options: NodeOptions, { clock, random, log, nodeMetrics, nats, transport, lobby }: Machine, opened: Opened) {
  const kv = new JetStreamKv(transport, { clock, random })
  opened.add(() => kv.close())
  const store = await openObjectStore(storeSettings(config), { clock, random, onRetry: (operation) => nodeMetrics.storeRetries.inc({ operation }) })
  opened.add(() => store.close())
  const { replicas } = config.nats
  const onWait = sayOnce((reason) => (lobby.waitsFor(reason), log.warn('whose bucket it is must be known first', { reason })))
  opened.add(await holdBucket(config, { store, kv, clock, random, log, onWait, signal: options.signal, onTaken: () => options.terminate?.() }))
  await rebuildLostCatalog(store, kv, replicas, log)
  const catalog = await openKvCatalog(kv, { clock, random, replicas, onCorrupt: (error) => log.error('a catalog value cannot be read', { error }) })
  opened.add(() => catalog.close())
  const wal = await openJetStreamWal(natsConnectionOf(transport), {
    clock,
    random,
    replicas,
    storedThrough: (partition) => catalog.current(partition).checkpoint,
    onSilence: (partition) => {
      log.error('the log server does not acknowledge anything', { partition, restarting: nats !== null })
      nats?.restart()
    },
    ...(config.wal.max_size > 0 ? { bytesMax: config.wal.max_size } : {}),
  })
  opened.add(() => wal.close())
  return { kv, store, catalog, wal }
}

const scanThreadsOf = ({ querier }: SkaldConfig): number => (querier.workers === 0 ? availableParallelism() : querier.workers)

function openMemory(config: SkaldConfig, { clock, metrics }: Machine, opened: Opened): NodeMemory {
  const memory = openNodeMemory({ budgetBytes: config.memory.budget, cacheBytes: config.memory.cache * (1 - RESULTS_SHARE), threads: scanThreadsOf(config), clock, metrics })
  opened.add(() => memory.close())
  return memory
}

/** Where segments are encoded and scanned. */
function openThreads(config: SkaldConfig, { clock, onCrash }: Machine, memory: NodeMemory, opened: Opened): SegmentWork {
  const store = { ...storeSettings(config), ...diskCacheOf(config) }
  const threads = makeThreadedWork({ store, memory, scanThreads: scanThreadsOf(config), heapMbMax: THREAD_HEAP_MB, onCrash })
  opened.add(() => threads.close())
  return shareFairly(threads, clock)
}

type Foundation = Machine & Awaited<ReturnType<typeof openStorage>> & { readonly memory: NodeMemory; readonly work: SegmentWork }

/** What actors are given, and this node's part in the cluster. */
async function openServices(config: SkaldConfig, options: NodeOptions, foundation: Foundation, opened: Opened): Promise<{ services: Services; cluster: Cluster }> {
  const { clock, random, log, node, transport, nodeMetrics, kv, store, catalog, wal, memory, work } = foundation
  const flusher = makeFlusher({
    work, store, catalog, wal, log, budget: memory.budget, metrics: nodeMetrics, clock, random, concurrentFlushesMax: config.ingester.concurrent_flushes,
    ...(options.flushFaultPoint === undefined ? {} : { faultPoint: options.flushFaultPoint }),
  })
  opened.add(() => Effect.runPromise(flusher.shutdown()))
  const tenantLimits = new TenantLimits(config.limits_config, config.overrides)
  const system = new LocalActorSystem({ node, clock, random, onEvent: (event) => logActorEvent(log, event) })
  const services: Services = {
    node, clock, random, log, transport, wal, catalog, work, flusher,
    system,
    keepDamaged: (partition, sequence, record) => keepDamaged(store, partition, sequence, record),
    metrics: nodeMetrics,
    budget: memory.budget,
    slabs: memory.slabs,
    limitsOf: (tenant) => tenantLimits.of(tenant),
    gatewayCount: () => cluster.gatewayCount(),
    partitionCount: () => cluster.partitionCount(),
    settings: nodeSettings(config),
  }
  const cluster = await openCluster(services, kv, {
    roles: config.roles,
    zone: config.zone,
    replicas: config.nats.replicas,
    leaseTtlMs: config.cluster.lease_ttl,
    heartbeatMs: config.cluster.heartbeat_interval,
    standbys: config.cluster.standbys,
    ...(options.terminate === undefined ? {} : { onUsurped: options.terminate }),
  })
  opened.add(() => cluster.leave())
  foundation.metrics.gaugeFrom('skald_members', 'Nodes of the cluster that this one hears of, itself included.', () => cluster.members().length)
  openActorsToOthers(system, transport, random, opened)
  return { services, cluster }
}

/** Actors at a distance: those that other nodes may ask. */
function openActorsToOthers(system: LocalActorSystem, transport: Transport, random: Random, opened: Opened): void {
  const remote = new ActorsOverTransport({ system, transport, random })
  opened.add(() => remote.close())
  remote.expose(REPORTS_ID, reportCodec)
}

/** A WAL writer a partition, and the tenants that write through them. */
function startWriters(config: SkaldConfig, services: Services, directory: PartitionDirectory): ActorRef<TenantsMessage> {
  const { root } = services.system
  const incarnation = services.random.hex(6)
  const writers = Array.from({ length: config.partitions }, (_, partition): ActorRef<WalWriterMessage> => {
    const behavior = walWriterBehavior(services, partition, incarnation, (p, record) => directory.published(p, record))
    return root.start({ id: `wal-writer-${partition}`, behavior, restart: 'permanent', mailbox: WRITER_MAILBOX })
  })
  return root.start({ id: 'tenants', behavior: tenantsBehavior(services, (partition) => writers[partition]!), restart: 'permanent', mailbox: WRITER_MAILBOX })
}

/** Reads of partitions, wherever they are, and the answers to others' reads of the partitions here. */
function openReads(services: Services, cluster: Cluster, directory: PartitionDirectory, opened: Opened): { reads: PartitionReads; requests: LongRequests } {
  const local = makeLocalReads(services, directory)
  const served = servePartitions(services, local, directory)
  opened.add(() => served.close())
  const requests = new LongRequests(services)
  opened.add(() => requests.close())
  return { requests, reads: makeClusterReads({ services, owners: cluster.owners, directory, local, remote: (owner) => remoteReads(requests, owner) }) }
}

const hasRole = ({ roles }: SkaldConfig, role: string): boolean => roles.includes('all') || roles.includes(role)

/** Where this node takes pushes: over NATS, and by the routes. */
function openPushes(config: SkaldConfig, services: Services, { tenants, onCrash }: { readonly tenants: ActorRef<TenantsMessage>; readonly onCrash: (error: Error) => void }, opened: Opened): HttpRoute[] {
  if (!hasRole(config, 'gateway')) return []
  const transcoder = makeThreadedTranscoder({ heapMbMax: TRANSCODER_HEAP_MB, onCrash })
  opened.add(() => transcoder.close())
  const gateway = makePushGateway(services, { bodyBytesMax: config.http.max_body_size, decompressedBytesMax: config.http.max_decompressed_size }, tenants, transcoder)
  const natsPush = serveNatsPush(services.transport, gateway)
  opened.add(() => natsPush.close())
  return pushRoutes(gateway, config.tenancy.default_tenant)
}

interface QueryParts {
  readonly memory: NodeMemory
  readonly cluster: Cluster
  readonly reads: PartitionReads
  readonly requests: LongRequests
  readonly onCrash: (error: Error) => void
}

/** Where this node answers queries: over NATS, and by the routes. It then scans segments for others as well. */
function openQueries(config: SkaldConfig, services: Services, { memory, cluster, reads, requests, onCrash }: QueryParts, opened: Opened): HttpRoute[] {
  if (!hasRole(config, 'query')) return []
  const { clock, budget, transport } = services
  const cache = new PartialCache(config.memory.cache * RESULTS_SHARE)
  memory.countCache(() => cache.bytes)
  const answers = makeThreadedAnswers({ budget, heapMbMax: THREAD_HEAP_MB, onCrash })
  opened.add(() => answers.close())
  const spread = new SegmentSpread({ services, requests, hasHelpers: () => cluster.queryNodeCount() > 1 })
  const scans = spread.serve()
  opened.add(() => scans.close())
  const querier = makeQuerier({ services: { ...services, work: spread.work }, reads, cache, answers })
  const { max_concurrent, max_outstanding_per_tenant, metadata_by } = config.querier
  const queue = (): FairQueue => new FairQueue(clock, max_concurrent, max_outstanding_per_tenant)
  const frontEnd = makeQueryFrontEnd({ services, querier, answers, queue: queue(), express: queue() })
  const endpoints = queryApi({ services, querier, answers, metadataBy: metadata_by }, frontEnd)
  const natsQuery = serveNatsQuery(transport, endpoints)
  opened.add(() => natsQuery.close())
  return apiRoutes(endpoints, config.tenancy.default_tenant)
}
