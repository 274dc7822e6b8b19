/** Queries that are cut off, that miss a part, or that come in crowds: a whole node with real threads. */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, startTestNode, type TestNode, until } from '../support/node.ts'

async function counter(node: TestNode, name: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(name))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
}

const range = (node: TestNode, text: string, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${node.url}/loki/api/v1/query_range?${new URLSearchParams({ query: text })}`, { headers, ...(signal === undefined ? {} : { signal }) })

describe('an answer that misses a part (Q3)', () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode()
    await push(node.url, { app: 'stored' }, [[nowNs(), 'in the bucket']])
    await fetch(`${node.url}/flush`, { method: 'POST' })
    await push(node.url, { app: 'stored' }, [[nowNs(), 'in memory']])
    await rm(path.join(node.dataDir, 'objects/segments'), { recursive: true })
    await node.restart()
  })
  afterAll(() => node.remove())

  it('comes with a warning that says what is missing', async () => {
    const answer = await query(node.url, '{app="stored"}')
    expect(linesOf(answer)).toEqual(['in memory'])
    expect(answer.warnings?.join()).toMatch(/segment .* could not be read and is missing from the answer/)
  })

  it('is refused to who wants all or nothing, who may try again', async () => {
    const refused = await range(node, '{app="stored"}', { 'X-Skald-Strict': 'true' })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(await refused.text()).toMatch(/^the answer would be incomplete, and a strict one was asked for: segment /)
  })

  it('never passes for a whole export', async () => {
    expect((await fetch(`${node.url}/skald/api/v1/export?${new URLSearchParams({ query: '{app="stored"}' })}`)).status).toBe(503)
  })
})

describe('queries in crowds', () => {
  let node: TestNode
  /** Backtracks a lot in a naive engine, and costs a linear one a walk over every byte. */
  const HEAVY = 'sum(count_over_time({app="big"} |~ "(x+x+)+y$" [1h]))'

  beforeAll(async () => {
    node = await startTestNode()
    const line = 'x'.repeat(900)
    for (let batch = 0; batch < 12; batch++) {
      const at = nowNs()
      const answer = await push(node.url, { app: 'big', batch: String(batch) }, Array.from({ length: 2_000 }, (_, i) => [at + BigInt(i), `${batch} ${i} ${line}`] as const))
      expect(answer.status).toBe(204)
      if (batch % 3 === 2) await fetch(`${node.url}/flush`, { method: 'POST' })
    }
    await push(node.url, { app: 'small' }, [[nowNs(), 'here']])
    // Threads start with their first task.
    await Promise.all(Array.from({ length: 8 }, () => range(node, '{app=~".+"} |= "nowhere"')))
  })
  afterAll(() => node.remove())

  const heavy = (i: number, signal: AbortSignal): Promise<Response | null> => {
    const text = `${HEAVY} + ${i}`
    return fetch(`${node.url}/loki/api/v1/query?${new URLSearchParams({ query: text })}`, { signal, headers: { 'Cache-Control': 'no-cache' } }).catch(() => null)
  }

  it('do not hold up a cheap one (Q4)', async () => {
    const aloneMs = performance.now()
    await heavy(-1, new AbortController().signal)
    // On a machine that is busy with other things, everything takes longer: waiting for the crowd would take ten of these.
    const boundMs = Math.max(1_000, 2 * (performance.now() - aloneMs))
    const leave = new AbortController()
    const crowd = Array.from({ length: 10 }, (_, i) => heavy(i, leave.signal))
    await until('the crowd runs', async () => (await counter(node, 'loki_inflight_requests')) >= 10)
    const tookMs: number[] = []
    for (let i = 0; i < 5; i++) {
      const begunMs = performance.now()
      expect(linesOf(await query(node.url, '{app="small"}'))).toEqual(['here'])
      tookMs.push(performance.now() - begunMs)
    }
    expect(tookMs.toSorted((a, b) => a - b)[2]).toBeLessThan(boundMs)
    leave.abort()
    await Promise.all(crowd)
  })

  it('end when their clients leave', async () => {
    const before = await counter(node, 'skald_queries_total{outcome="failed"}')
    const leave = new AbortController()
    const crowd = Array.from({ length: 3 }, (_, i) => heavy(100 + i, leave.signal))
    await until('they run', async () => (await counter(node, 'loki_inflight_requests')) >= 3)
    leave.abort()
    await Promise.all(crowd)
    await until('they are given up', async () => (await counter(node, 'skald_queries_total{outcome="failed"}')) >= before + 3, 3_000)
  })
})
