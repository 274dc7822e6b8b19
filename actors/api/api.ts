/**
 * The query API as data: an endpoint is a path and a function from a request to an answer, and knows nothing of the connection. HTTP mounts endpoints as
 * routes here; `nats-query.ts` serves the same ones to NATS requests.
 */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { TenantId } from '../../protocols/model.ts'
import { tenantOf } from '../../protocols/tenant-id.ts'
import { headerOf, parametersOf } from './http-parameters.ts'

export interface ApiRequest {
  readonly tenant: TenantId
  /** A form's come before the URL's. */
  readonly parameters: URLSearchParams
  /** Values of `:name` parts of the path. */
  readonly path: Readonly<Record<string, string>>
  /** Aborted when whoever asked has left. */
  readonly signal: AbortSignal
  /** First value of a header; names in lower case. */
  header(name: string): string | undefined
}

export interface ApiEndpoint {
  /** `/loki/api/v1/label/:name/values` */
  readonly path: string
  handle(request: ApiRequest): HttpResponse | Promise<HttpResponse>
}

/** GET and POST form, as Loki takes them. */
export function apiRoutes(endpoints: ReadonlyArray<ApiEndpoint>, defaultTenant: string): HttpRoute[] {
  return endpoints.map((endpoint) => ({
    method: ['GET', 'POST'],
    path: endpoint.path,
    handle: async (request) => endpoint.handle(await fromHttp(request, defaultTenant)),
  }))
}

async function fromHttp(request: HttpRequest, defaultTenant: string): Promise<ApiRequest> {
  const header = (name: string): string | undefined => headerOf(request, name)
  const tenant = tenantOf(header('x-scope-orgid'), defaultTenant)
  return { tenant, parameters: await parametersOf(request), path: request.params, signal: request.signal, header }
}

export const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' }

/** Loki ends each JSON answer with a newline. */
export function json(body: object, status = 200): HttpResponse {
  return { status, headers: JSON_TYPE, body: `${JSON.stringify(body)}\n` }
}

/** The same with the members of an object, some of which are JSON already. */
export function jsonAround(members: Readonly<Record<string, ReadonlyArray<Uint8Array> | object | number>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, value], i) => [
    Buffer.from(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`),
    ...(Array.isArray(value) ? (value as ReadonlyArray<Uint8Array>) : [Buffer.from(JSON.stringify(value))]),
  ])
  return Buffer.concat([...parts, Buffer.from('}\n')])
}

/** Errors of query endpoints: the message as plain text, without a newline. */
export function queryError(error: unknown): HttpResponse {
  const known = error instanceof SkaldError
  const retry = known && error.retryAfterS !== undefined ? { 'retry-after': String(error.retryAfterS) } : {}
  return {
    status: known ? error.status : 500,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...retry },
    body: error instanceof Error ? error.message : String(error),
  }
}
