/** F3: a bucket has one cluster of NATS. A node of another does not start while the first lives, nor does one whose bucket is not the one that its cluster stored in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, type TestNode } from '../support/node.ts'

let servers: TestNats[]
let folders: string[]
const nodes: TestNode[] = []
const start = async (nats: TestNats, folder: string): Promise<TestNode> => {
  const node = await startTestNode({ environment: { SKALD_NATS_URL: nats.url, SKALD_OBJECT_STORE_URL: `file:${folder}` } })
  nodes.push(node)
  return node
}

beforeAll(async () => {
  servers = [await startTestNats(), await startTestNats()]
  folders = await Promise.all([1, 2].map(() => mkdtemp(path.join(tmpdir(), 'skald-objects-'))))
})
afterAll(async () => {
  for (const node of nodes) await node.remove()
  for (const nats of servers) await nats.stop()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

it('keeps two clusters out of one bucket, and one cluster out of two', async () => {
  const [nats, another] = servers as [TestNats, TestNats]
  const [folder, empty] = folders as [string, string]
  const first = await start(nats, folder)
  expect((await push(first.url, { app: 'mine' }, [[nowNs(), 'stored']])).status).toBe(204)
  expect((await fetch(`${first.url}/flush`, { method: 'POST' })).status).toBe(204)
  await expect(start(another, folder)).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(/^object_store\.url is in use by cluster [0-9a-f]{16}, which nats\.url does not lead to/) as string })
  expect((await push(first.url, { app: 'mine' }, [[nowNs(), 'unstored']])).status).toBe(204)
  await first.stop()
  await expect(start(nats, empty)).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(/^object_store\.url is not the bucket that cluster [0-9a-f]{16} has stored in: neither its cluster\.json is there, nor segments\//) as string })
  await first.restart()
  expect(linesOf(await query(first.url, '{app="mine"}'))).toEqual(['stored', 'unstored'])
})
