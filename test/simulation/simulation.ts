/** One simulated history: a cluster under load and faults for a while, then healed, and every line read back from every node. */
import type { Logger } from '../../runtime/log.ts'
import { ClusterNodes } from './cluster.ts'
import { FAULT_KINDS, Faults, type FaultKind } from './faults.ts'
import { Load } from './load.ts'
import { World } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly nodes?: number
  readonly partitions?: number
  /** Simulated time under faults. */
  readonly faultsMs?: number
  readonly kinds?: ReadonlyArray<FaultKind>
  readonly onTrace?: (line: string) => void
  readonly log?: (name: string) => Logger
}

export interface SimulationResult {
  readonly seed: number
  readonly traceHash: string
  readonly violations: ReadonlyArray<string>
  readonly simulatedMs: number
  /** From the end of the faults until all nodes agree and loads are even. */
  readonly convergedMs: number
  readonly load: Load['counts']
  readonly faults: Faults['counts']
  readonly world: World['counts']
  readonly claims: number
  readonly commits: number
  readonly repeatedPuts: number
}

const LEASE_TTL_MS = 2_000
const HEARTBEAT_MS = 500
const START_MS = 60_000
const HEAL_MS = 120_000
const STEP_MS = 100
/** Between the beginnings of two faults: several at once are usual. */
const FAULT_PAUSE_MS_MAX = 1_500

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, nodes = 3, partitions = 6, faultsMs = 20_000, kinds = FAULT_KINDS } = options
  const world = new World({ seed, partitions, lossRatio: 0.01, hasMajorities: seed % 2 === 0, ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }) })
  const cluster = new ClusterNodes(world, { nodes, leaseTtlMs: LEASE_TTL_MS, heartbeatMs: HEARTBEAT_MS, standbys: seed % 2, settings: {}, ...(options.log === undefined ? {} : { log: options.log }) })
  await world.until(cluster.startAll(), START_MS, 'the start of all nodes')
  await converge(world, cluster, START_MS)

  const load = new Load(world, { writers: 4, linesPerPush: 16, pauseMsMax: 400, readers: 2, nodes: () => cluster.nodes() })
  const loaded = load.run()
  const faults = new Faults(world, cluster, kinds)
  void faults.run(FAULT_PAUSE_MS_MAX)
  await world.clock.run(faultsMs)
  faults.heal()
  const healedMs = world.clock.monotonicMs()
  await converge(world, cluster, HEAL_MS)
  const convergedMs = world.clock.monotonicMs() - healedMs
  load.stop()
  await world.until(loaded, HEAL_MS, 'the end of all pushes and queries')
  for (const node of cluster.nodes()) {
    const complete = async (): Promise<void> => {
      while (!(await load.verify(node))) await world.clock.sleep(STEP_MS)
    }
    await world.until(complete(), HEAL_MS, `a complete answer from ${node.name}`)
  }
  const { violations, claims, commits, repeatedPuts } = world.invariants
  const result = {
    seed,
    traceHash: world.traceHash(),
    violations,
    simulatedMs: world.clock.monotonicMs(),
    convergedMs,
    load: load.counts,
    faults: faults.counts,
    world: world.counts,
    claims,
    commits,
    repeatedPuts,
  }
  for (const node of cluster.nodes()) node.kill()
  return result
}

async function converge(world: World, cluster: ClusterNodes, timeoutMs: number): Promise<void> {
  const endMs = world.clock.monotonicMs() + timeoutMs
  while (!cluster.hasConverged()) {
    if (world.clock.monotonicMs() >= endMs) throw new Error(`seed: the nodes did not agree on the owners of all partitions within ${timeoutMs} ms`)
    await world.clock.run(STEP_MS)
  }
}
