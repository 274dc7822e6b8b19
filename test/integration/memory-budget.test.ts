/** W4: pushes and queries at once, with a budget far below what is pushed: the process stays small, nothing accepted is lost, and what is refused says so. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeBodies } from '../bench/bodies.ts'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'

const MB = 1024 * 1024
const RAW_BYTES = 192 * MB
const BUDGET_MB = 40
/** Program, main and encoding thread with their heaps, and garbage of pushes at full speed: 220 to 230 measured. Heads of all that is pushed would be 120 more. */
const PUSH_BASE_MB = 300
/** The same with the heaps of three threads that scan and one that answers, at 45 to 60 each, and what they scan: 500 measured, 600 at once with all pushes. */
const SEARCH_BASE_MB = 600
const TREE = path.resolve(import.meta.dirname, '../..')

describe.skipIf(!existsSync('/proc/self/status'))('a node with a small memory budget (skipped where there is no /proc)', () => {
  let folder: string
  let node: NodeProcess
  const data = makeBodies(RAW_BYTES, BigInt(Date.now() - 600_000) * 1_000_000n)
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'skald-memory-'))
    node = new NodeProcess({
      tree: TREE, dataDir: folder, httpPort: await freePort(), natsPort: await freePort(),
      environment: {
        SKALD_LOG_LEVEL: 'error', SKALD_MEMORY_BUDGET: `${BUDGET_MB}MB`, SKALD_MEMORY_CACHE: '8MB', SKALD_INGESTER_SEGMENT_TARGET_SIZE: '16MB',
        SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000', SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
        SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false', SKALD_QUERIER_CATCH_UP_TIMEOUT: '60s', SKALD_LIMITS_CONFIG_QUERY_TIMEOUT: '5m',
      },
    })
    node.start()
    expect(await node.ready(30_000)).toBe(true)
  })
  afterAll(async () => {
    await node.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const post = (body: Buffer): Promise<Response> => fetch(`${node.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(body) })
  const count = async (): Promise<number> => {
    const search = new URLSearchParams({ query: 'sum(count_over_time({env="prod"}[1h]))', time: String(data.endNs) })
    const { data: answer } = (await (await fetch(`${node.url}/loki/api/v1/query?${search}`)).json()) as { data: { result: ReadonlyArray<{ value: readonly [number, string] }> } }
    return Number(answer.result[0]?.value[1] ?? 0)
  }
  const peakMb = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8'))?.[1]) / 1024

  let next = 0
  const push = async (through: number): Promise<void> => {
    const pusher = async (): Promise<void> => {
      while (next < through) {
        const body = data.bodies[next++]!
        for (let answer = await post(body); answer.status !== 204; answer = await post(body)) {
          expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true])
          expect(await answer.text()).toContain('memory.budget')
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
    }
    await Promise.all([pusher(), pusher(), pusher(), pusher()])
  }
  const pushesAlone = Math.floor((data.bodies.length * 2) / 3)

  it('takes many times its budget in pushes', async () => {
    await push(pushesAlone)
    expect(peakMb()).toBeLessThan(PUSH_BASE_MB + BUDGET_MB)
  }, 120_000)

  it('takes as much while it is searched', async () => {
    let isPushing = true
    const searcher = async (): Promise<void> => {
      while (isPushing) {
        const search = new URLSearchParams({ query: '{env="prod"} |= "duration" | logfmt | status=500', since: '1h', limit: '500' })
        const answer = await fetch(`${node.url}/loki/api/v1/query_range?${search}`)
        expect([200, 503]).toContain(answer.status)
        await answer.arrayBuffer()
      }
    }
    const searching = Promise.all([searcher(), searcher()])
    await push(data.bodies.length)
    isPushing = false
    await searching
    expect(await count()).toBe(data.lineCount)
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
    expect(await count()).toBe(data.lineCount)
    expect(peakMb()).toBeLessThan(SEARCH_BASE_MB + BUDGET_MB)
  }, 120_000)

  it('refuses a push that is larger than all of it, with the setting and when to come again', async () => {
    const body = Buffer.alloc(45 * MB, 'x')
    const answer = await post(body)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await answer.text()).toContain(`memory budget of ${BUDGET_MB * MB} bytes (memory.budget)`)
    expect((await post(data.bodies[0]!)).status).toBe(204)
  })
})
