/** Three nodes on one nats-server: any node takes pushes and answers queries for all; ownership moves when a node joins, drains or dies (R2, Q1, Q2). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

const PARTITIONS = 6

interface RingAnswer {
  readonly partitions: ReadonlyArray<{ readonly partition: number; readonly owner: string }>
}

describe('three nodes', () => {
  let nats: TestNats
  let objects: string
  const nodes = new Map<string, TestNode>()

  const start = async (name: string, environment: Readonly<Record<string, string>> = {}): Promise<TestNode> => {
    const node = await startTestNode({
      environment: {
        SKALD_NATS_URL: nats.url,
        SKALD_NODE_ID: name,
        SKALD_PARTITIONS: String(PARTITIONS),
        SKALD_OBJECT_STORE_URL: `file:${objects}`,
        SKALD_CLUSTER_LEASE_TTL: '2s',
        ...environment,
      },
    })
    nodes.set(name, node)
    return node
  }
  const url = (name: string): string => nodes.get(name)!.url
  const owners = async (name: string): Promise<string[]> => ((await (await fetch(`${url(name)}/ring?format=json`)).json()) as RingAnswer).partitions.map(({ owner }) => owner)
  const balanced = (...names: string[]): Promise<unknown> =>
    until(`${names.join(', ')} own ${PARTITIONS / names.length} partitions each`, async () => {
      const seen = await owners(names[0]!)
      return names.every((name) => seen.filter((owner) => owner === name).length === PARTITIONS / names.length)
    })

  beforeAll(async () => {
    nats = await startTestNats()
    objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
    await start('a')
    await balanced('a')
  })
  afterAll(async () => {
    for (const node of nodes.values()) await node.remove()
    await nats.stop()
    await rm(objects, { recursive: true, force: true })
  })

  it('spreads partitions evenly as nodes join, and answers from every node for all of them', async () => {
    const pushed: string[] = []
    const pushTo = async (name: string, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const line = `${name} ${pushed.length}`
        expect((await push(url(name), { app: 'spread', n: String(i) }, [[nowNs(), line]])).status).toBe(204)
        pushed.push(line)
      }
    }
    await pushTo('a', 12)
    await Promise.all([start('b'), start('c')])
    await pushTo('b', 12)
    await balanced('a', 'b', 'c')
    await pushTo('c', 12)
    for (const name of ['a', 'b', 'c']) {
      const answer = await query(url(name), '{app="spread"}')
      expect(answer.warnings).toBeUndefined()
      expect(linesOf(answer)).toEqual(pushed.toSorted())
    }
  })

  it('shows a push to the very next query on another node (Q2)', async () => {
    for (let round = 0; round < 10; round++) {
      await push(url('a'), { app: 'next', n: String(round) }, [[nowNs(), `round ${round}`]])
      expect(linesOf(await query(url(round % 2 === 0 ? 'b' : 'c'), '{app="next"}'))).toHaveLength(round + 1)
    }
  })

  it('answers labels and series of all partitions on every node', async () => {
    for (const name of ['a', 'b', 'c']) {
      const series = (await (await fetch(`${url(name)}/loki/api/v1/series?match[]={app="next"}`)).json()) as { data: unknown[] }
      expect(series.data).toHaveLength(10)
    }
  })

  it('hands over on a drain without a failed or partial answer', async () => {
    await push(url('a'), { app: 'drain' }, [[nowNs(), 'before']])
    let isRunning = true
    const asked = (async () => {
      const wrong: string[] = []
      while (isRunning) {
        const answer = await query(url('a'), '{app="drain"}').catch((error: unknown) => String(error))
        if (typeof answer === 'string') wrong.push(answer)
        else if (answer.warnings !== undefined || linesOf(answer).length !== 1) wrong.push(JSON.stringify(answer))
      }
      return wrong
    })()
    const begun = performance.now()
    await nodes.get('c')!.stop()
    await balanced('a', 'b')
    expect(performance.now() - begun).toBeLessThan(3_000)
    isRunning = false
    expect(await asked).toEqual([])
  })

  it('counts what comes back as a member again', async () => {
    await nodes.get('c')!.restart()
    await balanced('a', 'b', 'c')
    expect(linesOf(await query(url('c'), '{app="drain"}'))).toEqual(['before'])
  })

  it('shows nodes, owners, epochs and leases on every node, as JSON and as a page', async () => {
    const ring = (await (await fetch(`${url('b')}/ring`, { headers: { accept: 'application/json' } })).json()) as RingAnswer & { nodes: Array<{ id: string; state: string }> }
    expect(ring.nodes.map(({ id, state }) => `${id} ${state}`)).toEqual(['a active', 'b active', 'c active'])
    for (const partition of ring.partitions) expect(partition).toMatchObject({ owner_alive: true, serving: true, lease_holder: partition.owner, epoch: expect.any(Number), catalog_epoch: expect.any(Number), lag: expect.any(Number), bytes_per_second: expect.any(Number) })
    const page = await fetch(`${url('b')}/ring`, { headers: { accept: 'text/html' } })
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('As seen by <b>b</b>')
    expect(await (await fetch(`${url('b')}/metrics`)).text()).toMatch(/^skald_members 3$/m)
  })

  it('hands over at /ingester/shutdown, says so at /ready, and takes no second one', async () => {
    expect((await fetch(`${url('c')}/ingester/shutdown?terminate=false`, { method: 'POST' })).status).toBe(204)
    const ready = await fetch(`${url('c')}/ready`)
    expect([ready.status, await ready.text()]).toEqual([503, 'Ingester not ready: it is handing its partitions over\n'])
    expect((await fetch(`${url('c')}/ingester/shutdown`, { method: 'POST' })).status).toBe(503)
    await balanced('a', 'b')
    // It still takes pushes and answers for the others.
    expect((await push(url('c'), { app: 'late' }, [[nowNs(), 'through c']])).status).toBe(204)
    expect(linesOf(await query(url('c'), '{app="late"}'))).toEqual(['through c'])
  })

  it('remembers that it is to flush when it ends', async () => {
    const prepare = (method: string): Promise<Response> => fetch(`${url('a')}/ingester/prepare_shutdown`, { method })
    expect(await (await prepare('GET')).text()).toBe('unset')
    expect((await prepare('POST')).status).toBe(204)
    expect(await (await prepare('GET')).text()).toBe('set')
    expect((await prepare('DELETE')).status).toBe(204)
    expect(await (await prepare('GET')).text()).toBe('unset')
  })

  it('lets nobody join that would keep leases or segments elsewhere, and changes nothing for it', async () => {
    const before = await owners('a')
    await expect(start('copies', { SKALD_NATS_REPLICAS: '3' })).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(/^nats\.replicas is 3 here and 1 on node/) as string })
    await expect(start('store', { SKALD_OBJECT_STORE_URL: `file:${objects}/other` })).rejects.toMatchObject({ code: 'setup', message: expect.stringMatching(/^object_store\.url is a folder/) as string })
    expect(await owners('a')).toEqual(before)
  })

  it('serves only what its roles are', async () => {
    const gateway = await start('gateway', { SKALD_ROLES: 'gateway' })
    expect((await push(gateway.url, { app: 'role' }, [[nowNs(), 'by a gateway']])).status).toBe(204)
    expect((await fetch(`${gateway.url}/loki/api/v1/labels`)).status).toBe(404)
    expect(linesOf(await query(url('a'), '{app="role"}'))).toEqual(['by a gateway'])
    expect(await owners('a')).not.toContain('gateway')
  })

  it('grows in partitions: what was there stays readable, and nodes of the smaller number own and read the new ones', async () => {
    const lines: string[] = []
    const pushAll = async (name: string): Promise<void> => {
      for (let i = 0; i < 24; i++) {
        lines.push(`${name} ${i}`)
        expect((await push(url(name), { app: 'grow', n: String(i) }, [[nowNs(), `${name} ${i}`]])).status).toBe(204)
      }
    }
    await pushAll('a')
    await start('large', { SKALD_PARTITIONS: String(PARTITIONS + 4) })
    await pushAll('large')
    for (const name of ['a', 'b', 'large']) expect(linesOf(await query(url(name), '{app="grow"}'))).toEqual(lines.toSorted())
    await until('all partitions have a living owner', async () => {
      const seen = await owners('b')
      return seen.length === PARTITIONS + 4 && seen.every((owner) => owner !== '')
    })
  })
})
