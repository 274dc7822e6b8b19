/** The paths that Loki 3.7 still serves for clients older than its first version: `/api/prom/…`. Streams only; times are RFC 3339. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { goQuote } from '../../protocols/logql/go-text.ts'
import { labelText } from '../../protocols/logql/label-set.ts'
import type { StreamsData } from '../../protocols/logql/query-data.ts'
import { statisticsJson } from '../../protocols/logql/response-statistics.ts'
import { rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, json } from './api.ts'
import { factsOf, labelNames, labelValues, type MetadataParts, ofMatches, ofQuery } from './api-metadata.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import { mergeFacts } from '../query/stream-facts.ts'

export function legacyEndpoints(parts: MetadataParts, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [
    { path: '/api/prom/query', handle: (request) => query(parts, frontEnd, request) },
    { path: '/api/prom/label', handle: async (request) => values(labelNames((await factsOf(parts, request, ofQuery(request.parameters))).streams)) },
    {
      path: '/api/prom/label/:name/values',
      handle: async (request) => values(labelValues((await factsOf(parts, request, ofQuery(request.parameters))).streams, request.path['name'] ?? '')),
    },
    {
      path: '/api/prom/series',
      handle: async (request) => {
        const { streams } = await factsOf(parts, request, ofMatches(request.parameters))
        return json({ status: 'success', data: mergeFacts(streams).map((s) => Object.fromEntries(s.labels)) })
      },
    },
  ]
}

/** The label endpoints of that time know no `status`. */
const values = (found: ReadonlyArray<string>): HttpResponse => json(found.length === 0 ? {} : { values: found })

async function query({ services }: MetadataParts, frontEnd: QueryFrontEnd, request: ApiRequest): Promise<HttpResponse> {
  const { query: given, ...parameters } = rangeQueryParameters(getterOf(request.parameters), BigInt(services.clock.nowMs()) * 1_000_000n)
  const { data, statistics } = await frontEnd.query({ tenant: request.tenant, text: withRegexp(given, request), parameters: { kind: 'range', ...parameters }, signal: request.signal })
  if (data.kind !== 'streams') throw new SkaldError('bad_request', 'legacy endpoints only support streams result type')
  return json({ streams: legacyStreams(data), stats: statisticsJson(statistics) })
}

/** `regexp` was a parameter before line filters existed. */
function withRegexp(query: string, { parameters }: ApiRequest): string {
  const regexp = parameters.get('regexp') ?? ''
  return regexp === '' ? query : `${query} |~ ${goQuote(regexp)}`
}

function legacyStreams({ streams, entries }: StreamsData): object[] {
  const byLabels = new Map<string, Array<{ ts: string; line: string }>>()
  const texts = streams.map(({ stream, metadata, parsed }) => labelText([...new Map([...stream, ...metadata, ...parsed])].sort(([a], [b]) => (a < b ? -1 : 1))))
  for (const { ns, line, stream } of entries) {
    const text = texts[stream]!
    const list = byLabels.get(text) ?? []
    byLabels.set(text, list)
    list.push({ ts: rfc3339Nano(BigInt(ns)), line })
  }
  return [...byLabels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([labels, list]) => ({ labels, entries: list }))
}

/** Go's RFC3339Nano: fractions without their trailing zeros. */
export function rfc3339Nano(ns: bigint): string {
  const second = ns / 1_000_000_000n
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '')
  const text = new Date(Number(second) * 1000).toISOString().slice(0, 19)
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`
}
