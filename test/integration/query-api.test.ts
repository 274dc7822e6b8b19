/** The query API of a whole node: endpoints that explorers use, the same over NATS, and what goes beyond Loki. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport } from '../../runtime/transport-nats.ts'
import type { Message, Transport } from '../../runtime/transport.ts'
import { linesOf, nowNs, push, query, startTestNode, type TestNode } from '../support/node.ts'

interface Answer<T> {
  readonly status: number
  readonly text: string
  readonly body: T
}

type Parameters = Readonly<Record<string, string>>

async function ask<T>(url: string, path: string, parameters: Parameters = {}, headers: Parameters = {}): Promise<Answer<T>> {
  const answer = await fetch(`${url}${path}?${new URLSearchParams(parameters)}`, { headers })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
  return { status: answer.status, text, body: (isJson ? JSON.parse(text) : null) as T }
}

interface Vector {
  readonly data: { readonly resultType: string; readonly result: ReadonlyArray<{ readonly metric: Record<string, string>; readonly value: [number, string]; readonly values: Array<[number, string]> }> }
}

describe('the query API', () => {
  let node: TestNode
  const get = <T>(path: string, parameters: Parameters = {}, headers: Parameters = {}): Promise<Answer<T>> => ask<T>(node.url, path, parameters, headers)
  const flush = async (): Promise<void> => expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)

  beforeAll(async () => {
    node = await startTestNode()
    const at = nowNs()
    await push(node.url, { app: 'web', zone: 'a' }, Array.from({ length: 20 }, (_, i) => [at + BigInt(i), `{"user":{"id":${i % 4}},"took":"${i}ms","ok":true}`] as const))
    await push(node.url, { app: 'web', zone: 'b' }, [[at, 'level=warn status=500'], [at + 1n, 'level=warn status=404']])
    await push(node.url, { app: 'db' }, [[at, 'slow query', { trace_id: 'abc' }]])
  })
  afterAll(() => node.remove())

  describe.each(['fresh', 'flushed'])('over %s entries', (state) => {
    beforeAll(async () => {
      if (state === 'flushed') await flush()
    })

    it('tells bytes received by label, largest first', async () => {
      const { body } = await get<Vector>('/loki/api/v1/index/volume', { query: '{app=~".+"}' })
      expect(body.data.resultType).toBe('vector')
      expect(body.data.result.map(({ metric }) => metric)).toEqual([{ app: 'web' }, { app: 'db' }])
      const byZone = await get<Vector>('/loki/api/v1/index/volume', { query: '{app=~".+"}', targetLabels: 'zone', limit: '1' })
      expect(byZone.body.data.result.map(({ metric }) => metric)).toEqual([{ zone: 'a' }])
      const names = await get<Vector>('/loki/api/v1/index/volume', { query: '{app="web"}', targetLabels: 'app,zone', aggregateBy: 'labels' })
      expect(names.body.data.result.map(({ metric }) => metric)).toEqual([{ app: '' }, { zone: '' }])
    })

    it('spreads the same bytes over the steps of a range', async () => {
      const total = await get<Vector>('/loki/api/v1/index/volume', { query: '{app="web"}' })
      const ranged = await get<Vector>('/loki/api/v1/index/volume_range', { query: '{app="web"}', step: '60' })
      expect(ranged.body.data.resultType).toBe('matrix')
      const sum = ranged.body.data.result[0]!.values.reduce((bytes, [, value]) => bytes + Number(value), 0)
      expect(Math.abs(sum - Number(total.body.data.result[0]!.value[1]))).toBeLessThanOrEqual(2)
    })

    it('divides streams into shards of about the bytes asked for', async () => {
      const { text } = await get('/loki/api/v1/index/shards', { query: '{app=~".+"}', targetBytesPerShard: '100' })
      expect(text).toMatch(/^\{"shards":\[\{"bounds":\{"min":0,/)
      expect(text).toContain('"max":18446744073709551615}')
      expect(text.match(/"bounds"/g)!.length).toBeGreaterThan(1)
    })

    it('detects labels, fields and values', async () => {
      const labels = await get<{ detectedLabels: unknown }>('/loki/api/v1/detected_labels', { query: '{app="web"}' })
      expect(labels.body.detectedLabels).toEqual(expect.arrayContaining([{ label: 'zone', cardinality: 2 }]))
      const fields = await get<{ fields: ReadonlyArray<{ label: string }>; limit: number }>('/loki/api/v1/detected_fields', { query: '{app="web"}' })
      const byName = new Map(fields.body.fields.map((field) => [field.label, field]))
      expect(byName.get('user_id')).toEqual({ label: 'user_id', type: 'int', cardinality: 4, parsers: ['json'], jsonPath: ['user', 'id'] })
      expect(byName.get('took')).toMatchObject({ type: 'duration', cardinality: 20 })
      expect(byName.get('status')).toMatchObject({ type: 'int', parsers: ['logfmt'] })
      const values = await get<{ values: string[]; limit: number }>('/loki/api/v1/detected_field/status/values', { query: '{app="web"}' })
      expect(values.body.values.toSorted()).toEqual(['404', '500'])
    })

    it('finds the patterns of lines', async () => {
      const { body } = await get<{ data: ReadonlyArray<{ pattern: string; level: string; samples: ReadonlyArray<[number, number]> }> }>('/loki/api/v1/patterns', { query: '{zone="b"}', step: '1m' })
      expect(body.data).toEqual([{ pattern: 'level=warn status=<_>', level: 'warn', samples: [[expect.any(Number), 2]] }])
    })

    it('exports everything as NDJSON, oldest first, in pages that join without a gap', async () => {
      const all = (await get('/skald/api/v1/export', { query: '{app=~".+"}' })).text.trim().split('\n')
      expect(all).toHaveLength(23)
      const times = all.map((line) => BigInt((JSON.parse(line) as { ts: string }).ts))
      expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
      const paged: string[] = []
      let next = ''
      for (;;) {
        const lines = (await get('/skald/api/v1/export', { query: '{app=~".+"}', limit: '4', ...(next === '' ? {} : { next }) })).text.trim().split('\n').filter((line) => line !== '')
        const last = lines.at(-1)
        const token = last?.startsWith('{"next":') === true ? (JSON.parse(last) as { next: string }).next : null
        paged.push(...(token === null ? lines : lines.slice(0, -1)))
        if (token === null) break
        next = token
      }
      expect(paged).toEqual(all)
    })

    it('explains what a query would read', async () => {
      const { body } = await get<{ data: { query: string; scans: ReadonlyArray<{ stored: { segments: number } }> } }>('/loki/api/v1/query', { query: 'sum(rate({app="web"} |= "no such text" [5m]))', explain: 'true' })
      expect(body.data.query).toBe('sum(rate({app="web"} |= "no such text"[5m]))')
      expect(body.data.scans[0]!.stored.segments).toBe(state === 'fresh' ? 0 : 1)
    })

    it('answers the paths of the first Loki', async () => {
      const { body } = await get<{ streams: ReadonlyArray<{ labels: string; entries: ReadonlyArray<{ ts: string; line: string }> }> }>('/api/prom/query', { query: '{app="db"}' })
      expect(body.streams[0]!.labels).toContain('app="db"')
      expect(body.streams[0]!.entries).toEqual([{ ts: expect.stringMatching(/^\d{4}-.*Z$/), line: 'slow query' }])
      expect((await get<{ values: string[] }>('/api/prom/label/zone/values')).body.values).toEqual(['a', 'b'])
      expect(await get('/api/prom/query', { query: 'rate({app="db"}[1m])' })).toMatchObject({ status: 400, text: 'legacy endpoints only support streams result type' })
    })
  })

  it('answers a repeated query over segments from what it kept, and anew when asked to', async () => {
    await flush()
    const text = 'sum(count_over_time({app="web"}[1h]))'
    const reads = async (headers: Parameters = {}): Promise<{ segments: number; segmentsFromCache: number }> => {
      const time = String(nowNs())
      await get('/loki/api/v1/query', { query: text, time }, headers)
      const { body } = await get<{ data: { stats: { skald: { segments: number; segmentsFromCache: number } } } }>('/loki/api/v1/query', { query: text, time }, headers)
      return body.data.stats.skald
    }
    const kept = await reads()
    expect(kept.segments).toBeGreaterThan(0)
    expect(kept.segmentsFromCache).toBe(kept.segments)
    expect((await reads({ 'Cache-Control': 'no-cache' })).segmentsFromCache).toBe(0)
    await push(node.url, { app: 'web' }, [[nowNs(), 'one more']])
    expect(linesOf(await query(node.url, '{app="web"} |= "one more"'))).toEqual(['one more'])
  })

  it('exports more entries of one time than a page holds, each once', async () => {
    const at = nowNs()
    await push(node.url, { app: 'same' }, Array.from({ length: 2_500 }, (_, i) => [at, `line ${i}`] as const))
    const same = (await get('/skald/api/v1/export', { query: '{app="same"}' })).text.trim().split('\n')
    expect(new Set(same).size).toBe(2_500)
    expect(same).toHaveLength(2_500)
  })

  it('words parse errors of format_query as JSON, and lays long queries out', async () => {
    expect(await get('/loki/api/v1/format_query', { query: '{a="b"' })).toMatchObject({ status: 400, body: { status: 'invalid-query', error: expect.stringContaining('parse error at line 1') } })
    expect((await get<{ data: string }>('/loki/api/v1/format_query', { query: '{a="b"}|=`x`' })).body.data).toBe('{a="b"} |= "x"')
  })

  it.each([
    ['/loki/api/v1/index/volume', { query: '{a="b"} |= "x"' }, 'only label matchers are supported'],
    ['/loki/api/v1/index/volume', { query: '{a="b"}', aggregateBy: 'x' }, 'invalid aggregation option'],
    ['/loki/api/v1/index/shards', { query: '{a="b"}', targetBytesPerShard: '0' }, 'targetBytesPerShard must be a positive value'],
    ['/loki/api/v1/detected_fields', { query: '{a="b"}', line_limit: '-1' }, 'limit must be a positive value'],
    ['/skald/api/v1/export', { query: '{a="b"}', next: 'x' }, 'cannot read the cursor: it is not one that an export gave'],
    ['/loki/api/v1/query_range', { query: '{}' }, 'queries require at least one regexp or equality matcher'],
  ])('%s refuses %j', async (path, parameters, message) => {
    const { status, text } = await get(path, parameters)
    expect(status).toBe(400)
    expect(text).toContain(message)
  })

  it('shows and changes what operators ask for', async () => {
    expect((await get('/services')).text).toContain('querier => Running\n')
    expect((await get('/config', { mode: 'diff' })).text).toContain('port: 0')
    expect((await get('/config/tenant/v1/limits')).text).toContain('max_query_length: 30d1h')
    expect((await fetch(`${node.url}/log_level?log_level=warn`, { method: 'POST' })).status).toBe(200)
    expect((await get('/log_level')).body).toEqual({ message: 'Current log level is warn' })
    expect((await fetch(`${node.url}/log_level?log_level=loud`, { method: 'POST' })).status).toBe(400)
    const drilldown = await get<{ pattern_ingester_enabled: boolean; version: string }>('/loki/api/v1/drilldown-limits')
    expect(drilldown.body).toMatchObject({ pattern_ingester_enabled: true, version: '3.7.6' })
    expect((await get<object>('/loki/api/v1/status/buildinfo')).body).toMatchObject({ version: '3.7.6', revision: expect.stringMatching(/^skald-/) })
  })
})

describe('the query API over NATS', () => {
  let node: TestNode
  let transport: Transport

  beforeAll(async () => {
    node = await startTestNode({ environment: { SKALD_NATS_MAX_PAYLOAD: '64KB' } })
    const { body } = await ask<{ nats: { url: string } }>(node.url, '/status')
    transport = await connectTransport({ servers: body.nats.url, name: 'test', random: new SystemRandom() })
    await push(node.url, { app: 'a' }, Array.from({ length: 200 }, (_, i) => [nowNs() + BigInt(i), `${i} ${'x'.repeat(1000)}`] as const), { 'X-Scope-OrgID': 'tenant1' })
  })
  afterAll(async () => {
    await transport.close()
    await node.remove()
  })

  const request = (body: string, tenant = 'tenant1'): Promise<Message> => transport.request(`skald.query.${tenant}`, Buffer.from(body), { timeoutMs: 20_000 })

  it('gives the bodies and statuses of HTTP', async () => {
    const answer = await request(JSON.stringify({ path: 'query', params: { query: 'sum(count_over_time({app="a"}[1h]))' } }))
    expect(answer.headers['Status']).toBe('200')
    expect(JSON.parse(answer.data.toString())).toMatchObject({ status: 'success', data: { resultType: 'vector', result: [{ value: [expect.any(Number), '200'] }] } })
    const encoded = await request(`query=${encodeURIComponent('{app="a"}')}&limit=1`)
    expect(JSON.parse(encoded.data.toString())).toMatchObject({ data: { resultType: 'streams' } })
    const values = await request('{"path":"/loki/api/v1/label/app/values"}')
    expect(JSON.parse(values.data.toString())).toEqual({ status: 'success', data: ['a'] })
  })

  it('keeps tenants apart', async () => {
    const answer = await request('{"path":"/loki/api/v1/label/app/values"}', 'tenant2')
    expect(JSON.parse(answer.data.toString())).toEqual({ status: 'success' })
  })

  it.each([
    ['{"path":"query_range","params":{"query":"{"}}', '400', 'parse error'],
    ['{"path":"nowhere"}', '404', 'unknown request path: /loki/api/v1/nowhere'],
    ['{"path":', '400', 'neither JSON nor URL-encoded'],
    [`{"params":{"query":"{app=\\"a\\"}","limit":200}}`, '400', 'nats.max_payload'],
  ])('answers %s with %s', async (body, status, message) => {
    const answer = await request(body)
    expect(answer.headers['Status']).toBe(status)
    expect(answer.data.toString()).toContain(message)
  })
})

describe('limits of queries', () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode({
      environment: {
        SKALD_LIMITS_CONFIG_MAX_QUERY_BYTES_READ: '10KB',
        SKALD_QUERIER_MATCH_ALL_MAX_BYTES: '100MB',
        SKALD_QUERIER_QUERY_MEMORY: '16KB',
      },
    })
    await push(node.url, { app: 'small' }, [[nowNs(), 'a few bytes']])
    await push(node.url, { app: 'large' }, Array.from({ length: 200 }, (_, i) => [nowNs() + BigInt(i), `${i} ${'x'.repeat(1000)}`] as const))
    await push(node.url, { app: 'middle' }, Array.from({ length: 9 }, (_, i) => [nowNs() + BigInt(i), `${i} ${'x'.repeat(1000)}`] as const))
  })
  afterAll(() => node.remove())

  it('refuse what would read too much, by the bytes of the streams asked for', async () => {
    const refused = await ask(node.url, '/loki/api/v1/query_range', { query: '{app="large"}' })
    expect(refused.status).toBe(400)
    expect(refused.text).toMatch(/^the query would read too many bytes \(query: \d+ kB, limit: 10 kB\); consider adding more specific stream selectors or reduce the time range of the query$/)
    expect(linesOf(await query(node.url, '{app="small"}'))).toEqual(['a few bytes'])
  })

  it('refuse what would hold too much, and name the setting (Q4)', async () => {
    const refused = await ask(node.url, '/loki/api/v1/query_range', { query: '{app="middle"}' })
    expect(refused).toMatchObject({ status: 400, text: expect.stringContaining('querier.query_memory') })
    // An export takes what fits, a page at a time.
    const exported = await ask(node.url, '/skald/api/v1/export', { query: '{app="middle"}' })
    expect(exported.text.trim().split('\n')).toHaveLength(9)
    expect((await ask(node.url, '/loki/api/v1/query_range', { query: '{app="middle"}', limit: '2' })).status).toBe(200)
  })

  it('let {} pass while it is cheap, and only where that is allowed', async () => {
    expect((await ask(node.url, '/loki/api/v1/query', { query: 'sum(count_over_time({}[1m]))', time: '1000' })).status).toBe(200)
  })
})
