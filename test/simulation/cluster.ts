/** The nodes of a simulated cluster: which run, starting dead ones again, and whether they agree on who owns what. */
import { LIMIT_DEFAULTS, type Limits } from '../../protocols/limits.ts'
import type { Logger } from '../../runtime/log.ts'
import type { SeededRandom } from '../../runtime/random-seeded.ts'
import type { NodeSettings } from '../../actors/services.ts'
import { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

export interface ClusterNodesOptions {
  readonly nodes: number
  readonly leaseTtlMs: number
  readonly heartbeatMs: number
  readonly standbys: number
  readonly settings: Partial<NodeSettings>
  readonly log?: (name: string) => Logger
}

const SETTINGS: Omit<NodeSettings, 'partitions'> = {
  cut: { segmentBytesTarget: 1024 * 1024, ageMsMax: 1_500, idleMsMax: 1_000 },
  checkPeriodMs: 300,
  streamIdleMs: 5_000,
  appendDeadlineMs: 10_000,
  catchUpMsMax: 10_000,
  queryMemoryBytesMax: 64 * 1024 * 1024,
  strict: false,
  matchAllBytesMax: 0,
  encoding: 'snappy',
}
/** Clocks are wrong by up to a day, and lines are not refused for it. */
const GRACE_MS = 2 * 86_400_000
const LIMITS: Limits = { ...LIMIT_DEFAULTS, creation_grace_period: GRACE_MS, max_global_streams_per_user: 0, shard_streams: { ...LIMIT_DEFAULTS.shard_streams, enabled: false } }
const ZONES = 3
/** Clocks of different machines differ by so much; leases bear a tenth. */
const DRIFT = 0.03

export class ClusterNodes {
  readonly #world: World
  readonly #options: ClusterNodesOptions
  readonly #random: SeededRandom
  readonly #nodes = new Map<string, SimulatedNode>()
  #incarnations = 0

  constructor(world: World, options: ClusterNodesOptions) {
    this.#world = world
    this.#options = options
    this.#random = world.random.fork()
  }

  async startAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.nodes }, (_, i) => this.start(`node-${i}`, `zone-${i % ZONES}`)))
  }

  /** Those that have not been killed, paused ones included. */
  nodes(): ReadonlyArray<SimulatedNode> {
    return [...this.#nodes.values()].filter((node) => node.serves)
  }

  names(): ReadonlyArray<string> {
    return [...this.#nodes.keys()]
  }

  async start(name: string, zone: string): Promise<void> {
    const { leaseTtlMs, heartbeatMs, standbys, settings, log } = this.#options
    const node = new SimulatedNode(this.#world, {
      name,
      zone,
      incarnation: ++this.#incarnations,
      settings: { ...SETTINGS, partitions: this.#world.partitions, ...settings },
      limits: LIMITS,
      leaseTtlMs,
      heartbeatMs,
      standbys,
      rate: 1 + (this.#random.next() * 2 - 1) * DRIFT,
      ...(log === undefined ? {} : { log: log(name) }),
    })
    this.#nodes.set(name, node)
    await node.start()
  }

  kill(node: SimulatedNode): void {
    node.kill()
  }

  /** It will not come back: the others are the cluster. */
  forget(node: SimulatedNode): void {
    this.#nodes.delete(node.name)
  }

  drain(node: SimulatedNode): void {
    void node.stop()
  }

  /** A new incarnation, if this one is still the newest of its name. What of it still runs is killed: two processes never use one name. */
  startAgain(node: SimulatedNode): void {
    if (this.#nodes.get(node.name) !== node) return
    node.kill()
    void this.start(node.name, node.options.zone)
  }

  /** Whether everybody sees the same owners, each partition has one that is alive, and loads differ by one at most. */
  hasConverged(): boolean {
    const nodes = this.nodes()
    if (nodes.length < this.#nodes.size) return false
    const owned = new Map<string, number>()
    for (let partition = 0; partition < this.#world.partitions; partition++) {
      const owners = new Set(nodes.map(({ cluster }) => cluster?.owners.ownerOf(partition)?.node))
      const [owner] = owners
      if (owners.size !== 1 || owner === undefined || this.#nodes.get(owner)?.directory?.localOwner(partition) === undefined) return false
      owned.set(owner, (owned.get(owner) ?? 0) + 1)
    }
    const loads = this.names().map((name) => owned.get(name) ?? 0)
    return Math.max(...loads) - Math.min(...loads) <= 1
  }
}
