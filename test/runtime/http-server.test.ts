import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { SkaldError } from '../../runtime/errors.ts'
import { type HttpRoute, type HttpServer, routeLabel, startHttpServer } from '../../runtime/http-server.ts'
import { createMetrics } from '../../runtime/metrics.ts'

const servers: HttpServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0)
})

async function serve(...routes: HttpRoute[]): Promise<HttpServer & { readonly metricsText: () => Promise<string> }> {
  const metrics = createMetrics()
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    routes,
    metrics,
    onError: (error) => (error instanceof SkaldError ? { status: error.status, body: error.message } : { status: 500, body: String(error) }),
  })
  servers.push(server)
  return { ...server, metricsText: async () => (await metrics.render()).text }
}

const tooLarge = (bytes: number, limit: number): Error => new SkaldError('body_too_large', `request body too large: message size too large than max (${bytes} vs ${limit})`)
const echo: HttpRoute = { method: 'POST', path: '/echo', handle: async (request) => ({ status: 200, body: await request.body(1000, tooLarge) }) }

/** Sends raw bytes and resolves with all that came back until `until` matches. */
async function raw(port: number, text: string, until: RegExp): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(text)
  let answer = ''
  for await (const part of socket) {
    answer += String(part)
    if (until.test(answer)) break
  }
  socket.destroy()
  return answer
}

describe('startHttpServer', () => {
  it('hands over method, path, parameters, query and headers', async () => {
    const server = await serve({
      method: ['GET', 'POST'],
      path: '/loki/api/v1/label/:name/values',
      handle: (request) => ({ status: 200, headers: { 'x-a': 'b' }, body: JSON.stringify([request.method, request.path, request.params['name'], request.query.getAll('match[]'), request.headers['x-scope-orgid']]) }),
    })
    const response = await fetch(`${server.url}/loki/api/v1/label/a%20b/values?match[]=%7Bx%3D%221%22%7D&match[]=2+3`, { headers: { 'X-Scope-OrgID': 't' } })
    expect(await response.json()).toEqual(['GET', '/loki/api/v1/label/a%20b/values', 'a b', ['{x="1"}', '2 3'], 't'])
    expect(response.headers.get('x-a')).toBe('b')
    expect((await fetch(`${server.url}/loki/api/v1/label/x/values`, { method: 'POST' })).status).toBe(200)
  })

  it.each(['application/json', 'application/x-protobuf', 'total garbage;;=', undefined])('gives the body as it came, content type %s', async (type) => {
    const server = await serve(echo)
    const head = type === undefined ? '' : `Content-Type: ${type}\r\n`
    const answer = await raw(server.port, `POST /echo HTTP/1.1\r\nHost: x\r\n${head}Content-Length: 5\r\n\r\n{"a\x00b`, /\r\n\r\n[\s\S]{5}/)
    expect(answer).toContain('200 OK')
    expect(answer.endsWith('{"a\x00b')).toBe(true)
  })

  it('takes chunked and empty bodies', async () => {
    const server = await serve(echo)
    const chunked = await raw(server.port, 'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', /abcde/)
    expect(chunked).toContain('abcde')
    expect(await (await fetch(`${server.url}/echo`, { method: 'POST' })).text()).toBe('')
  })

  it('gives a body of many megabytes whole', async () => {
    const server = await serve({ method: 'POST', path: '/big', handle: async (request) => ({ status: 200, body: createHash('sha256').update(await request.body(32 << 20, tooLarge)).digest('hex') }) })
    const body = Buffer.alloc(9_000_001, 'abcdefg')
    expect(await (await fetch(`${server.url}/big`, { method: 'POST', body })).text()).toBe(createHash('sha256').update(body).digest('hex'))
  })

  it('refuses a body over the limit by its announced length, in the caller\'s words', async () => {
    const server = await serve(echo)
    const response = await fetch(`${server.url}/echo`, { method: 'POST', body: 'x'.repeat(1001) })
    expect(response.status).toBe(413)
    expect(await response.text()).toBe('request body too large: message size too large than max (1001 vs 1000)')
  })

  it('stops reading a chunked body at the limit', async () => {
    const server = await serve(echo)
    const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`
    const answer = await raw(server.port, `POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`, /too large/)
    expect(answer).toContain('413')
  })

  it('lets the caller word what a handler throws, and goes on', async () => {
    const server = await serve({ method: 'GET', path: '/a', handle: () => Promise.reject(new SkaldError('query_parse', 'parse error')) }, { method: 'GET', path: '/b', handle: () => { throw new Error('bug') } })
    expect((await fetch(`${server.url}/a`)).status).toBe(400)
    expect((await fetch(`${server.url}/b`)).status).toBe(500)
    expect((await fetch(`${server.url}/a`)).status).toBe(400)
  })

  it('answers unknown paths and methods as Loki\'s router does', async () => {
    const server = await serve(echo)
    const unknown = await fetch(`${server.url}/nothing`)
    expect([unknown.status, await unknown.text()]).toEqual([404, '404 page not found\n'])
    const wrong = await fetch(`${server.url}/echo`)
    expect([wrong.status, await wrong.text()]).toEqual([405, ''])
    expect((await fetch(`${server.url}/echo`, { method: 'OPTIONS' })).status).toBe(405)
    expect((await fetch(`${server.url}/echo/`, { method: 'POST' })).status).toBe(404)
    expect((await fetch(`${server.url}/%zz`)).status).toBeGreaterThanOrEqual(400)
  })

  it('streams parts as they come', async () => {
    const gate = Promise.withResolvers<void>()
    async function* parts(): AsyncGenerator<string> {
      yield 'first\n'
      await gate.promise
      yield 'second\n'
    }
    const server = await serve({ method: 'GET', path: '/stream', handle: () => ({ status: 200, body: parts() }) })
    const response = await fetch(`${server.url}/stream`)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe('first\n')
    gate.resolve()
    expect((await reader?.read())?.value).toBe('second\n')
    expect((await reader?.read())?.done).toBe(true)
  })

  it('aborts the signal, and closes a stream, when the client leaves', async () => {
    const seen: string[] = []
    async function* endless(signal: AbortSignal): AsyncGenerator<string> {
      try {
        yield 'x'
        await once(signal, 'abort')
      } finally {
        seen.push('closed')
      }
    }
    const server = await serve(
      { method: 'GET', path: '/wait', handle: async (request) => { seen.push('waiting'); await once(request.signal, 'abort'); seen.push('aborted'); throw request.signal.reason } },
      { method: 'GET', path: '/stream', handle: (request) => ({ status: 200, body: endless(request.signal) }) },
    )
    const abort = new AbortController()
    const waiting = fetch(`${server.url}/wait`, { signal: abort.signal }).catch(() => 'left')
    await expect.poll(() => seen).toEqual(['waiting'])
    abort.abort()
    expect(await waiting).toBe('left')
    await expect.poll(() => seen).toEqual(['waiting', 'aborted'])
    const other = new AbortController()
    await fetch(`${server.url}/stream`, { signal: other.signal })
    other.abort()
    await expect.poll(() => seen).toContain('closed')
    await expect.poll(() => server.metricsText()).toContain('route="wait",status_code="499"')
  })

  it('rejects the body of a client that leaves in the middle', async () => {
    const errors: unknown[] = []
    const server = await serve({ method: 'POST', path: '/push', handle: async (request) => ({ status: 200, body: await request.body(1000, tooLarge).catch((error: unknown) => { errors.push(error); throw error }) }) })
    const socket = net.connect(server.port, '127.0.0.1')
    socket.write('POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc')
    await expect.poll(() => server.metricsText()).toContain('loki_inflight_requests 1')
    socket.destroy()
    await expect.poll(() => errors).toMatchObject([{ code: 'query_cancelled' }])
  })

  it("counts requests under Loki's route labels", async () => {
    const server = await serve({ method: 'GET', path: '/loki/api/v1/query_range', handle: () => ({ status: 204 }) })
    await fetch(`${server.url}/loki/api/v1/query_range?query=x`)
    await fetch(`${server.url}/x`)
    await expect.poll(() => server.metricsText()).toContain('loki_inflight_requests 0')
    const text = await server.metricsText()
    expect(text).toContain('loki_request_duration_seconds_count{method="GET",route="loki_api_v1_query_range",status_code="204",ws="false"} 1')
    expect(text).toContain('route="other",status_code="404"')
    expect(routeLabel('/loki/api/v1/label/:name/values')).toBe('loki_api_v1_label_name_values')
    expect(routeLabel('/')).toBe('root')
  })

  it('takes a query of hundreds of kilobytes in the URL', async () => {
    const server = await serve({ method: 'GET', path: '/q', handle: (request) => ({ status: 200, body: String(request.query.get('query')?.length) }) })
    expect(await (await fetch(`${server.url}/q?query=${'a'.repeat(300_000)}`)).text()).toBe('300000')
  })

  it('waits for requests in flight when it closes, keep-alive or not', async () => {
    const gate = Promise.withResolvers<void>()
    const server = await serve({ method: 'GET', path: '/slow', handle: async () => { await gate.promise; return { status: 200, body: 'done' } } })
    const agent = new http.Agent({ keepAlive: true })
    const response = new Promise<string>((resolve, reject) => {
      http.get(`${server.url}/slow`, { agent }, (r) => r.on('data', (d) => resolve(String(d)))).on('error', reject)
    })
    await expect.poll(() => server.metricsText()).toContain('loki_inflight_requests 1')
    const closing = server.close(10_000)
    gate.resolve()
    expect(await response).toBe('done')
    await closing
    agent.destroy()
    await expect(fetch(`${server.url}/slow`)).rejects.toThrow()
  })

  it('drops requests that outlive the time for closing', async () => {
    const server = await serve({ method: 'GET', path: '/never', handle: () => new Promise<never>(() => {}) })
    const stuck = fetch(`${server.url}/never`).then(() => 'answered', () => 'dropped')
    await expect.poll(() => server.metricsText()).toContain('loki_inflight_requests 1')
    await server.close(50)
    expect(await stuck).toBe('dropped')
  })

  it('says which setting to change when the port is taken', async () => {
    const server = await serve(echo)
    const again = startHttpServer({ host: '127.0.0.1', port: server.port, routes: [], metrics: createMetrics(), onError: () => ({ status: 500 }) })
    await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1:${server.port} (EADDRINUSE); set SKALD_HTTP_HOST or SKALD_HTTP_PORT`)
  })
})
