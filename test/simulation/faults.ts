/**
 * What goes wrong in a simulated cluster, chosen by the seed: one fault after another, overlapping, each for a while, on random nodes. `heal` ends all of
 * them. Which kinds have occurred is counted, so that a run can show what it has tried.
 */
import { copyNames } from '../../runtime/kv-majority.ts'
import type { SeededRandom } from '../../runtime/random-seeded.ts'
import type { ClusterNodes } from './cluster.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

export const FAULT_KINDS = ['pause', 'long-pause', 'crash', 'drain', 'cut-kv', 'cut-log', 'cut-nats', 'cut-bucket', 'slow-kv', 'loss', 'peers', 'skew', 'lost-copy'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

interface Fault {
  /** How long it may last, ms. */
  readonly lastsMsMax: number
  begin(node: SimulatedNode): void
  end(node: SimulatedNode): void
}

/** As of a clock that nobody sets, and of one with a wrong date. */
const SKEWS_MS_MAX = [300_000, 86_400_000]
/** Where nothing that was acknowledged lies: leases, announcements and members. */
const COORDINATION_BUCKETS = ['skald_leases', 'skald_members']
const LOSS_RATIO_MAX = 0.3
const SLOWNESS_MAX = 150

export class Faults {
  readonly counts: Record<FaultKind, number>
  readonly #world: World
  readonly #cluster: ClusterNodes
  readonly #random: SeededRandom
  readonly #kinds: ReadonlyArray<FaultKind>
  readonly #cutPairs = new Set<string>()
  readonly #ongoing = new Set<() => void>()
  #isRunning = true

  constructor(world: World, cluster: ClusterNodes, kinds: ReadonlyArray<FaultKind>) {
    this.#world = world
    this.#cluster = cluster
    this.#random = world.random.fork()
    this.#kinds = kinds
    this.counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>
    world.broker.cutLinks((from, to) => this.#cutPairs.has(`${from}>${to}`))
  }

  /** One fault after another until `heal`; `pauseMsMax` between the beginnings of two. */
  async run(pauseMsMax: number): Promise<void> {
    while (this.#isRunning) {
      await this.#world.clock.sleep(this.#random.next() * pauseMsMax)
      if (this.#isRunning && this.#kinds.length > 0) this.#strike()
    }
  }

  /** Everything works again; dead nodes are started. */
  heal(): void {
    this.#isRunning = false
    for (const end of this.#ongoing) end()
    this.#cutPairs.clear()
  }

  #strike(): void {
    const nodes = this.#cluster.nodes()
    const node = nodes[this.#random.below(nodes.length)]
    const kind = this.#kinds[this.#random.below(this.#kinds.length)]!
    if (node === undefined) return
    const fault = this.#fault(kind)
    this.counts[kind]++
    this.#world.trace(`${kind} ${node.name}`)
    fault.begin(node)
    const end = (): void => {
      if (!this.#ongoing.delete(end)) return
      timer.cancel()
      this.#world.trace(`end of ${kind} ${node.name}`)
      fault.end(node)
    }
    const timer = this.#world.clock.after(this.#random.next() * fault.lastsMsMax, end)
    this.#ongoing.add(end)
  }

  #fault(kind: FaultKind): Fault {
    switch (kind) {
      case 'pause':
        return { lastsMsMax: 3_000, begin: ({ process }) => process.pause(), end: ({ process }) => process.resume() }
      case 'long-pause':
        return { lastsMsMax: 20_000, begin: ({ process }) => process.pause(), end: ({ process }) => process.resume() }
      case 'crash':
        return { lastsMsMax: 6_000, begin: (node) => this.#cluster.kill(node), end: (node) => this.#cluster.startAgain(node) }
      case 'drain':
        return { lastsMsMax: 6_000, begin: (node) => this.#cluster.drain(node), end: (node) => this.#cluster.startAgain(node) }
      case 'cut-kv':
        return { lastsMsMax: 8_000, begin: (node) => node.setKvReachable(false), end: (node) => node.setKvReachable(true) }
      case 'cut-log':
        return { lastsMsMax: 8_000, begin: ({ links }) => void (links.wal.isCut = true), end: ({ links }) => void (links.wal.isCut = false) }
      case 'cut-nats':
        return { lastsMsMax: 8_000, begin: (node) => node.setConnected(false), end: (node) => node.setConnected(true) }
      case 'cut-bucket':
        return { lastsMsMax: 8_000, begin: ({ links }) => void (links.objects.isCut = true), end: ({ links }) => void (links.objects.isCut = false) }
      case 'slow-kv':
        return this.#slow()
      case 'loss':
        return this.#loss()
      case 'peers':
        return this.#peers()
      case 'skew':
        return { lastsMsMax: 20_000, begin: ({ process }) => void (process.skewMs = Math.round((this.#random.next() * 2 - 1) * SKEWS_MS_MAX[this.#random.below(2)]!)), end: ({ process }) => void (process.skewMs = 0) }
      case 'lost-copy':
        return { lastsMsMax: 0, begin: () => this.#world.kv.wipe(this.#coordinationBucket()), end: () => undefined }
    }
  }

  #coordinationBucket(): string {
    const name = COORDINATION_BUCKETS[this.#random.below(2)]!
    return this.#world.hasMajorities ? copyNames(name)[this.#random.below(3)]! : name
  }

  #slow(): Fault {
    const slowness = 1 + this.#random.next() * SLOWNESS_MAX
    return { lastsMsMax: 8_000, begin: ({ links }) => void (links.kv.slowness = slowness), end: ({ links }) => void (links.kv.slowness = 1) }
  }

  #loss(): Fault {
    const ratio = this.#random.next() * LOSS_RATIO_MAX
    const set = ({ links }: SimulatedNode, value: number): void => {
      for (const link of Object.values(links)) link.lossRatio = value
    }
    return { lastsMsMax: 8_000, begin: (node) => set(node, ratio), end: (node) => set(node, 0) }
  }

  /** Messages to or from some others vanish, one way or both. */
  #peers(): Fault {
    const pairs: string[] = []
    return {
      lastsMsMax: 8_000,
      begin: ({ name }) => {
        for (const other of this.#cluster.names()) {
          if (this.#random.next() < 0.5) pairs.push(`${name}>${other}`)
          if (this.#random.next() < 0.5) pairs.push(`${other}>${name}`)
        }
        for (const pair of pairs) this.#cutPairs.add(pair)
      },
      end: () => pairs.forEach((pair) => this.#cutPairs.delete(pair)),
    }
  }
}
