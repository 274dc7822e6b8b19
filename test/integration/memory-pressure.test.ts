/** W4: far more has to be replayed than the memory budget holds; everything acknowledged is there, once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nowNs, push, query, startTestNode, type TestNode } from '../support/node.ts'

const LINES_PER_PUSH = 2_000
const PUSHES = 120

describe('a node under memory pressure', () => {
  let node: TestNode
  beforeAll(async () => {
    const rates = { SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000', SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB' }
    node = await startTestNode({ environment: { SKALD_MEMORY_BUDGET: '1GB', SKALD_INGESTER_SEGMENT_TARGET_SIZE: '1GB', ...rates } })
  })
  afterAll(() => node.remove())

  async function count(): Promise<number> {
    const { data } = await query(node.url, 'sum(count_over_time({app="pressure"}[1h]))', { since: '1h', step: '3600' })
    const series = data.result as unknown as Array<{ values: Array<[number, string]> }>
    return Number(series[0]?.values.at(-1)?.[1] ?? 0)
  }

  it('keeps every line once while it replays, paused and resumed many times', async () => {
    const startNs = nowNs() - 60_000_000_000n
    const filler = 'x'.repeat(120)
    await Promise.all(
      [0, 1, 2, 3].map(async (writer) => {
        for (let i = writer; i < PUSHES; i += 4) {
          const values = Array.from({ length: LINES_PER_PUSH }, (_, k) => [startNs + BigInt(i * LINES_PER_PUSH + k), `${i}/${k} ${filler}`] as const)
          expect((await push(node.url, { app: 'pressure', writer: String(writer) }, values)).status).toBe(204)
        }
      }),
    )
    expect(await count()).toBe(PUSHES * LINES_PER_PUSH)
    await node.restart({ SKALD_MEMORY_BUDGET: '12MB', SKALD_INGESTER_SEGMENT_TARGET_SIZE: '4MB', SKALD_QUERIER_CATCH_UP_TIMEOUT: '1s' })
    // Asked for while it still replays: the answer means that all of it is in segments.
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
    const status = (await (await fetch(`${node.url}/status`)).json()) as { partitions: Array<{ checkpoint: number; known: number }> }
    expect(status.partitions.every(({ checkpoint, known }) => checkpoint === known)).toBe(true)
    expect(await count()).toBe(PUSHES * LINES_PER_PUSH)
  })
})
