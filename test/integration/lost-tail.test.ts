/** The log's server loses its newest records while nodes run, as in a power cut (W2 says that it may): what it kept, and what is pushed from then on, is there, once (W1). */
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

let nats: TestNats
let objects: string
let node: TestNode
beforeEach(async () => {
  nats = await startTestNats()
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
  node = await startTestNode({ environment: { SKALD_NATS_URL: nats.url, SKALD_PARTITIONS: '1', SKALD_OBJECT_STORE_URL: `file:${objects}` } })
})
afterEach(async () => {
  await node.remove()
  await nats.stop()
  await rm(objects, { recursive: true, force: true })
})

describe('a log that lost its newest records', () => {
  it('hides none of those that come after them', async () => {
    const [store, copy] = [path.join(nats.dataDir, 'jetstream'), path.join(nats.dataDir, 'copy')]
    const pushed = (line: string): Promise<boolean> => push(node.url, { app: 'tail' }, [[nowNs(), line]]).then(({ status }) => status === 204)
    const lines = async (): Promise<string[]> => linesOf(await query(node.url, '{app="tail"}'))
    for (let i = 0; i < 5; i++) expect(await pushed(`kept ${i}`)).toBe(true)
    await nats.kill()
    await cp(store, copy, { recursive: true })
    await nats.restart()
    for (let i = 0; i < 5; i++) await until('a push is taken', () => pushed(`lost ${i}`))
    expect(await lines()).toHaveLength(10)
    await nats.kill()
    await rm(store, { recursive: true, force: true })
    await rename(copy, store)
    await nats.restart()
    for (let i = 0; i < 3; i++) await until('a push is taken', () => pushed(`after ${i}`))
    const expected = ['after 0', 'after 1', 'after 2', 'kept 0', 'kept 1', 'kept 2', 'kept 3', 'kept 4']
    await until('all are there', async () => JSON.stringify((await lines()).filter((line) => !line.startsWith('lost'))) === JSON.stringify(expected))
    await until('a flush', async () => (await fetch(`${node.url}/flush`, { method: 'POST' })).status === 204)
    expect((await lines()).filter((line) => !line.startsWith('lost'))).toEqual(expected)
  })
})
