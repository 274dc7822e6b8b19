/** What a node does when the bucket of leases is gone while the catalog stands, and when the clocks of two nodes are minutes apart (R1, F3). */
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

let nats: TestNats
let objects: string
let nodes: TestNode[]
beforeEach(async () => {
  nats = await startTestNats()
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
  nodes = []
})
afterEach(async () => {
  for (const node of nodes) await node.remove()
  await nats.stop()
  await rm(objects, { recursive: true, force: true })
})

async function start(name: string, clock?: SystemClock): Promise<TestNode> {
  const environment = { SKALD_NATS_URL: nats.url, SKALD_NODE_ID: name, SKALD_PARTITIONS: '2', SKALD_OBJECT_STORE_URL: `file:${objects}`, SKALD_CLUSTER_LEASE_TTL: '3s' }
  const node = await startTestNode({ environment, ...(clock === undefined ? {} : { clock }) })
  nodes.push(node)
  return node
}

const flushed = (node: TestNode): Promise<unknown> => until('a flush', async () => (await fetch(`${node.url}/flush`, { method: 'POST' })).status === 204, 20_000)

async function loseLeases(): Promise<void> {
  const connection = await connect({ servers: nats.url })
  await (await jetstreamManager(connection)).streams.delete('KV_skald_leases')
  await connection.close()
}

describe('a lost bucket of leases', () => {
  it.each([['while the node runs', false], ['while it is stopped', true]])('costs nothing %s', async (_when, isStopped) => {
    const node = await start('a')
    for (let round = 0; round < 3; round++) {
      await push(node.url, { app: 'lost' }, [[nowNs(), `before ${round}`]])
      await flushed(node)
      await node.restart()
    }
    if (isStopped) await node.stop()
    await loseLeases()
    if (isStopped) await node.restart()
    await push(node.url, { app: 'lost' }, [[nowNs(), 'after']])
    await flushed(node)
    const another = await start('b')
    await push(another.url, { app: 'lost', n: '2' }, [[nowNs(), 'through the other']])
    await flushed(another)
    expect(linesOf(await query(node.url, '{app="lost"}'))).toEqual(['after', 'before 0', 'before 1', 'before 2', 'through the other'])
  })
})

/** A machine whose date is wrong; its timers run as anybody's. */
class WrongDate extends SystemClock {
  readonly skewMs: number

  constructor(skewMs: number) {
    super()
    this.skewMs = skewMs
  }

  override nowMs(): number {
    return super.nowMs() + this.skewMs
  }
}

describe('clocks five minutes apart', () => {
  it('move no lease, and lose no line', async () => {
    const [slow, fast] = [await start('slow', new WrongDate(-150_000)), await start('fast', new WrongDate(150_000))]
    const owners = async (): Promise<string[]> => {
      const ring = (await (await fetch(`${slow.url}/ring?format=json`)).json()) as { partitions: Array<{ owner: string; epoch: number }> }
      return ring.partitions.map(({ owner, epoch }) => `${owner} ${epoch}`)
    }
    await until('both own a partition', async () => new Set((await owners()).map((owner) => owner.split(' ')[0])).size === 2)
    const before = await owners()
    const lines: string[] = []
    for (let i = 0; i < 40; i++) {
      const node = i % 2 === 0 ? slow : fast
      expect((await push(node.url, { app: 'skew', n: String(i % 8) }, [[nowNs(), `line ${i}`]])).status).toBe(204)
      lines.push(`line ${i}`)
      if (i === 20) await Promise.all([flushed(slow), flushed(fast)])
    }
    const range = { start: String(nowNs() - 600_000_000_000n), end: String(nowNs() + 600_000_000_000n) }
    for (const node of [slow, fast]) expect(linesOf(await query(node.url, '{app="skew"}', range))).toEqual(lines.toSorted())
    expect(await owners()).toEqual(before)
  })
})
