/** W1 across many small segments: their ids are gathered in one object, and the next owner knows a push by it that it has in no memory and no log. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { GATHERED_SEGMENTS_MIN } from '../../actors/partition/applied-ids.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

let objects: string
let node: TestNode
beforeAll(async () => {
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
  node = await startTestNode({ environment: { SKALD_OBJECT_STORE_URL: `file:${objects}`, SKALD_PARTITIONS: '1' } })
})
afterAll(async () => {
  await node?.remove()
  await rm(objects, { recursive: true, force: true })
})

it('takes a push once that is repeated after a restart and many flushes', async () => {
  const at = nowNs()
  const pushed = (n: number): Promise<Response> => push(node.url, { app: 'ids' }, [[at + BigInt(n), `line ${n}`]], { 'x-skald-push-id': `push ${n}` })
  const lines = Array.from({ length: GATHERED_SEGMENTS_MIN }, (_, n) => `line ${n}`).toSorted()
  for (let n = 0; n < GATHERED_SEGMENTS_MIN; n++) {
    expect((await pushed(n)).status).toBe(204)
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  }
  await until('the ids are gathered', async () => (await readdir(path.join(objects, 'ids', 'p0')).catch(() => [])).length === 1)
  await node.restart()
  for (const n of [0, GATHERED_SEGMENTS_MIN - 1]) expect((await pushed(n)).status).toBe(204)
  expect(linesOf(await query(node.url, '{app="ids"}', { limit: '1000' }))).toEqual(lines)
}, 60_000)
