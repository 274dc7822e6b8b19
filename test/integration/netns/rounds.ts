/**
 * Cuts a node off, in one of several ways, for longer than its leases last, under load; then joins it again. Pushes to the others have to go on meanwhile, and
 * afterwards everybody's; at the end every line is counted as in the crash test.
 */
import { Loader } from '../../support/chaos/loader.ts'
import { CHAOS_TENANT, firstLineNs } from '../../support/chaos/settings.ts'
import { verify, type Verdict } from '../../support/chaos/verify.ts'
import { everyWriterGoesOn, sleep, until } from '../../support/chaos/wait.ts'
import { LEASE_TTL_MS, NATS, NODES, STORE, type NamespacedCluster } from './cluster.ts'
import type { Namespaces } from './namespaces.ts'

export const CUTS = ['nats', 'nats-out', 'nats-in', 'store', 'store-out', 'store-in', 'peers', 'network', 'pause', 'long-pause'] as const
export type Cut = (typeof CUTS)[number]

export interface RoundsOptions {
  readonly cuts: ReadonlyArray<Cut>
  readonly report: (line: string) => void
}

export interface RoundsResult extends Verdict {
  readonly rounds: number
  readonly pushes: number
  readonly refused: number
  /** Cuts after which the others had taken the node's partitions over while it lasted. */
  readonly takeovers: number
}

const WRITERS = 8
const CUT_MS = 2.5 * LEASE_TTL_MS
/** Longer than anything waits: consumers, requests and dead members are forgotten by then. */
const LONG_PAUSE_MS = 60_000
const GO_ON_MS = 60_000
/** Whoever is cut off like this loses its leases. */
const LOSES_LEASES: ReadonlySet<Cut> = new Set(['nats', 'nats-out', 'nats-in', 'network', 'pause', 'long-pause'])

export async function runRounds(spaces: Namespaces, cluster: NamespacedCluster, { cuts, report }: RoundsOptions): Promise<RoundsResult> {
  const startNs = firstLineNs()
  const loader = new Loader({ urls: cluster.urls, natsUrl: cluster.natsUrl, tenant: CHAOS_TENANT, writers: WRITERS, linesPerPush: 5, startNs, timeoutMs: 3_000, pauseMs: 40 })
  await loader.start()
  let takeovers = 0
  for (const [round, cut] of cuts.entries()) {
    const name = NODES[round % NODES.length]!
    const witness = NODES[(round + 1) % NODES.length]!
    await until(async () => (await cluster.ownersSeenBy(witness))?.includes(name) === true, GO_ON_MS, () => `${name} owns no partitions`)
    const mend = makeCut(spaces, cluster, cut, name)
    const before = loader.count
    try {
      if (LOSES_LEASES.has(cut)) await until(async () => (await cluster.ownersSeenBy(witness))?.includes(name) === false, GO_ON_MS, () => `the partitions of ${name} are not taken over`)
      if (LOSES_LEASES.has(cut)) takeovers++
      await sleep(cut === 'long-pause' ? LONG_PAUSE_MS : CUT_MS)
      await until(() => loader.count > before, GO_ON_MS, () => 'no push was acknowledged meanwhile')
    } finally {
      mend()
    }
    await everyWriterGoesOn(loader, GO_ON_MS, () => `after ${cut} of ${name}`)
    report(`round ${round + 1}: ${cut} of ${name}, ${loader.count} lines acknowledged`)
  }
  const tally = await loader.stop()
  for (const [name, node] of cluster.nodes) if (!(await node.ready(GO_ON_MS))) throw new Error(`${name} is not ready at the end:\n${node.log}`)
  const verdict = await verify(cluster.urls[0]!, CHAOS_TENANT, tally, startNs)
  return { ...verdict, rounds: cuts.length, pushes: tally.pushes, refused: tally.refused, takeovers }
}

/** Returns what undoes it. */
function makeCut(spaces: Namespaces, cluster: NamespacedCluster, cut: Cut, name: string): () => void {
  const block = (...pairs: Array<readonly [from: string, to: string]>): (() => void) => {
    for (const [from, to] of pairs) spaces.block(from, to)
    return () => pairs.forEach(([from, to]) => spaces.unblock(from, to))
  }
  const { pid } = cluster.nodes.get(name)!
  switch (cut) {
    case 'nats':
      return block([name, NATS], [NATS, name])
    case 'nats-out':
      return block([name, NATS])
    case 'nats-in':
      return block([NATS, name])
    case 'store':
      return block([name, STORE], [STORE, name])
    case 'store-out':
      return block([name, STORE])
    case 'store-in':
      return block([STORE, name])
    case 'peers':
      return block(...NODES.filter((other) => other !== name).flatMap((other) => [[name, other], [other, name]] as const))
    case 'network':
      spaces.unplug(name)
      return () => spaces.plug(name)
    case 'pause':
    case 'long-pause':
      process.kill(pid!, 'SIGSTOP')
      return () => void process.kill(pid!, 'SIGCONT')
  }
}
