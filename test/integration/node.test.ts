/** A whole node, real parts, over HTTP: what a user sees of the write and read path. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, startTestNode, type TestNode } from '../support/node.ts'

describe('a node', () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode()
  })
  afterAll(() => node.remove())

  const flush = async (): Promise<void> => expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)

  it('shows a push to the very next query (Q2), fresh and flushed, once (Q1)', async () => {
    for (let round = 0; round < 20; round++) {
      expect((await push(node.url, { app: 'q2' }, [[nowNs(), `round ${round}`]])).status).toBe(204)
      expect(linesOf(await query(node.url, '{app="q2"}'))).toHaveLength(round + 1)
      if (round % 7 === 3) await flush()
    }
  })

  it('keeps structured metadata, levels and service_name', async () => {
    await push(node.url, { app: 'meta' }, [[nowNs(), 'it failed with an error', { trace_id: 'abc' }]])
    const { data } = await query(node.url, '{app="meta"} | trace_id="abc"')
    expect(data.result[0]!.stream).toEqual({ app: 'meta', service_name: 'meta', trace_id: 'abc', detected_level: 'error' })
  })

  it('stores good entries of a push that is refused in part, and says what was refused (W3)', async () => {
    const answer = await push(node.url, { app: 'w3' }, [[nowNs(), 'good'], [nowNs(), 'x'.repeat(300_000)]])
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain("max entry size '262144' bytes exceeded")
    expect(linesOf(await query(node.url, '{app="w3"}'))).toEqual(['good'])
  })

  it('stores a push that is repeated with its id once, also after a flush and a restart (W1)', async () => {
    const at = nowNs()
    // Same id, other content: what a retry after a partly received push may look like.
    for (const line of ['first', 'again']) await push(node.url, { app: 'ids' }, [[at, line]], { 'X-Skald-Push-Id': 'p1' })
    await flush()
    await push(node.url, { app: 'ids' }, [[at, 'after the flush']], { 'X-Skald-Push-Id': 'p1' })
    await node.restart()
    await push(node.url, { app: 'ids' }, [[at, 'after the restart']], { 'X-Skald-Push-Id': 'p1' })
    expect(linesOf(await query(node.url, '{app="ids"}'))).toEqual(['first'])
  })

  it('keeps exact duplicates once and equal times apart', async () => {
    const at = nowNs()
    for (let i = 0; i < 3; i++) await push(node.url, { app: 'dups' }, [[at, 'same'], [at, 'other']])
    expect(linesOf(await query(node.url, '{app="dups"}'))).toEqual(['other', 'same'])
  })

  it('answers labels, values and series of what was received, fresh and flushed', async () => {
    await push(node.url, { app: 'facts', zone: 'a' }, [[nowNs(), 'x']])
    for (const step of ['fresh', 'flushed']) {
      if (step === 'flushed') await flush()
      const get = async (path: string): Promise<{ data: unknown }> => (await (await fetch(`${node.url}/loki/api/v1${path}`)).json()) as { data: unknown }
      expect((await get('/labels')).data).toEqual(expect.arrayContaining(['app', 'service_name', 'zone']))
      expect((await get('/label/zone/values')).data).toEqual(['a'])
      expect((await get('/series?match[]={zone="a"}')).data).toEqual([{ app: 'facts', service_name: 'facts', zone: 'a' }])
    }
  })

  it('keeps tenants apart', async () => {
    await push(node.url, { app: 'secret' }, [[nowNs(), 'mine']], { 'X-Scope-OrgID': 'one' })
    expect(linesOf(await query(node.url, '{app="secret"}', {}, { 'X-Scope-OrgID': 'two' }))).toEqual([])
    expect(linesOf(await query(node.url, '{app="secret"}', {}, { 'X-Scope-OrgID': 'one' }))).toEqual(['mine'])
  })

  it('splits a large push into records and stores all of it, once though it is repeated (W1)', async () => {
    const at = nowNs()
    const values = Array.from({ length: 60 }, (_, i) => [at + BigInt(i), `${i}:${'y'.repeat(200_000)}`] as const)
    for (const _ of ['first', 'again']) {
      expect((await push(node.url, { app: 'large' }, values, { 'X-Skald-Push-Id': 'large' })).status).toBe(204)
      await flush()
    }
    const { data } = await query(node.url, 'sum(count_over_time({app="large"}[1h]))', { step: '3600', since: '1h' })
    const points = (data.result as unknown as Array<{ values: Array<[number, string]> }>)[0]!.values
    expect(points.at(-1)![1]).toBe('60')
  })

  it('says how durable an acknowledged push is (W2)', async () => {
    const status = (await (await fetch(`${node.url}/status`)).json()) as { durability: string }
    expect(status.durability).toContain('not a power cut')
  })

  it.each([
    ['a tenant of unknown characters', { 'X-Scope-OrgID': 'a/b' }, '{"streams":[]}', 400, "tenant ID 'a/b' contains unsupported character '/'"],
    ['an empty push', {}, '{"streams":[]}', 422, 'error at least one valid stream is required for ingestion'],
    ['truncated JSON', {}, '{"streams":[{"stream":{"a":"b"},"values"', 400, 'loghttp.PushRequest'],
    ['an unknown encoding', { 'content-encoding': 'br' }, '{}', 400, 'Content-Encoding "br" not supported'],
  ])('refuses %s in Loki’s words', async (_what, headers, body, status, text) => {
    const answer = await fetch(`${node.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(text)
  })
})
