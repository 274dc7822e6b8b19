/** Hot standbys: they follow the log, answer to the row what the owner would while it flushes, and at once when it is killed (R2, Q1, Q2). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, until } from '../support/node.ts'
import { nodeName, Topology } from './cluster/topology.ts'

const PARTITIONS = 3

interface Ring {
  readonly partitions: ReadonlyArray<{ readonly owner: string; readonly standbys: ReadonlyArray<string>; readonly checkpoint: number }>
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly zone: string }>
}

let topology: Topology
beforeAll(async () => {
  topology = await Topology.start({
    nodes: 3, nats: 1, partitions: PARTITIONS, store: 'files',
    // Nothing moves for so long: whoever answers after the kill is a standby.
    environment: { SKALD_CLUSTER_STANDBYS: '1', SKALD_CLUSTER_LEASE_TTL: '20s', SKALD_LOG_LEVEL: 'warn' },
  })
}, 120_000)
afterAll(() => topology.stop())

const ring = async (url: string): Promise<Ring> => (await (await fetch(`${url}/ring?format=json`)).json()) as Ring

it('answers whole and at once when an owner is killed between flushes', async () => {
  const [dying, ...others] = topology.nodes as [(typeof topology.nodes)[0], ...typeof topology.nodes]
  await until('every node owns a partition', async () => new Set((await ring(dying.url)).partitions.map(({ owner }) => owner)).size === 3)
  const { partitions, nodes } = await ring(dying.url)
  const zoneOf = new Map(nodes.map(({ id, zone }) => [id, zone]))
  for (const { owner, standbys } of partitions) expect(standbys.map((node) => zoneOf.get(node))).toEqual([expect.not.stringMatching(`^${zoneOf.get(owner)}$`)])
  const lines: string[] = []
  const pushSome = async (): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      const line = `line ${lines.length}`
      expect((await push(topology.urls[i % 3]!, { app: 'standby', n: String(i % 10) }, [[nowNs(), line]])).status).toBe(204)
      lines.push(line)
    }
  }
  // Owners cut where standbys do not: their checkpoints fall between what standbys hold.
  for (let round = 0; round < 4; round++) {
    await pushSome()
    await fetch(`${dying.url}/flush`, { method: 'POST' })
  }
  await pushSome()
  await dying.kill()
  const begun = performance.now()
  for (const node of others) {
    const answer = await query(node.url, '{app="standby"}')
    expect(answer.warnings).toBeUndefined()
    expect(linesOf(answer)).toEqual(lines.toSorted())
    const counted = await query(node.url, 'sum(count_over_time({app="standby"}[1h]))', { step: '3600', since: '1h' })
    expect((counted.data.result as unknown as Array<{ values: Array<[number, string]> }>)[0]!.values.at(-1)![1]).toBe(String(lines.length))
  }
  const tookMs = performance.now() - begun
  expect((await ring(others[0]!.url)).partitions.some(({ owner }) => owner === nodeName(0))).toBe(true)
  expect(tookMs).toBeLessThan(10_000)
}, 120_000)
