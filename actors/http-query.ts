/** Query routes over HTTP: Loki's paths, parameters and answers, GET and POST form. The work is the front end's and the querier's. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../runtime/http-server.ts'
import { SkaldError } from '../runtime/errors.ts'
import { responsePieces } from '../protocols/logql/response.ts'
import { instantQueryParameters, rangeQueryParameters, type GetParameter } from '../protocols/query-params.ts'
import { tenantOf } from '../protocols/tenant-id.ts'
import type { QueryAnswer, QueryFrontEnd, QueryRequest } from './query-front-end.ts'
import { getterOf, headerOf, parametersOf } from './http-parameters.ts'
import type { Services } from './services.ts'

export function queryRoutes(services: Services, frontEnd: QueryFrontEnd, defaultTenant: string): HttpRoute[] {
  const nowNs = (): bigint => BigInt(services.clock.nowMs()) * 1_000_000n
  const handler = (parameters: (get: GetParameter) => Pick<QueryRequest, 'text' | 'parameters'>) => async (request: HttpRequest) => {
    const tenant = tenantOf(headerOf(request, 'x-scope-orgid'), defaultTenant)
    const get = getterOf(await parametersOf(request))
    return answer(await frontEnd.query({ tenant, signal: request.signal, ...parameters(get) }), request)
  }
  return [
    { method: ['GET', 'POST'], path: '/loki/api/v1/query_range', handle: handler((get) => range(get, nowNs())) },
    { method: ['GET', 'POST'], path: '/loki/api/v1/query', handle: handler((get) => instant(get, nowNs())) },
  ]
}

function range(get: GetParameter, nowNs: bigint): Pick<QueryRequest, 'text' | 'parameters'> {
  const { query, ...parameters } = rangeQueryParameters(get, nowNs)
  return { text: query, parameters: { kind: 'range', ...parameters } }
}

function instant(get: GetParameter, nowNs: bigint): Pick<QueryRequest, 'text' | 'parameters'> {
  const { query, limit, direction, timeNs } = instantQueryParameters(get, nowNs)
  return { text: query, parameters: { kind: 'instant', startNs: timeNs, endNs: timeNs, stepNs: 0n, intervalNs: 0n, limit, direction } }
}

function answer({ data, warnings, statistics }: QueryAnswer, request: HttpRequest): HttpResponse {
  const flags = headerOf(request, 'x-loki-response-encoding-flags') ?? ''
  const categorizeLabels = flags.split(',').some((flag) => flag.trim() === 'categorize-labels')
  const pieces = responsePieces(data, { categorizeLabels, warnings, statistics })
  return { status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: asBytes(pieces) }
}

async function* asBytes(pieces: Iterable<string>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece)
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
