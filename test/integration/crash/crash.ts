/** The crash test: SIGKILL the node or the nats-server at random moments under load, many times, and then count every line (W1, F1-F3, Q1). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { Loader } from '../../support/chaos/loader.ts'
import { CHAOS_SETTINGS, CHAOS_TENANT, firstLineNs } from '../../support/chaos/settings.ts'
import { verify, type Verdict } from '../../support/chaos/verify.ts'
import { sleep, until } from '../../support/chaos/wait.ts'
import { freePort } from '../../support/free-port.ts'
import { NodeProcess } from '../../support/node-process.ts'

export interface CrashOptions {
  readonly tree: string
  readonly rounds: number
  readonly seed: number
  readonly report: (line: string) => void
}

export interface CrashResult extends Verdict {
  readonly pushes: number
  readonly nodeKills: number
  readonly natsKills: number
  readonly slowestReadyMs: number
}

/** Shorter than in a cluster: a round here takes a second. */
const SETTINGS = { ...CHAOS_SETTINGS, SKALD_INGESTER_MAX_CHUNK_AGE: '1s' }
const READY_MS = 60_000

export async function runCrashTest(options: CrashOptions): Promise<CrashResult> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'skald-crash-'))
  const node = new NodeProcess({ tree: options.tree, dataDir, httpPort: await freePort(), natsPort: await freePort(), environment: SETTINGS })
  const random = new SeededRandom(options.seed)
  const startNs = firstLineNs()
  try {
    node.start()
    if (!(await node.ready(READY_MS))) throw new Error(`the node did not become ready:\n${node.log}`)
    const loader = new Loader({ urls: [node.url], natsUrl: `nats://127.0.0.1:${node.options.natsPort}`, tenant: CHAOS_TENANT, writers: 8, linesPerPush: 5, startNs })
    await loader.start()
    const kills = await chaos(node, loader, options, random)
    const tally = await loader.stop()
    if (!(await node.ready(READY_MS))) throw new Error(`the node did not become ready after the last kill:\n${node.log}`)
    const verdict = await verify(node.url, CHAOS_TENANT, tally, startNs)
    return { ...verdict, ...kills, pushes: tally.pushes }
  } finally {
    await node.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function chaos(
  node: NodeProcess,
  loader: Loader,
  options: CrashOptions,
  random: SeededRandom,
): Promise<{ nodeKills: number; natsKills: number; slowestReadyMs: number }> {
  let nodeKills = 0
  let natsKills = 0
  let slowestReadyMs = 0
  for (let round = 1; round <= options.rounds; round++) {
    const before = loader.count
    await until(() => loader.count > before, READY_MS, () => `no push was acknowledged in round ${round}:\n${node.log}`)
    await sleep(random.next() * 1_500)
    const natsPid = node.natsPid()
    const killNats = round % 2 === 0 && natsPid !== undefined
    if (killNats) {
      process.kill(natsPid, 'SIGKILL')
      natsKills++
      // Every other time the node dies too, while pushes wait for a log that is down: what was answered in between must have been stored.
      if (round % 4 === 0) {
        await sleep(random.next() * 100)
        await node.kill()
        nodeKills++
        node.start()
      }
    } else {
      await node.kill()
      nodeKills++
      node.start()
    }
    const begun = performance.now()
    if (!(await node.ready(READY_MS))) throw new Error(`not ready after kill ${round} of the ${killNats ? 'nats-server' : 'node'}:\n${node.log}`)
    slowestReadyMs = Math.max(slowestReadyMs, performance.now() - begun)
    options.report(`round ${round}: killed the ${killNats ? 'nats-server' : 'node'}, ready after ${Math.round(performance.now() - begun)} ms, ${loader.count} lines acknowledged`)
  }
  const before = loader.count
  await until(() => loader.count > before, READY_MS, () => `no push was acknowledged after the last round:\n${node.log}`)
  return { nodeKills, natsKills, slowestReadyMs: Math.round(slowestReadyMs) }
}
