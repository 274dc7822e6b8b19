/** Rates and stream limits over HTTP: what is refused can be sent again under its id until it is stored, once (W1, W3). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linesOf, nowNs, query, startTestNode, until, type TestNode } from '../support/node.ts'

describe('a tenant over its limits', { timeout: 60_000 }, () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode({
      environment: {
        SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '0.0005',
        SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '0.002',
        SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '300',
        SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1KB',
        SKALD_LIMITS_CONFIG_MAX_GLOBAL_STREAMS_PER_USER: '3',
        SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
      },
    })
  })
  afterAll(() => node.remove())

  const streamOf = (name: string, lines: ReadonlyArray<string>, at: bigint) => ({ stream: { app: 'rates', name }, values: lines.map((line, i) => [String(at + BigInt(i)), line]) })
  const push = (tenant: string, streams: ReadonlyArray<unknown>, id = ''): Promise<Response> =>
    fetch(`${node.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json', 'X-Scope-OrgID': tenant, ...(id === '' ? {} : { 'X-Skald-Push-Id': id }) }, body: JSON.stringify({ streams }) })
  const stored = async (tenant: string): Promise<string[]> => linesOf(await query(node.url, '{app="rates"}', {}, { 'X-Scope-OrgID': tenant }))
  const discarded = async (reason: string, tenant: string): Promise<number> =>
    Number(new RegExp(`loki_discarded_samples_total\\{reason="${reason}",tenant="${tenant}"\\} (\\d+)`).exec(await (await fetch(`${node.url}/metrics`)).text())?.[1] ?? 0)

  it('has the whole push refused, is told when to come back, and gets it stored then', async () => {
    const at = nowNs()
    const line = (name: string): string => `${name} `.padEnd(900, 'x')
    expect((await push('whole', ['a', 'b'].map((name) => streamOf(name, [line(name)], at)))).status).toBe(204)
    const third = [streamOf('c', [line('c')], at)]
    const refused = await push('whole', third, 'p1')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.text()).toMatch(/^ingestion rate limit exceeded for user whole \(limit: 524 bytes\/sec\) while attempting to ingest '1' lines totaling '900' bytes, reduce log volume/)
    expect(await discarded('rate_limited', 'whole')).toBe(1)
    expect(await stored('whole')).toEqual(['a', 'b'].map(line))
    await until('the push is taken', async () => (await push('whole', third, 'p1')).status === 204)
    expect(await stored('whole')).toEqual(['a', 'b', 'c'].map(line))
  })

  it('has a stream that is too fast refused alone; the push sent again under its id is stored, each line once', async () => {
    const at = nowNs()
    expect((await push('stream', [streamOf('fast', ['first '.padEnd(900, 'x')], at)])).status).toBe(204)
    const both = [streamOf('fast', ['second '.padEnd(900, 'x')], at + 1n), streamOf('slow', ['beside'], at)]
    const refused = await push('stream', both, 'p1')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.text()).toContain('Per stream rate limit exceeded (limit: 300B/sec) while attempting to ingest for stream \'{app="rates", name="fast", service_name="rates"}\' totaling 900B')
    expect((await stored('stream')).map((line) => line.split(' ')[0])).toEqual(['beside', 'first'])
    expect(await discarded('per_stream_rate_limit', 'stream')).toBe(1)
    await until('the push is taken', async () => (await push('stream', both, 'p1')).status === 204)
    expect((await stored('stream')).map((line) => line.split(' ')[0])).toEqual(['beside', 'first', 'second'])
  })

  it('has new streams beyond their number refused, and goes on with those it has', async () => {
    const at = nowNs()
    expect((await push('many', ['a', 'b', 'c'].map((name) => streamOf(name, [name], at)))).status).toBe(204)
    const answer = await push('many', [streamOf('d', ['d'], at), streamOf('a', ['again'], at + 1n)])
    expect(answer.status).toBe(429)
    expect(await answer.text()).toBe(
      `maximum active stream limit exceeded when trying to create stream {app="rates", name="d", service_name="rates"}, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'many'\n`,
    )
    expect(await stored('many')).toEqual(['a', 'again', 'b', 'c'])
    expect(await discarded('stream_limit', 'many')).toBe(1)
  })
})
