/** What a node does when the bucket of leases is gone while the catalog stands (R1, F3). */
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

async function start(name: string): Promise<TestNode> {
  const environment = { SKALD_NATS_URL: nats.url, SKALD_NODE_ID: name, SKALD_PARTITIONS: '2', SKALD_OBJECT_STORE_URL: `file:${objects}`, SKALD_CLUSTER_LEASE_TTL: '3s' }
  const node = await startTestNode({ environment })
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
