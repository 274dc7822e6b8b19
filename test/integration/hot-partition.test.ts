/** A hot partition: any node shows which one it is, and what splits it takes load off it without losing a line. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

interface Load {
  readonly partition: number
  readonly owner: string
  readonly bytes_per_second?: number
  readonly lag?: number
}

const PADDING = 'x'.repeat(1_000)
let pushed = 0
let nats: TestNats
let objects: string
let owner: TestNode
/** Owns nothing: what it shows of partitions, it was told. */
let gateway: TestNode

const environment = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  SKALD_NATS_URL: nats.url, SKALD_OBJECT_STORE_URL: `file:${objects}`, SKALD_CLUSTER_LEASE_TTL: '2s', SKALD_PARTITIONS: '1', SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false', ...more,
})
const loads = async (): Promise<ReadonlyArray<Load>> => ((await (await fetch(`${gateway.url}/ring?format=json`)).json()) as { partitions: ReadonlyArray<Load> }).partitions
const total = (all: ReadonlyArray<Load>): number => all.reduce((sum, { bytes_per_second = 0 }) => sum + bytes_per_second, 0)
const hottest = (all: ReadonlyArray<Load>): number => Math.max(...all.map(({ bytes_per_second = 0 }) => bytes_per_second)) / total(all)

beforeAll(async () => {
  nats = await startTestNats()
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
  owner = await startTestNode({ environment: environment({ SKALD_NODE_ID: 'owner' }) })
  gateway = await startTestNode({ environment: environment({ SKALD_NODE_ID: 'gateway', SKALD_ROLES: 'gateway,query' }) })
})
afterAll(async () => {
  await gateway.remove()
  await owner.remove()
  await nats.stop()
  await rm(objects, { recursive: true, force: true })
})

/** Pushes ten lines to each of so many streams, four times, and answers with the load once their owners have all of it. */
async function loadAfter(streams: number): Promise<ReadonlyArray<Load>> {
  for (let i = 0; i < 4 * streams; i++) {
    const lines = Array.from({ length: 10 }, (_, k) => `line ${pushed + k} ${PADDING}`)
    expect((await push(gateway.url, { app: 'hot', n: String(i % streams) }, lines.map((line) => [nowNs(), line]))).status).toBe(204)
    pushed += lines.length
  }
  return until('owners report', async () => {
    const all = await loads()
    return all.every(({ lag }) => lag === 0) && total(all) > 0 && all
  })
}

async function restart(more: Readonly<Record<string, string>>): Promise<void> {
  await owner.restart(more)
  await gateway.restart(more)
  await until('every partition is owned', async () => (await loads()).every((load) => load.owner === 'owner'))
}

it('is seen from every node, by rate and lag', async () => {
  const all = await loadAfter(20)
  expect(all).toMatchObject([{ partition: 0, owner: 'owner', lag: 0 }])
  expect(total(all)).toBeGreaterThan(10_000)
  const metrics = await (await fetch(`${owner.url}/metrics`)).text()
  expect(Number(/^skald_partition_bytes_received_total\{partition="0"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(800_000)
})

it('of many streams is relieved by more partitions', async () => {
  await restart({ SKALD_PARTITIONS: '4' })
  const all = await loadAfter(20)
  expect(all).toHaveLength(4)
  expect(hottest(all)).toBeLessThan(0.7)
})

it('of one tenant is relieved by a larger shard', async () => {
  await restart({ SKALD_PARTITIONS: '4', SKALD_LIMITS_CONFIG_INGESTION_PARTITIONS_TENANT_SHARD_SIZE: '1' })
  expect(hottest(await loadAfter(20))).toBe(1)
  await restart({ SKALD_PARTITIONS: '4', SKALD_LIMITS_CONFIG_INGESTION_PARTITIONS_TENANT_SHARD_SIZE: '3' })
  expect(hottest(await loadAfter(20))).toBeLessThan(0.8)
})

it('of one stream is relieved once that stream is split over the partitions', async () => {
  await restart({ SKALD_PARTITIONS: '4' })
  expect(hottest(await loadAfter(1))).toBe(1)
  await restart({ SKALD_PARTITIONS: '4', SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'true', SKALD_LIMITS_CONFIG_SHARD_STREAMS_DESIRED_RATE: '2KB' })
  // A stream's rate is known after whole seconds.
  await until('the stream is spread', async () => hottest(await loadAfter(1)) < 0.7, 30_000)
  const counted = await query(gateway.url, 'sum(count_over_time({app="hot"}[1h]))', { step: '3600', since: '1h' })
  expect((counted.data.result as unknown as Array<{ values: Array<[number, string]> }>)[0]!.values.at(-1)![1]).toBe(String(pushed))
}, 60_000)
