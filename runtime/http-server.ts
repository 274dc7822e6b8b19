/**
 * The HTTP server: routes given as data, raw bodies, streaming answers, request metrics and spans. The gateway and the status pages are its callers.
 * The only file that knows fastify. It parses no body, knows no tenant, and words no error: those come from the caller.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { SkaldError } from './errors.ts'
import { type TooLarge, readBody } from './http-body.ts'
import { type Gauge, type Histogram, type Metrics, REQUEST_BUCKETS_S } from './metrics.ts'
import { type Span, withSpan } from './telemetry.ts'
import { NO_SPAN } from './trace-parent.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface HttpRequest {
  readonly method: string
  /** As the client sent it, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Values of `:name` parts of the route, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Aborted when the client leaves before the answer is complete. */
  readonly signal: AbortSignal
  /** The span of this request; `span.headers()` carries the trace on. */
  readonly span: Span
  /** Once per request. Rejects with what `tooLarge` makes, or `query_cancelled` when the client leaves. */
  body(limitBytes: number, tooLarge: TooLarge): Promise<Buffer>
}

export interface HttpResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Parts of a stream are sent as they come; its iterator is closed when the client leaves. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string>
}

export interface HttpRoute {
  readonly method: HttpMethod | ReadonlyArray<HttpMethod>
  /** `/loki/api/v1/label/:name/values`. With a slash behind it is another path, as in Loki. */
  readonly path: string
  /** False for probes and scrapes. */
  readonly traced?: boolean
  handle(request: HttpRequest): HttpResponse | Promise<HttpResponse>
}

export interface HttpServerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly routes: ReadonlyArray<HttpRoute>
  readonly metrics: Metrics
  /** Words an error that a handler threw. Must not throw. */
  readonly onError: (error: unknown, request: { readonly path: string; readonly method: string }) => HttpResponse
}

export interface HttpServer {
  readonly url: string
  readonly port: number
  /** Takes no new connections, waits for requests in flight at most `timeoutMs`, then drops them. */
  close(timeoutMs: number): Promise<void>
}

/** A query may come in the URL: Go's servers, Loki's among them, take a header block of 1 MB. */
const HEADER_BYTES_MAX = 1 << 20
const PARAM_CHARS_MAX = 4_096
const KEEP_ALIVE_MS = 120_000
/** Receiving one whole request; a push of 100 MB over a slow line needs some. */
const REQUEST_TIMEOUT_MS = 300_000
const ALL_METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const
/** To a path that no route has: what Go's servers say. */
const NOT_FOUND: HttpResponse = { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: '404 page not found\n' }

/** Rejects with SkaldError `setup` when it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = createApp()
  const observed = requestMetrics(options.metrics)
  for (const route of options.routes) addRoute(app, route, options, observed)
  refuseOtherMethods(app, options.routes)
  app.setNotFoundHandler((request, reply) => {
    observe(observed, request, reply, 'other')
    return send(reply, NOT_FOUND)
  })
  app.setErrorHandler((error, request, reply) => send(reply, options.onError(error, { path: pathOf(request.url), method: request.method })))
  await listen(app, options)
  const { port } = app.server.address() as AddressInfo
  return { port, url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`, close: (timeoutMs) => close(app, timeoutMs) }
}

/** `/loki/api/v1/label/:name/values` -> `loki_api_v1_label_name_values`, as Loki labels its routes. */
export function routeLabel(path: string): string {
  return path.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_|_$/g, '') || 'root'
}

function createApp(): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    routerOptions: { maxParamLength: PARAM_CHARS_MAX, querystringParser: () => ({}) },
  })
  // Bodies stay unread until a handler asks for them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  return app
}

function addRoute(app: FastifyInstance, route: HttpRoute, options: HttpServerOptions, observed: RequestMetrics): void {
  const label = routeLabel(route.path)
  app.route({
    method: [...methodsOf(route)],
    url: route.path,
    // Before fastify looks at the content type: what it means is the handler's to say.
    onRequest: async (request, reply) => {
      observe(observed, request, reply, label)
      await send(reply, await answer(route, label, request, reply, options))
      return reply
    },
    handler: unreachable,
  })
}

function unreachable(): never {
  throw new Error('a request is answered before its handler')
}

function methodsOf(route: HttpRoute): ReadonlyArray<HttpMethod> {
  return typeof route.method === 'string' ? [route.method] : route.method
}

/** A known path with another method is 405 without a body, as Loki's router answers. */
function refuseOtherMethods(app: FastifyInstance, routes: ReadonlyArray<HttpRoute>): void {
  const known = Map.groupBy(routes, (route) => route.path)
  for (const [url, same] of known) {
    const taken = new Set<string>(same.flatMap(methodsOf))
    const method = ALL_METHODS.filter((one) => !taken.has(one))
    if (method.length > 0) app.route({ method, url, onRequest: async (_request, reply) => reply.code(405).send(), handler: unreachable })
  }
}

async function answer(route: HttpRoute, label: string, request: FastifyRequest, reply: FastifyReply, options: HttpServerOptions): Promise<HttpResponse> {
  const path = pathOf(request.url)
  const run = async (span: Span): Promise<HttpResponse> => {
    const response = await route.handle(new RawRequest(request, reply, path, span))
    span.set({ 'http.response.status_code': response.status })
    return response
  }
  try {
    if (route.traced === false) return await run(NO_SPAN)
    return await withSpan(`${request.method} ${label}`, { 'http.request.method': request.method, 'url.path': path }, request.headers, run)
  } catch (error) {
    return options.onError(error, { path, method: request.method })
  }
}


class RawRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly span: Span
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  #abort: AbortController | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, path: string, span: Span) {
    this.method = request.method
    this.path = path
    this.params = request.params as Readonly<Record<string, string>>
    this.headers = request.headers
    this.span = span
    this.#request = request
    this.#reply = reply
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#request.url.slice(this.path.length + 1))
  }

  get signal(): AbortSignal {
    this.#abort ??= abortWhenGone(this.#reply)
    return this.#abort.signal
  }

  body(limitBytes: number, tooLarge: TooLarge): Promise<Buffer> {
    return readBody(this.#request.raw, limitBytes, tooLarge)
  }
}

function abortWhenGone(reply: FastifyReply): AbortController {
  const abort = new AbortController()
  const gone = (): void => {
    if (!reply.raw.writableFinished) abort.abort(new SkaldError('query_cancelled', 'the request was cancelled by the client'))
  }
  if (reply.raw.destroyed) gone()
  else reply.raw.once('close', gone)
  return abort
}

function send(reply: FastifyReply, response: HttpResponse): FastifyReply {
  void reply.code(response.status)
  if (response.headers !== undefined) void reply.headers(response.headers)
  const { body } = response
  if (body === undefined) return reply.send()
  if (typeof body === 'string') return reply.send(body)
  if (body instanceof Uint8Array) return reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  return reply.send(Readable.from(body, { objectMode: false }))
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

interface RequestMetrics {
  readonly duration: Histogram<'method' | 'route' | 'status_code' | 'ws'>
  readonly inflight: Gauge
}

function requestMetrics(metrics: Metrics): RequestMetrics {
  return {
    duration: metrics.histogram('loki_request_duration_seconds', 'Time (in seconds) spent serving HTTP requests.', REQUEST_BUCKETS_S, ['method', 'route', 'status_code', 'ws']),
    inflight: metrics.gauge('loki_inflight_requests', 'Current number of inflight requests.'),
  }
}

/** Counted when the answer is out, or the client gone. */
function observe(observed: RequestMetrics, request: FastifyRequest, reply: FastifyReply, route: string): void {
  const startedMs = performance.now()
  observed.inflight.inc()
  reply.raw.once('close', () => {
    observed.inflight.dec()
    const status = reply.raw.writableFinished ? reply.raw.statusCode : 499
    observed.duration.observe({ method: request.method, route, status_code: status, ws: 'false' }, (performance.now() - startedMs) / 1000)
  })
}

async function listen(app: FastifyInstance, options: HttpServerOptions): Promise<void> {
  try {
    await app.listen({ host: options.host, port: options.port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    await app.close()
    throw new SkaldError('setup', `cannot listen on ${options.host}:${options.port} (${code}); set SKALD_HTTP_HOST or SKALD_HTTP_PORT`, { cause: error })
  }
}

async function close(app: FastifyInstance, timeoutMs: number): Promise<void> {
  const drop = setTimeout(() => app.server.closeAllConnections(), timeoutMs)
  await app.close()
  clearTimeout(drop)
}
