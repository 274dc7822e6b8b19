/** R1, F3, Q1, Q2: an owner that was paused past its lease wakes up as a stale one. It must neither store twice, nor answer without what was pushed meanwhile. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, until } from '../support/node.ts'
import { nodeName, Topology } from './cluster/topology.ts'

const PARTITIONS = 3
const LEASE_TTL = '2s'

interface Ring {
  readonly partitions: ReadonlyArray<{ readonly owner: string }>
}

let topology: Topology
beforeAll(async () => {
  topology = await Topology.start({
    nodes: 2, nats: 1, partitions: PARTITIONS, store: 'files',
    environment: { SKALD_CLUSTER_LEASE_TTL: LEASE_TTL, SKALD_INGESTER_MAX_CHUNK_AGE: '1s', SKALD_INGESTER_FLUSH_CHECK_PERIOD: '200ms', SKALD_LOG_LEVEL: 'warn' },
  })
}, 120_000)
afterAll(() => topology.stop())

const ownersSeenBy = async (url: string): Promise<string[]> => ((await (await fetch(`${url}/ring?format=json`)).json()) as Ring).partitions.map(({ owner }) => owner)

it('an owner that slept through its lease stores nothing twice, and its first answers are whole', async () => {
  const [sleeper, other] = topology.nodes as [(typeof topology.nodes)[0], (typeof topology.nodes)[0]]
  await until('both own partitions', async () => new Set(await ownersSeenBy(other.url)).size === 2)
  const lines: string[] = []
  const pushTo = async (url: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const line = `line ${lines.length}`
      expect((await push(url, { app: 'stale', n: String(i) }, [[nowNs(), line]])).status).toBe(204)
      lines.push(line)
    }
  }
  await pushTo(sleeper.url, 20)
  process.kill(sleeper.pid!, 'SIGSTOP')
  try {
    await until('the other node took everything over', async () => (await ownersSeenBy(other.url)).every((owner) => owner === nodeName(1)), 20_000)
    await pushTo(other.url, 20)
    expect(linesOf(await query(other.url, '{app="stale"}'))).toEqual(lines.toSorted())
    // Flushed and purged: the sleeper can never read these from the log.
    expect((await fetch(`${other.url}/flush`, { method: 'POST' })).status).toBe(204)
    await pushTo(other.url, 5)
  } finally {
    process.kill(sleeper.pid!, 'SIGCONT')
  }
  for (let round = 0; round < 20; round++) {
    const answer = await query(sleeper.url, '{app="stale"}')
    expect(answer.warnings).toBeUndefined()
    expect(linesOf(answer)).toEqual(lines.toSorted())
  }
  await until('it takes part again', async () => new Set(await ownersSeenBy(sleeper.url)).size === 2)
  await pushTo(sleeper.url, 5)
  expect((await fetch(`${sleeper.url}/flush`, { method: 'POST' })).status).toBe(204)
  expect(linesOf(await query(other.url, '{app="stale"}'))).toEqual(lines.toSorted())
}, 120_000)
