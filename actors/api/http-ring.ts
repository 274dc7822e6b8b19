/** The ring for people and programs: who is a member, who owns which partition under which epoch, and how far behind the log its owner is. `/ring`. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionMessage, PartitionStatus } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'

export interface RingParts {
  readonly services: Services
  readonly cluster: Cluster
  readonly directory: PartitionDirectory
}

export interface RingView {
  /** Whose view it is. */
  readonly node: string
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly state: string; readonly zone: string; readonly roles: ReadonlyArray<string>; readonly started: string; readonly partitions: number }>
  readonly partitions: ReadonlyArray<RingPartition>
}

export interface RingPartition {
  readonly partition: number
  /** Announced; '' is nobody. */
  readonly owner: string
  readonly owner_alive: boolean
  readonly epoch: number
  readonly lease_holder: string
  readonly lease_epoch: number
  readonly catalog_epoch: number
  readonly checkpoint: number
  readonly segments: number
  /** Known only where the owner is this node: WAL sequences not yet applied, and not yet in segments. */
  readonly lag?: number
  readonly unflushed?: number
}

const STATUS_MS = 2_000

export function ringRoutes(parts: RingParts): HttpRoute[] {
  return [{ method: 'GET', path: '/ring', handle: (request) => ring(parts, request) }]
}

async function ring(parts: RingParts, request: HttpRequest): Promise<HttpResponse> {
  const view = await ringView(parts)
  const accepts = String(request.headers['accept'] ?? '')
  const asPage = request.query.get('format') !== 'json' && accepts.includes('text/html')
  if (asPage) return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: page(view) }
  return { status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: `${JSON.stringify(view)}\n` }
}

export async function ringView({ services, cluster, directory }: RingParts): Promise<RingView> {
  const members = cluster.members()
  const leases = cluster.leases()
  const partitions = await Promise.all(
    Array.from({ length: services.partitionCount() }, async (_, partition): Promise<RingPartition> => {
      const announced = cluster.owners.ownerOf(partition)
      const lease = leases.get(String(partition))
      const catalog = services.catalog.current(partition)
      return {
        partition,
        owner: announced?.node ?? '',
        owner_alive: members.some(({ id }) => id === announced?.node),
        epoch: announced?.epoch ?? 0,
        lease_holder: lease?.holder ?? '',
        lease_epoch: lease?.epoch ?? 0,
        catalog_epoch: catalog.epoch,
        checkpoint: catalog.checkpoint,
        segments: catalog.segments.length,
        ...(await lagOf(services, directory, partition)),
      }
    }),
  )
  const nodes = members.map(({ id, state, zone, roles, startedMs }) => ({
    id, state, zone, roles, started: new Date(startedMs).toISOString(), partitions: partitions.filter(({ owner }) => owner === id).length,
  }))
  return { node: services.node, nodes, partitions }
}

async function lagOf({ system }: Services, directory: PartitionDirectory, partition: number): Promise<Pick<RingPartition, 'lag' | 'unflushed'>> {
  const owner = directory.localOwner(partition)
  if (owner === undefined) return {}
  const status = await system.ask<PartitionMessage, PartitionStatus>(owner, (reply) => ({ kind: 'status', reply }), STATUS_MS).catch(() => null)
  return status === null ? {} : { lag: status.known - status.applied, unflushed: status.applied - status.checkpoint }
}

function page({ node, nodes, partitions }: RingView): string {
  return `<!doctype html><meta charset="utf-8"><title>Skald: ring</title>
<style>body{font:14px/1.5 system-ui;margin:2em}table{border-collapse:collapse;margin-bottom:2em}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}.bad{color:#b00}</style>
<h1>Ring</h1><p>As seen by <b>${escaped(node)}</b>.</p>
${table(nodes.map(({ roles, ...rest }) => ({ ...rest, roles: roles.join(', ') })))}
${table(partitions.map((partition) => ({ ...partition })))}`
}

function table(rows: ReadonlyArray<Readonly<Record<string, unknown>>>): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = (row: Readonly<Record<string, unknown>>): string => columns.map((column) => `<td${row[column] === false ? ' class="bad"' : ''}>${escaped(String(row[column] ?? ''))}</td>`).join('')
  return `<table><tr>${columns.map((column) => `<th>${escaped(column)}</th>`).join('')}</tr>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</table>`
}

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
