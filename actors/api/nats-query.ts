/**
 * The query API over NATS: requests to `skald.query.<tenant>`, answered with the HTTP body and the HTTP status in the header `Status`, by the same endpoints. Nodes
 * share the requests in a queue group. An answer that no message can hold is an error that names the limit.
 */
import type { HttpResponse } from '../../runtime/http-server.ts'
import type { Message, Subscription, Transport } from '../../runtime/transport.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { decodeNatsQuery } from '../../protocols/nats-query.ts'
import { tenantOf } from '../../protocols/tenant-id.ts'
import { type ApiEndpoint, queryError } from './api.ts'

const QUERY_SUBJECT_PREFIX = 'skald.query.'
const QUEUE = 'skald-query'
/** Left for the headers of an answer. */
const HEADER_BYTES = 1024

export function serveNatsQuery(transport: Transport, endpoints: ReadonlyArray<ApiEndpoint>): Subscription {
  const leaving = new AbortController()
  const subscription = transport.subscribe(`${QUERY_SUBJECT_PREFIX}>`, (message) => void answer(transport, endpoints, message, leaving.signal), { queue: QUEUE })
  return {
    close: () => {
      leaving.abort(new SkaldError('stopping', 'the node is stopping'))
      return subscription.close()
    },
  }
}

async function answer(transport: Transport, endpoints: ReadonlyArray<ApiEndpoint>, message: Message, signal: AbortSignal): Promise<void> {
  const bytesMax = transport.maxPayloadBytes() - HEADER_BYTES
  const { response, body } = await handle(endpoints, message, signal, bytesMax).catch((error: unknown) => {
    const response = queryError(error)
    return { response, body: Buffer.from(String(response.body)) }
  })
  const headers: Record<string, string> = { Status: String(response.status) }
  for (const [name, value] of Object.entries(response.headers ?? {})) headers[HEADER_NAMES[name] ?? name] = value
  message.respond(body, headers)
}

const HEADER_NAMES: Readonly<Record<string, string>> = { 'content-type': 'Content-Type', 'retry-after': 'Retry-After' }

async function handle(endpoints: ReadonlyArray<ApiEndpoint>, message: Message, signal: AbortSignal, bytesMax: number): Promise<{ response: HttpResponse; body: Buffer }> {
  const tenant = tenantOf(message.subject.slice(QUERY_SUBJECT_PREFIX.length), '')
  const { path, parameters } = decodeNatsQuery(message.data)
  const found = endpointAt(endpoints, path)
  if (found === null) throw new SkaldError('not_found', `unknown request path: ${path}`)
  const headers = new Map(Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), value]))
  const response = await found.endpoint.handle({ tenant, parameters, path: found.path, signal, header: (name) => headers.get(name) })
  return { response, body: await wholeBody(response.body, bytesMax) }
}

/** Matches `:name` parts; null when no endpoint has the path. */
function endpointAt(endpoints: ReadonlyArray<ApiEndpoint>, path: string): { endpoint: ApiEndpoint; path: Record<string, string> } | null {
  const given = path.split('/')
  for (const endpoint of endpoints) {
    const parts = endpoint.path.split('/')
    if (parts.length !== given.length || !parts.every((part, i) => part.startsWith(':') || part === given[i])) continue
    return { endpoint, path: Object.fromEntries(parts.flatMap((part, i) => (part.startsWith(':') ? [[part.slice(1), given[i]!]] : []))) }
  }
  return null
}

async function wholeBody(body: HttpResponse['body'], bytesMax: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of piecesOf(body)) {
    bytes += piece.length
    if (bytes > bytesMax) {
      throw new SkaldError('query_limit', `the answer is larger than a NATS message may be (${bytesMax} bytes; nats.max_payload): ask for less, or over HTTP`)
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function* piecesOf(body: HttpResponse['body']): AsyncGenerator<Buffer> {
  if (body === undefined) return
  if (typeof body === 'string' || body instanceof Uint8Array) yield Buffer.from(body)
  else for await (const piece of body) yield Buffer.from(piece)
}
