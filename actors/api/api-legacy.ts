/** The paths that Loki 3.7 still serves for clients older than its first version: `/api/prom/…`. Streams only; times are RFC 3339. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { goQuote } from '../../protocols/logql/go-text.ts'
import { statisticsJson } from '../../protocols/logql/response-statistics.ts'
import { rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, json, JSON_TYPE, jsonAround } from './api.ts'
import { factsOf, labelNames, labelValues, type MetadataParts, ofMatches, ofQuery } from './api-metadata.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import { mergeFacts } from '../query/stream-facts.ts'

export function legacyEndpoints(parts: MetadataParts, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [
    { path: '/api/prom/query', handle: (request) => query(parts, frontEnd, request) },
    { path: '/api/prom/label', handle: async (request) => values(labelNames((await factsOf(parts, request, await ofQuery(parts.answers, request.parameters))).streams)) },
    {
      path: '/api/prom/label/:name/values',
      handle: async (request) => values(labelValues((await factsOf(parts, request, await ofQuery(parts.answers, request.parameters))).streams, request.path['name'] ?? '')),
    },
    {
      path: '/api/prom/series',
      handle: async (request) => {
        const { streams } = await factsOf(parts, request, await ofMatches(parts.answers, request.parameters))
        return json({ status: 'success', data: mergeFacts(streams).map((s) => Object.fromEntries(s.labels)) })
      },
    },
  ]
}

/** The label endpoints of that time know no `status`. */
const values = (found: ReadonlyArray<string>): HttpResponse => json(found.length === 0 ? {} : { values: found })

async function query({ services }: MetadataParts, frontEnd: QueryFrontEnd, request: ApiRequest): Promise<HttpResponse> {
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
