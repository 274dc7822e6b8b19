/** R1: a name is one process's. A second one is refused with a reason while the first lives, and starts when it is gone. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, type TestNode } from '../support/node.ts'

let nats: TestNats
let objects: string
const nodes: TestNode[] = []
const start = async (): Promise<TestNode> => {
  const node = await startTestNode({ environment: { SKALD_NATS_URL: nats.url, SKALD_NODE_ID: 'twin', SKALD_OBJECT_STORE_URL: `file:${objects}`, SKALD_CLUSTER_LEASE_TTL: '2s' } })
  nodes.push(node)
  return node
}

beforeAll(async () => {
  nats = await startTestNats()
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
})
afterAll(async () => {
  for (const node of nodes) await node.remove()
  await nats.stop()
  await rm(objects, { recursive: true, force: true })
})

it('refuses a second process of one name, says who has it, and leaves the first alone', async () => {
  const first = await start()
  expect((await push(first.url, { app: 'twin' }, [[nowNs(), 'before']])).status).toBe(204)
  await expect(start()).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(/^node_id "twin" is in use by another process that is alive \(process \d+ on .+, started .+\)/) as string })
  expect((await push(first.url, { app: 'twin' }, [[nowNs(), 'after']])).status).toBe(204)
  expect(linesOf(await query(first.url, '{app="twin"}'))).toEqual(['after', 'before'])
  await first.stop()
  const second = await start()
  expect(linesOf(await query(second.url, '{app="twin"}'))).toEqual(['after', 'before'])
})

