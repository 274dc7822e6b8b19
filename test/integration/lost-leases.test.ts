/** What a node does when the bucket of leases is gone while the catalog stands (R1, F3). */
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linesOf, nowNs, push, query } from '../support/node.ts'
import { flushed, NodeGroup } from '../support/node-group.ts'

let group: NodeGroup
beforeEach(async () => {
  group = await NodeGroup.start()
})
afterEach(() => group.stop())

async function loseLeases(): Promise<void> {
  const connection = await connect({ servers: group.nats.url })
  await (await jetstreamManager(connection)).streams.delete('KV_skald_leases')
  await connection.close()
}

describe('a lost bucket of leases', () => {
  it.each([['while the node runs', false], ['while it is stopped', true]])('costs nothing %s', async (_when, isStopped) => {
    const node = await group.add('a')
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
    const another = await group.add('b')
    await push(another.url, { app: 'lost', n: '2' }, [[nowNs(), 'through the other']])
    await flushed(another)
    expect(linesOf(await query(node.url, '{app="lost"}'))).toEqual(['after', 'before 0', 'before 1', 'before 2', 'through the other'])
  })
})
