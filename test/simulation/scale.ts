/**
 * A large cluster on the memory ports: how long until every partition is served after a cold start, a death and an arrival, and what that and a quiet second cost in
 * KV operations, watch events and messages; and what the first line of so many streams costs, pushed through all gateways.
 */
import type { TenantId } from '../../protocols/model.ts'
import { ClusterNodes } from './cluster.ts'
import { World } from './world.ts'

export interface ScaleOptions {
  readonly seed: number
  readonly nodes: number
  readonly partitions: number
  readonly streams: number
  readonly report: (line: string) => void
}

/** What a stretch of simulated time took. */
export interface Stretch {
  readonly what: string
  readonly simulatedMs: number
  readonly kvOperations: number
  readonly kvEvents: number
  readonly messages: number
  readonly logCalls: number
  /** Of this process, for all nodes together. */
  readonly cpuMs: number
  /** Of the process at the end. */
  readonly residentMb: number
}

export interface ScaleResult {
  readonly nodes: number
  readonly partitions: number
  readonly stretches: ReadonlyArray<Stretch>
  readonly movedOnDeath: number
  readonly violations: ReadonlyArray<string>
  readonly traceHash: string
}

const LEASE_TTL_MS = 5_000
const HEARTBEAT_MS = 1_000
const CHECK_PERIOD_MS = 10_000
const STREAM_IDLE_MS = 600_000
const CONVERGE_MS = 300_000
const QUIET_MS = 10_000
const STEP_MS = 50
const STREAMS_PER_PUSH = 10_000
/** As configured by default: what was pushed stays in memory, and is what an heir has to read. */
const CUT = { segmentBytesTarget: 64 * 1024 * 1024, ageMsMax: 7_200_000, idleMsMax: 1_800_000 }
const PUSH_MS = 60_000

export async function simulateScale({ seed, nodes, partitions, streams, report }: ScaleOptions): Promise<ScaleResult> {
  const world = new World({ seed, partitions, lossRatio: 0 })
  const cluster = new ClusterNodes(world, { nodes, leaseTtlMs: LEASE_TTL_MS, heartbeatMs: HEARTBEAT_MS, standbys: 0, settings: { checkPeriodMs: CHECK_PERIOD_MS, cut: CUT, streamIdleMs: STREAM_IDLE_MS } })
  const stretches: Stretch[] = []
  const measure = async (what: string, run: () => Promise<void>): Promise<void> => {
    const before = { ...world.counts }
    const beganMs = world.clock.monotonicMs()
    const cpu = process.cpuUsage()
    await run()
    const used = process.cpuUsage(cpu)
    const stretch: Stretch = {
      what,
      simulatedMs: world.clock.monotonicMs() - beganMs,
      kvOperations: world.counts.kv - before.kv,
      kvEvents: world.counts.kvEvents - before.kvEvents,
      messages: world.counts.messages - before.messages,
      logCalls: world.counts.wal - before.wal,
      cpuMs: Math.round((used.user + used.system) / 1000),
      residentMb: Math.round(process.memoryUsage.rss() / 1e6),
    }
    stretches.push(stretch)
    report(JSON.stringify(stretch))
  }
  const converged = async (): Promise<void> => {
    const endMs = world.clock.monotonicMs() + CONVERGE_MS
    while (!cluster.hasConverged()) {
      if (world.clock.monotonicMs() >= endMs) throw new Error(`no agreement within ${CONVERGE_MS} ms of simulated time`)
      await world.clock.run(STEP_MS)
    }
  }
  const ownersNow = (): Array<string | undefined> => cluster.nodes()[0]!.cluster!.owners.nodes(partitions)

  await measure('cold start', async () => {
    await world.until(cluster.startAll(), CONVERGE_MS, 'the start of all nodes')
    await converged()
  })
  await measure('quiet', () => world.clock.run(QUIET_MS))
  await measure(`first lines of ${streams} streams`, () => pushStreams(world, cluster, streams))
  const before = ownersNow()
  const [first] = cluster.nodes()
  await measure('a node dies', async () => {
    cluster.kill(first!)
    cluster.forget(first!)
    await converged()
  })
  const movedOnDeath = ownersNow().filter((owner, partition) => owner !== before[partition]).length
  await measure('a node joins', async () => {
    await world.until(cluster.start('node-new', 'zone-0'), CONVERGE_MS, 'the start of a node')
    await converged()
  })
  const result = { nodes, partitions, stretches, movedOnDeath, violations: world.invariants.violations, traceHash: world.traceHash() }
  for (const node of cluster.nodes()) node.kill()
  return result
}

/** One push after another, each to the next node: one line of each of its streams. Fails when one is refused. */
async function pushStreams(world: World, cluster: ClusterNodes, streams: number): Promise<void> {
  const nodes = cluster.nodes()
  const ns = `${world.clock.nowMs()}000000`
  for (let from = 0; from < streams; from += STREAMS_PER_PUSH) {
    const labels = Array.from({ length: Math.min(STREAMS_PER_PUSH, streams - from) }, (_, i) => ({ stream: { job: 'scale', instance: String(from + i) }, values: [[ns, 'a line']] }))
    const content = { contentType: 'application/json', contentEncoding: undefined, body: Buffer.from(JSON.stringify({ streams: labels })) }
    const push = nodes[(from / STREAMS_PER_PUSH) % nodes.length]!.gateway!.push({ tenant: 'scale' as TenantId, kind: 'loki', content, pushId: '', traceParent: '' })
    const { status, message } = await world.until(push, PUSH_MS, 'a push')
    if (status !== 204) throw new Error(`a push was refused: ${status} ${message}`)
  }
}
