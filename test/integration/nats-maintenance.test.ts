/** W1, Q1, Q2: what operators do to nats-servers, under load: each is restarted in order, one is replaced by one with an empty disk. Nothing is lost or doubled, every query is answered. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyNames } from '../../runtime/kv-majority.ts'
import { Loader } from '../support/chaos/loader.ts'
import { CHAOS_SETTINGS, CHAOS_TENANT, firstLineNs } from '../support/chaos/settings.ts'
import { verify } from '../support/chaos/verify.ts'
import { everyWriterGoesOn, until } from '../support/chaos/wait.ts'
import { QueryProbe } from './cluster/query-probe.ts'
import { Topology } from './cluster/topology.ts'

const SERVERS = 3
const WRITERS = 4
const WAIT_MS = 60_000

let topology: Topology
beforeAll(async () => {
  topology = await Topology.start({ nodes: 2, nats: SERVERS, partitions: 4, store: 'files', environment: CHAOS_SETTINGS })
}, 120_000)
afterAll(() => topology.stop())

it('goes on while nats-servers are restarted, and when one comes back without its disk', async () => {
  const { urls, nats } = topology
  const startNs = firstLineNs()
  const loader = new Loader({ urls, natsUrl: nats.url, tenant: CHAOS_TENANT, writers: WRITERS, linesPerPush: 5, startNs, timeoutMs: 1_500, pauseMs: 40 })
  await loader.start()
  const probe = new QueryProbe({ urls, tenant: CHAOS_TENANT, writers: WRITERS, loader, startNs })
  const startAgain = async (index: number): Promise<void> => {
    nats.launch(index)
    // Until it says so itself, the others speak of its copies as they were.
    if (!(await nats.healthy(index, WAIT_MS))) throw new Error(`server ${index + 1} did not become healthy: ${nats.log(index)}`)
    await until(() => nats.isWhole(), WAIT_MS, async () => `after server ${index + 1} came back: ${await nats.missing()}; its log: ${nats.log(index)}`)
    await everyWriterGoesOn(loader, WAIT_MS, () => `after server ${index + 1} was away`)
  }
  await everyWriterGoesOn(loader, WAIT_MS, () => 'at first')
  // A server that loses its disk in the very moment in which a bucket's other copies are taken away takes that bucket with it, and it is made again ten minutes later.
  for (const bucket of ['skald_leases', 'skald_members']) await until(() => nats.areAlone('KV_', copyNames(bucket)), WAIT_MS, () => `the copies of ${bucket} were not spread`)
  for (let index = 0; index < SERVERS; index++) {
    await nats.end(index, 'SIGTERM')
    await startAgain(index)
  }
  await nats.kill(0)
  nats.wipe(0)
  await startAgain(0)
  // What only the others had is on the new disk as well now: one of them may go.
  await nats.kill(1)
  await everyWriterGoesOn(loader, WAIT_MS, () => 'on the new disk and another')
  await startAgain(1)
  const tally = await loader.stop()
  const { failedQueries } = await probe.stop()
  const { lost, doubled, foreign } = await verify(urls[0]!, CHAOS_TENANT, tally, startNs)
  expect({ lost, doubled, foreign, failedQueries }).toEqual({ lost: [], doubled: [], foreign: [], failedQueries: [] })
}, 240_000)
