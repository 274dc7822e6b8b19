/** The chaos test: SIGKILL any node or any nats-server at random under load, or restart a node in order, many times; queries all the while; then every line is counted (W1, Q1-Q3, R1, R2). */
import { Loader } from '../crash/loader.ts'
import { verify, type Verdict } from '../crash/verify.ts'
import { QueryProbe } from './query-probe.ts'
import { nodeName, Topology, type TopologyOptions } from './topology.ts'

export interface ChaosOptions extends TopologyOptions {
  readonly rounds: number
  readonly seed: number
  /** No new round begins after this. */
  readonly budgetMs?: number
  readonly report: (line: string) => void
}

export interface ChaosResult extends Verdict {
  readonly rounds: number
  readonly nodeKills: number
  readonly natsKills: number
  readonly restarts: number
  readonly pushes: number
  readonly pushMs: Quantiles
  readonly queries: number
  readonly queryMs: Quantiles
  readonly failedQueries: ReadonlyArray<string>
  /** From a node's death until all its partitions were served by others. */
  readonly moveMs: Quantiles
  /** From SIGTERM until all its partitions were served by others. */
  readonly drainMs: Quantiles
  /** From a nats-server's death until pushes to every partition were acknowledged again. */
  readonly natsGapMs: Quantiles
}

export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const TENANT = 'crash'
const WRITERS = 12
/** As agents do: a push that hangs is tried again elsewhere. */
const PUSH_TIMEOUT_MS = 3_000
/** What dies matters here, not how much two cores can take. */
const PUSH_PAUSE_MS = 40
const READY_MS = 60_000
/** Small segments and short ages, so that kills fall into flushes as often as between them. */
const ENVIRONMENT = {
  SKALD_INGESTER_MAX_CHUNK_AGE: '2s',
  SKALD_INGESTER_FLUSH_CHECK_PERIOD: '200ms',
  SKALD_LOG_LEVEL: 'warn',
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
  SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const topology = await Topology.start({ ...options, environment: { ...ENVIRONMENT, ...options.environment } })
  const startNs = BigInt(Date.now() - 3_600_000) * 1_000_000n
  try {
    const loader = new Loader({ urls: topology.urls, natsUrl: topology.nats.url, tenant: TENANT, writers: WRITERS, linesPerPush: 5, startNs, timeoutMs: PUSH_TIMEOUT_MS, pauseMs: PUSH_PAUSE_MS })
    await loader.start()
    const probe = new QueryProbe({ urls: topology.urls, tenant: TENANT, writers: WRITERS, loader })
    const rounds = new Rounds(topology, loader, probe, options)
    await rounds.run()
    const tally = await loader.stop()
    const probed = await probe.stop()
    const verdict = await verify(topology.urls[0]!, TENANT, tally, startNs)
    const { nodeKills, natsKills, restarts, moveMs, drainMs, natsGapMs } = rounds
    return {
      ...verdict,
      rounds: nodeKills + natsKills + restarts,
      nodeKills,
      natsKills,
      restarts,
      pushes: tally.pushes,
      pushMs: quantiles(tally.latenciesMs),
      queries: probed.queries,
      queryMs: quantiles(probed.latenciesMs),
      failedQueries: probed.failedQueries,
      moveMs: quantiles(moveMs),
      drainMs: quantiles(drainMs),
      natsGapMs: quantiles(natsGapMs),
    }
  } finally {
    await topology.stop()
  }
}

class Rounds {
  nodeKills = 0
  natsKills = 0
  restarts = 0
  readonly moveMs: number[] = []
  readonly drainMs: number[] = []
  readonly natsGapMs: number[] = []
  private readonly topology: Topology
  private readonly loader: Loader
  private readonly probe: QueryProbe
  private readonly options: ChaosOptions
  private readonly random: () => number

  constructor(topology: Topology, loader: Loader, probe: QueryProbe, options: ChaosOptions) {
    this.topology = topology
    this.loader = loader
    this.probe = probe
    this.options = options
    this.random = seeded(options.seed)
  }

  async run(): Promise<void> {
    const end = performance.now() + (this.options.budgetMs ?? Number.POSITIVE_INFINITY)
    await this.everyWriterGoesOn('before the first round')
    for (let round = 1; round <= this.options.rounds && performance.now() < end; round++) {
      await sleep(this.random() * 1_000)
      const chance = this.random()
      const what = chance < 0.4 && this.topology.nats.count >= 3 ? await this.killNats() : chance < 0.8 ? await this.killNode() : await this.restartNode()
      this.options.report(`round ${round}: ${what}, ${this.loader.count} lines acknowledged, ${this.probe.failures} queries failed`)
    }
  }

  private async killNode(): Promise<string> {
    const { nodes } = this.topology
    const index = Math.floor(this.random() * nodes.length)
    const begun = performance.now()
    await nodes[index]!.kill()
    this.nodeKills++
    const tookMs = await this.untilMoved(index, begun)
    this.moveMs.push(tookMs)
    await this.startAgain(index)
    return `killed ${nodeName(index)}, its partitions moved after ${Math.round(tookMs)} ms`
  }

  private async restartNode(): Promise<string> {
    const { nodes } = this.topology
    const index = Math.floor(this.random() * nodes.length)
    const begun = performance.now()
    const stopped = nodes[index]!.stop()
    this.restarts++
    const tookMs = await this.untilMoved(index, begun)
    this.drainMs.push(tookMs)
    await stopped
    await this.startAgain(index)
    return `stopped ${nodeName(index)}, its partitions moved after ${Math.round(tookMs)} ms`
  }

  private async untilMoved(index: number, begun: number): Promise<number> {
    const { nodes } = this.topology
    const witness = nodes[(index + 1) % nodes.length]!
    await until(() => hasMoved(witness.url, nodeName(index)), READY_MS, async () => `partitions of ${nodeName(index)} did not move:\n${await this.views()}`)
    return performance.now() - begun
  }

  /** What every living node thinks, for a failure to show. */
  private async views(): Promise<string> {
    const texts = this.topology.nodes.map(async (node) => {
      const get = (path: string): Promise<string> => fetch(node.url + path, { signal: AbortSignal.timeout(3_000) }).then((answer) => answer.text(), String)
      return `--- ${node.url}\n${await get('/ring?format=json')}\n${await get('/status')}\n${node.log.slice(-3_000)}`
    })
    return (await Promise.all(texts)).join('\n')
  }

  private async startAgain(index: number): Promise<void> {
    const node = this.topology.nodes[index]!
    node.start()
    if (!(await node.ready(READY_MS))) throw new Error(`${nodeName(index)} did not come back:\n${node.log}`)
    await this.everyWriterGoesOn(`after ${nodeName(index)} was ended`)
  }

  private async killNats(): Promise<string> {
    const { nats } = this.topology
    const index = Math.floor(this.random() * nats.count)
    const begun = performance.now()
    await nats.kill(index)
    this.natsKills++
    await this.everyWriterGoesOn(`after nats-server ${index + 1} was killed`)
    const tookMs = performance.now() - begun
    this.natsGapMs.push(tookMs)
    nats.launch(index)
    if (!(await nats.healthy(index, READY_MS))) throw new Error(`nats-server ${index + 1} did not come back: ${nats.log(index)}`)
    return `killed nats-server ${index + 1}, every writer went on after ${Math.round(tookMs)} ms`
  }

  /** Every writer has a push acknowledged that it began after now. */
  private async everyWriterGoesOn(when: string): Promise<void> {
    const before = Array.from({ length: WRITERS }, (_, writer) => this.loader.countOf(writer))
    await until(async () => before.every((count, writer) => this.loader.countOf(writer) > count), READY_MS, async () => `not every writer went on ${when}:\n${await this.views()}`)
  }
}

interface Ring {
  readonly partitions: ReadonlyArray<{ readonly owner: string; readonly owner_alive: boolean }>
}

async function hasMoved(url: string, from: string): Promise<boolean> {
  const ring = await fetch(`${url}/ring?format=json`, { signal: AbortSignal.timeout(2_000) }).then((answer) => answer.json() as Promise<Ring>, () => null)
  return ring !== null && ring.partitions.every(({ owner }) => owner !== from)
}

async function until(condition: () => Promise<boolean>, timeoutMs: number, describe: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(await describe())
    await sleep(20)
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export function quantiles(values: ReadonlyArray<number>): Quantiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** xorshift32. */
function seeded(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
