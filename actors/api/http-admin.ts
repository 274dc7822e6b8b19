/** Status and administration over HTTP: readiness, metrics, flush, build information, and what the node is doing. */
import { SkaldError } from '../../runtime/errors.ts'
import type { HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { NatsServer } from '../../runtime/nats-server.ts'
import { withoutLogin } from '../../runtime/url-logins.ts'
import type { KeptRecords } from '../../storage/damaged-records.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { reportsHere } from '../cluster/partition-reports.ts'
import type { NodeStatus } from '../cluster/node.ts'
import type { SkaldConfig } from '../config.ts'
import { storeSettings } from '../node-settings.ts'
import { json } from './api.ts'
import { withoutSecrets } from './http-status.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionMessage, PartitionStatus } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'
import { LOKI_API_VERSION, VERSION } from '../version.ts'

export interface AdminParts {
  readonly services: Services
  readonly directory: PartitionDirectory
  readonly cluster: Cluster
  readonly metrics: Metrics
  readonly config: SkaldConfig
  /** null: external servers. */
  readonly nats: NatsServer | null
  /** Records of the log that could not be read and lie in the bucket (W5). */
  readonly damaged: (signal: AbortSignal) => Promise<KeptRecords>
}

const FLUSH_TIMEOUT_MS = 600_000
/** A status does not wait for a bucket that does not answer. */
const DAMAGED_MS = 1_000

export function adminRoutes(parts: AdminParts): HttpRoute[] {
  const { metrics } = parts
  return [
    { method: 'GET', path: '/ready', traced: false, handle: () => ready(parts) },
    {
      method: 'GET',
      path: '/metrics',
      traced: false,
      handle: async () => {
        const { contentType, text } = await metrics.render()
        return { status: 200, headers: { 'content-type': contentType }, body: text }
      },
    },
    { method: ['GET', 'POST'], path: '/flush', handle: () => flush(parts) },
    { method: 'GET', path: '/status', handle: async () => json(await status(parts)) },
    { method: 'GET', path: '/loki/api/v1/status/buildinfo', handle: buildInfo },
  ]
}

const plain = (status: number, body: string): HttpResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body })

async function ready(parts: AdminParts): Promise<HttpResponse> {
  const { transport } = parts.services
  if (transport.status() !== 'connected') return plain(503, `Ingester not ready: no connection to NATS (${transport.status()})\n`)
  try {
    const waitsFor = await parts.cluster.waitsFor()
    return waitsFor === '' ? plain(200, 'ready\n') : plain(503, `Ingester not ready: ${waitsFor}\n`)
  } catch (error) {
    return plain(503, `Ingester not ready: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** 503 while partitions of this node have no owner yet: nothing would be flushed, and 204 would say that all is. */
async function flush({ services, directory, cluster }: AdminParts): Promise<HttpResponse> {
  const waitsFor = await cluster.waitsFor()
  if (waitsFor !== '') throw new SkaldError('not_ready', `Ingester not ready: ${waitsFor}`, { retryAfterS: 1 })
  await flushPartitions(services, directory)
  return { status: 204 }
}

/** Resolves when everything that this node's partitions had applied is in segments. */
export async function flushPartitions(services: Services, directory: PartitionDirectory): Promise<void> {
  const owners = directory.localPartitions().map((partition) => directory.localOwner(partition)!)
  await Promise.all(owners.map((owner) => services.system.ask<PartitionMessage, number>(owner, (reply) => ({ kind: 'flush', reason: 'forced', reply }), FLUSH_TIMEOUT_MS)))
}

async function status(parts: AdminParts): Promise<object> {
  const { services, config, nats } = parts
  return {
    node: services.node,
    version: VERSION,
    nats: nats === null ? { url: withoutLogin(config.nats.url), connection: services.transport.status() } : { url: nats.url, version: nats.version, pid: nats.pid, restarts: nats.restarts },
    durability: durability(config),
    memory: { level: services.budget.level(), used_bytes: services.budget.usedBytes(), budget_bytes: services.budget.bytesMax },
    nodes: parts.cluster.members().map(({ id, state, zone, roles }) => ({ id, state, zone, roles: roles.join(',') })),
    damaged_records: await damagedRecords(parts),
    partitions: (await reportsHere(services, parts.directory)).map(partitionStatus),
    tenures: (await parts.cluster.status()).tenures.filter(isOurs).map(tenureStatus),
  }
}

const partitionStatus = ({ partition, epoch, applied, known, checkpoint, rawBytes, heldBytes, bytesPerSecond, cutsWaiting, paused, fenced }: PartitionStatus): object => ({
  partition, epoch, applied, known, checkpoint, raw_bytes: rawBytes, held_bytes: heldBytes, bytes_per_second: bytesPerSecond, cuts_waiting: cutsWaiting, paused, fenced,
})

type Tenure = NodeStatus['tenures'][number]

/** Others' partitions are in the ring. */
const isOurs = ({ isAssigned, lease, actor }: Tenure): boolean => isAssigned || lease !== 'none' || actor !== 'none'

const tenureStatus = ({ partition, isAssigned, lease, leaseEpoch, actor, actorEpoch, isFenced }: Tenure): object => ({
  partition, assigned: isAssigned, lease, lease_epoch: leaseEpoch, actor, actor_epoch: actorEpoch, fenced: isFenced,
})

/** `count` null: the bucket did not say. docs/errors.md says what an operator does with them. */
async function damagedRecords({ damaged, services, config }: AdminParts): Promise<object> {
  const deadline = new AbortController()
  const timer = services.clock.after(DAMAGED_MS, () => deadline.abort())
  try {
    const { count, newest } = await damaged(deadline.signal)
    if (newest === undefined) return { count }
    return { count, newest: newest.key, newest_at: new Date(newest.keptMs).toISOString(), in: storeSettings(withoutSecrets(config)).url }
  } catch (error) {
    return { count: null, error: deadline.signal.aborted ? 'the object store does not answer' : error instanceof Error ? error.message : String(error) }
  } finally {
    timer.cancel()
  }
}

/** W2 in words. */
function durability({ nats }: SkaldConfig): string {
  if (nats.replicas > 1) return `an acknowledged push is on a majority of ${nats.replicas} servers`
  if (nats.url !== '') return 'one copy; whether an acknowledged push survives a power cut is up to the NATS server’s sync_interval'
  if (nats.sync_interval === 'always') return 'an acknowledged push survives killed processes and power cuts (nats.sync_interval: always)'
  return `an acknowledged push survives killed processes, not a power cut (nats.sync_interval: ${nats.sync_interval})`
}

function buildInfo(): HttpResponse {
  return json({ version: LOKI_API_VERSION, revision: `skald-${VERSION}`, branch: '', buildUser: '', buildDate: '', goVersion: '' })
}
