/** `/api/prom/query`, which Loki 3.7 still serves for clients older than its first version. Streams only; times are RFC 3339. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { goQuote } from '../../protocols/logql/go-text.ts'
import { statisticsJson } from '../../protocols/logql/response-statistics.ts'
import { rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, JSON_TYPE, jsonAround } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import type { Services } from '../services.ts'

export const legacyEndpoints = (services: Services, frontEnd: QueryFrontEnd): ApiEndpoint[] => [{ path: '/api/prom/query', handle: (request) => query(services, frontEnd, request) }]

async function query(services: Services, frontEnd: QueryFrontEnd, request: ApiRequest): Promise<HttpResponse> {
  const { query: given, ...parameters } = rangeQueryParameters(getterOf(request.parameters), BigInt(services.clock.nowMs()) * 1_000_000n)
  const { tenant, signal } = request
  const { shown, statistics } = await frontEnd.query({ tenant, text: withRegexp(given, request), parameters: { kind: 'range', ...parameters }, form: { kind: 'legacy' }, signal })
  if (shown.kind !== 'pieces' || shown.resultType !== 'streams') throw new SkaldError('bad_request', 'legacy endpoints only support streams result type')
  return { status: 200, headers: JSON_TYPE, body: jsonAround({ streams: shown.pieces, stats: statisticsJson(statistics) }) }
}

/** `regexp` was a parameter before line filters existed. */
function withRegexp(query: string, { parameters }: ApiRequest): string {
  const regexp = parameters.get('regexp') ?? ''
  return regexp === '' ? query : `${query} |~ ${goQuote(regexp)}`
}
