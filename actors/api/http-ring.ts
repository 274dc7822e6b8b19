/** The ring for people and programs: who is a member, who owns which partition under which epoch, and how far behind the log its owner is. `/ring`. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { reportsHere, reportsOf } from '../cluster/partition-reports.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionStatus } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'

export interface RingParts {
  readonly services: Services
  readonly cluster: Cluster
  readonly directory: PartitionDirectory
}

export interface RingView {
  /** Whose view it is. */
  readonly node: string
  /** To NATS; unless it is `connected`, the view is what was seen last. */
  readonly connection: string
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly state: string; readonly zone: string; readonly roles: ReadonlyArray<string>; readonly started: string; readonly partitions: number; readonly bytes_per_second: number }>
  readonly partitions: ReadonlyArray<RingPartition>
}

export interface RingPartition {
  readonly partition: number
  /** Announced; '' is nobody. */
  readonly owner: string
  readonly owner_alive: boolean
  /** Its owner answers for it: not while it starts, as when it waits for the leader of the partition's log. */
  readonly serving: boolean
  /** Nodes that follow it, the first to take over first. */
  readonly standbys: ReadonlyArray<string>
  readonly epoch: number
  readonly lease_holder: string
  readonly lease_epoch: number
  readonly catalog_epoch: number
  readonly checkpoint: number
  readonly segments: number
  /** By its owner, absent when that does not answer: bytes of lines that it gets, WAL sequences not yet applied, and not yet in segments. */
  readonly bytes_per_second?: number
  readonly lag?: number
  readonly unflushed?: number
}

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

async function ringView({ services, cluster, directory }: RingParts): Promise<RingView> {
  const members = cluster.members()
  const leases = cluster.leases()
  const reports = await allReports(services, directory, cluster)
  const partitions = Array.from({ length: services.partitionCount() }, (_, partition): RingPartition => {
    const announced = cluster.owners.ownerOf(partition)
    const lease = leases.get(String(partition))
    const catalog = services.catalog.current(partition)
    const report = reports.find((one) => one.partition === partition && one.node === announced?.node)
    return {
      partition,
      owner: announced?.node ?? '',
      owner_alive: members.some(({ id }) => id === announced?.node),
      serving: report !== undefined,
      standbys: directory.standbysOf(partition),
      epoch: announced?.epoch ?? 0,
      lease_holder: lease?.holder ?? '',
      lease_epoch: lease?.epoch ?? 0,
      catalog_epoch: catalog.epoch,
      checkpoint: catalog.checkpoint,
      segments: catalog.segments.length,
      ...loadOf(report),
    }
  })
  const nodes = members.map(({ id, state, zone, roles, startedMs }) => {
    const own = partitions.filter(({ owner }) => owner === id)
    return { id, state, zone, roles, started: new Date(startedMs).toISOString(), partitions: own.length, bytes_per_second: own.reduce((sum, { bytes_per_second = 0 }) => sum + bytes_per_second, 0) }
  })
  return { node: services.node, connection: services.transport.status(), nodes, partitions }
}

async function allReports(services: Services, directory: PartitionDirectory, cluster: Cluster): Promise<PartitionStatus[]> {
  const others = cluster.members().filter(({ node }) => node !== services.node)
  return (await Promise.all([reportsHere(services, directory), reportsOf(services, others.map(({ node }) => node))])).flat()
}

function loadOf(report: PartitionStatus | undefined): Pick<RingPartition, 'bytes_per_second' | 'lag' | 'unflushed'> {
  if (report === undefined) return {}
  return { bytes_per_second: report.bytesPerSecond, lag: report.known - report.applied, unflushed: report.applied - report.checkpoint }
}

function page({ node, connection, nodes, partitions }: RingView): string {
  const stale = connection === 'connected' ? '' : ` <b class="bad">It has no connection to NATS (${escaped(connection)}): this is what it saw last.</b>`
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>Skald: ring</title>
<style>body{font:14px/1.5 system-ui;margin:2em}table{border-collapse:collapse;margin-bottom:2em}td,th{padding:.2em .7em;border-bottom:1px solid #ccc;text-align:left}.number{text-align:right}.bad{color:#b00}</style>
<h1>Ring</h1><p>As seen by <b>${escaped(node)}</b>; every five seconds anew.${stale}</p>
<h2>Nodes</h2>${table(nodes.map((row) => ({ ...row, roles: row.roles.join(', ') })))}
<h2>Partitions</h2>${table(partitions.map((row) => ({ ...row, standbys: row.standbys.join(', ') })))}</html>`
}

function table(rows: ReadonlyArray<Readonly<Record<string, unknown>>>): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = (row: Readonly<Record<string, unknown>>): string => columns.map((column) => cell(row[column])).join('')
  return `<table><tr>${columns.map((column) => `<th>${escaped(column.replaceAll('_', ' '))}</th>`).join('')}</tr>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</table>`
}

function cell(value: unknown): string {
  const name = value === false ? ' class="bad"' : typeof value === 'number' ? ' class="number"' : ''
  return `<td${name}>${escaped(String(value ?? ''))}</td>`
}

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
