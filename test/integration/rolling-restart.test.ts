/** R2, Q1, Q2: all nodes are restarted in order, one after the other, under load. No push is refused longer than its next tries, no query fails, a tail misses nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Loader } from '../support/chaos/loader.ts'
import { hasMoved } from '../support/chaos/ring-view.ts'
import { CHAOS_SETTINGS, CHAOS_TENANT, firstLineNs } from '../support/chaos/settings.ts'
import { verify } from '../support/chaos/verify.ts'
import { everyWriterGoesOn, until } from '../support/chaos/wait.ts'
import { runCommand } from '../support/command.ts'
import { QueryProbe } from './cluster/query-probe.ts'
import { nodeName, Topology } from './cluster/topology.ts'

const WRITERS = 4
const WAIT_MS = 60_000
/** The writer whose lines are tailed: one that tries again until its push is acknowledged. */
const TAILED = 0

let topology: Topology
beforeAll(async () => {
  topology = await Topology.start({ nodes: 3, nats: 1, partitions: 6, store: 'files', environment: CHAOS_SETTINGS })
}, 120_000)
afterAll(() => topology.stop())

/** What `skald tail` shows of one writer, from a node that is restarted as the others are. */
function follow(signal: AbortSignal): { readonly shown: () => string[]; readonly ended: Promise<unknown> } {
  let text = ''
  const args = ['tail', `{job="crash", writer="${TAILED}"}`, '--since', '2h', '--output', 'raw', '--tenant', CHAOS_TENANT, '--url', topology.urls[0]!]
  const ended = runCommand(args, { signal, onStdout: (part) => (text += part) })
  return { shown: () => text.split('\n').filter((line) => line !== ''), ended }
}

it('serves pushes, queries and a tail while each node is stopped and started again', async () => {
  const { nodes, urls } = topology
  const startNs = firstLineNs()
  const loader = new Loader({ urls, natsUrl: topology.nats.url, tenant: CHAOS_TENANT, writers: WRITERS, linesPerPush: 5, startNs, timeoutMs: 3_000, pauseMs: 40 })
  await loader.start()
  const probe = new QueryProbe({ urls, tenant: CHAOS_TENANT, writers: WRITERS, loader, startNs })
  const stop = new AbortController()
  await everyWriterGoesOn(loader, WAIT_MS, () => 'at first')
  const { shown, ended } = follow(stop.signal)
  // A tail whose first question fails ends; from then on it waits for a node that is away.
  await until(() => shown().length > 0, WAIT_MS, () => 'the tail showed nothing at first')
  for (const [i, node] of nodes.entries()) {
    const stopped = node.stop()
    await until(() => hasMoved(urls[(i + 1) % urls.length]!, nodeName(i)), WAIT_MS, () => `the partitions of ${nodeName(i)} did not move`)
    await stopped
    node.start()
    expect(await node.ready(WAIT_MS)).toBe(true)
    await everyWriterGoesOn(loader, WAIT_MS, () => `after ${nodeName(i)} was restarted`)
  }
  const tally = await loader.stop()
  const { failedQueries } = await probe.stop()
  const { lost, doubled, foreign } = await verify(urls[0]!, CHAOS_TENANT, tally, startNs)
  expect({ lost, doubled, foreign, failedQueries }).toEqual({ lost: [], doubled: [], foreign: [], failedQueries: [] })
  expect(tally.triesMax).toBeLessThanOrEqual(urls.length)

  const pushed = Array.from({ length: tally.tried[TAILED]! }, (_, line) => `line ${line} of writer ${TAILED}`)
  await until(() => shown().length >= pushed.length, WAIT_MS, () => `the tail showed ${shown().length} of ${pushed.length} lines`)
  stop.abort()
  await ended
  expect(shown()).toEqual(pushed)
}, 240_000)
