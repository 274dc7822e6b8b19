/** The chaos test: nodes and nats-servers are killed or restarted at random under load (`rounds.ts`) while queries are asked; then every line is counted (W1, Q1-Q3, R1, R2). */
import { Loader } from '../../support/chaos/loader.ts'
import { atFixedRate, quantiles, type Quantiles } from '../../support/chaos/quantiles.ts'
import { CHAOS_SETTINGS, CHAOS_TENANT, firstLineNs } from '../../support/chaos/settings.ts'
import { verify, type Verdict } from '../../support/chaos/verify.ts'
import { QueryProbe } from './query-probe.ts'
import { Rounds } from './rounds.ts'
import { Topology, type TopologyOptions } from './topology.ts'

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
  /** A node and a nats-server at once. */
  readonly doubleKills: number
  readonly restarts: number
  readonly pushes: number
  /** From the first try to the acknowledgement, as the writers met it: each waits for its answer before it pushes again. */
  readonly pushMs: Quantiles
  /** Of these, over HTTP. */
  readonly httpPushMs: Quantiles
  /** All, for a load at a fixed rate, in which a stall also meets the pushes that would have come during it. */
  readonly pushAtFixedRateMs: Quantiles
  readonly queries: number
  /** Of a writer's newest lines. */
  readonly queryMs: Quantiles
  /** Of counts over everything. */
  readonly countMs: Quantiles
  /** Nodes that one question was put to, at most: connections break when a node dies. */
  readonly queryTriesMax: number
  readonly failedQueries: ReadonlyArray<string>
  /** From a node's death until all its partitions were served by others. */
  readonly moveMs: Quantiles
  /** The same when a nats-server died at once with it, or streams were still electing leaders from before. */
  readonly hardMoveMs: Quantiles
  /** From SIGTERM until all its partitions were served by others. */
  readonly drainMs: Quantiles
  /** From a nats-server's death until every writer had a later push acknowledged. */
  readonly natsGapMs: Quantiles
  /** From a nats-server's death until every stream had a leader again: queries wait so long. */
  readonly electionMs: Quantiles
}

const WRITERS = 12
/** As agents do: a push that hangs is tried again elsewhere. */
const PUSH_TIMEOUT_MS = 1_500
/** What dies matters here, not how much two cores can take. */
const PUSH_PAUSE_MS = 40

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const topology = await Topology.start({ ...options, environment: { ...CHAOS_SETTINGS, ...options.environment } })
  const startNs = firstLineNs()
  try {
    const loader = new Loader({ urls: topology.urls, natsUrl: topology.nats.url, tenant: CHAOS_TENANT, writers: WRITERS, linesPerPush: 5, startNs, timeoutMs: PUSH_TIMEOUT_MS, pauseMs: PUSH_PAUSE_MS })
    await loader.start()
    const probe = new QueryProbe({ urls: topology.urls, tenant: CHAOS_TENANT, writers: WRITERS, loader, startNs })
    const rounds = new Rounds(topology, loader, probe, options)
    await rounds.run()
    const tally = await loader.stop()
    const probed = await probe.stop()
    const verdict = await verify(topology.urls[0]!, CHAOS_TENANT, tally, startNs)
    const { nodeKills, natsKills, doubleKills, restarts, moveMs, hardMoveMs, drainMs, natsGapMs, electionMs } = rounds
    const pushMs = quantiles(tally.latenciesMs)
    return {
      ...verdict,
      rounds: nodeKills + natsKills + doubleKills + restarts,
      nodeKills,
      natsKills,
      doubleKills,
      restarts,
      pushes: tally.pushes,
      pushMs,
      httpPushMs: quantiles(tally.httpLatenciesMs),
      pushAtFixedRateMs: quantiles(atFixedRate(tally.latenciesMs, PUSH_PAUSE_MS + pushMs.p50)),
      queries: probed.queries,
      queryMs: quantiles(probed.latenciesMs),
      countMs: quantiles(probed.countLatenciesMs),
      queryTriesMax: probed.triesMax,
      failedQueries: probed.failedQueries,
      moveMs: quantiles(moveMs),
      hardMoveMs: quantiles(hardMoveMs),
      drainMs: quantiles(drainMs),
      natsGapMs: quantiles(natsGapMs),
      electionMs: quantiles(electionMs),
    }
  } finally {
    await topology.stop()
  }
}
