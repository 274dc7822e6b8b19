/**
 * The rounds of the chaos test: each kills a node, a nats-server or one of both, or restarts a node in order, waits until the others serve what it had, and starts it again. The
 * next fault comes once every stream has a leader, so that what is measured has one cause, or (every other time, unmeasured) while they are still being elected.
 */
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import type { Loader } from '../../support/chaos/loader.ts'
import { hasMoved } from '../../support/chaos/ring-view.ts'
import { everyWriterGoesOn, sleep, until } from '../../support/chaos/wait.ts'
import type { ChaosOptions } from './chaos.ts'
import type { QueryProbe } from './query-probe.ts'
import { nodeName, type Topology } from './topology.ts'

const READY_MS = 60_000
const PAUSE_MS_MAX = 500
/** Faults that come while the last one's elections are under way. */
const HASTY_SHARE = 0.5
/** A quorum of copies outlives the loss of one server. */
const NATS_MIN = 3

export class Rounds {
  nodeKills = 0
  natsKills = 0
  doubleKills = 0
  restarts = 0
  readonly moveMs: number[] = []
  readonly hardMoveMs: number[] = []
  readonly drainMs: number[] = []
  readonly natsGapMs: number[] = []
  readonly electionMs: number[] = []
  private readonly topology: Topology
  private readonly loader: Loader
  private readonly probe: QueryProbe
  private readonly options: ChaosOptions
  private readonly random: SeededRandom
  /** Every stream had a leader when this round began. */
  private isWhole = true
  /** When this round killed a nats-server. */
  private natsDied: number | null = null

  constructor(topology: Topology, loader: Loader, probe: QueryProbe, options: ChaosOptions) {
    this.topology = topology
    this.loader = loader
    this.probe = probe
    this.options = options
    this.random = new SeededRandom(options.seed)
  }

  async run(): Promise<void> {
    const end = performance.now() + (this.options.budgetMs ?? Number.POSITIVE_INFINITY)
    await this.goOn('before the first round')
    for (let round = 1; round <= this.options.rounds && performance.now() < end; round++) {
      await sleep(this.random.next() * PAUSE_MS_MAX)
      const what = await this.one(this.random.next())
      this.options.report(`round ${round}${this.isWhole ? '' : ' (during an election)'}: ${what}; ${this.loader.count} lines acknowledged, ${this.probe.failures} queries failed`)
      await this.settle()
    }
  }

  private one(chance: number): Promise<string> {
    if (this.topology.nats.count < NATS_MIN) return chance < 0.7 ? this.killNode() : this.restartNode()
    if (chance < 0.3) return this.killNats()
    if (chance < 0.68) return this.killNode()
    return chance < 0.75 ? this.killBoth() : this.restartNode()
  }

  /** Until the next fault may come. */
  private async settle(): Promise<void> {
    const { nats } = this.topology
    if (this.random.next() >= HASTY_SHARE) {
      await until(() => nats.hasLeaders(), READY_MS, async () => `streams without a leader\n${await this.views()}`)
      if (this.isWhole && this.natsDied !== null) this.electionMs.push(performance.now() - this.natsDied)
      await until(() => nats.isWhole(), READY_MS, async () => `copies that are not current\n${await this.views()}`)
    }
    this.natsDied = null
    this.isWhole = await nats.isWhole()
  }

  private async killNode(): Promise<string> {
    const index = this.pick(this.topology.nodes.length)
    const begun = performance.now()
    await this.topology.nodes[index]!.kill()
    this.nodeKills++
    const tookMs = await this.untilMoved(index, begun)
    const took = this.isWhole ? this.moveMs : this.hardMoveMs
    took.push(tookMs)
    await this.startAgain(index)
    return `killed ${nodeName(index)}, its partitions moved after ${Math.round(tookMs)} ms`
  }

  private async restartNode(): Promise<string> {
    const index = this.pick(this.topology.nodes.length)
    const begun = performance.now()
    const stopped = this.topology.nodes[index]!.stop()
    this.restarts++
    const tookMs = await this.untilMoved(index, begun)
    if (this.isWhole) this.drainMs.push(tookMs)
    await stopped
    await this.startAgain(index)
    return `stopped ${nodeName(index)}, its partitions moved after ${Math.round(tookMs)} ms`
  }

  private async killNats(): Promise<string> {
    const index = this.pick(this.topology.nats.count)
    const begun = performance.now()
    await this.topology.nats.kill(index)
    this.natsKills++
    await this.goOn(`after nats-server ${index + 1} was killed`)
    const gapMs = performance.now() - begun
    if (this.isWhole) this.natsGapMs.push(gapMs)
    this.natsDied = begun
    await this.launchNats(index)
    return `killed nats-server ${index + 1}, every writer went on after ${Math.round(gapMs)} ms`
  }

  private async killBoth(): Promise<string> {
    const [node, server] = [this.pick(this.topology.nodes.length), this.pick(this.topology.nats.count)]
    const begun = performance.now()
    await Promise.all([this.topology.nodes[node]!.kill(), this.topology.nats.kill(server)])
    this.doubleKills++
    const [tookMs] = await Promise.all([this.untilMoved(node, begun), this.launchNats(server)])
    this.hardMoveMs.push(tookMs)
    await this.startAgain(node)
    return `killed ${nodeName(node)} and nats-server ${server + 1}, partitions moved after ${Math.round(tookMs)} ms`
  }

  private async launchNats(index: number): Promise<void> {
    const { nats } = this.topology
    nats.launch(index)
    if (!(await nats.healthy(index, READY_MS))) throw new Error(`nats-server ${index + 1} did not come back: ${nats.log(index)}`)
  }

  private pick(count: number): number {
    return Math.floor(this.random.next() * count)
  }

  private async untilMoved(index: number, begun: number): Promise<number> {
    const { nodes } = this.topology
    const witness = nodes[(index + 1) % nodes.length]!
    await until(() => hasMoved(witness.url, nodeName(index)), READY_MS, async () => `partitions of ${nodeName(index)} did not move:\n${await this.views()}`)
    return performance.now() - begun
  }

  private async startAgain(index: number): Promise<void> {
    const node = this.topology.nodes[index]!
    node.start()
    if (!(await node.ready(READY_MS))) throw new Error(`${nodeName(index)} did not come back:\n${node.log}`)
    await this.goOn(`after ${nodeName(index)} was ended`)
  }

  private async goOn(when: string): Promise<void> {
    await everyWriterGoesOn(this.loader, READY_MS, async () => `${when}:\n${await this.views()}`)
  }

  /** What every living node thinks, for a failure to show. */
  private async views(): Promise<string> {
    const texts = this.topology.nodes.map(async (node) => {
      const get = (path: string): Promise<string> => fetch(node.url + path, { signal: AbortSignal.timeout(3_000) }).then((answer) => answer.text(), String)
      return `--- ${node.url}\n${await get('/ring?format=json')}\n${await get('/status')}\n${node.log.slice(-3_000)}`
    })
    return (await Promise.all(texts)).join('\n')
  }
}
