/** `detected_labels`, `detected_fields` and `detected_field/:name/values`: what there is to filter by, for explorers of logs. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { detectLabels } from '../../protocols/detected/labels.ts'
import { parseLogQuery } from '../../protocols/logql/parser.ts'
import { limitParameter, rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, json } from './api.ts'
import { factsOf, type MetadataParts, ofQuery } from './api-metadata.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import type { DetectTask } from '../segments/segment-work.ts'

const FIELDS_DEFAULT = 1000

export function detectedEndpoints(parts: MetadataParts, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [
    { path: '/loki/api/v1/detected_labels', handle: (request) => labels(parts, request) },
    {
      path: '/loki/api/v1/detected_fields',
      handle: async (request) => {
        const limit = fieldLimit(request.parameters)
        return json({ fields: await detect(parts, frontEnd, request, { kind: 'fields', limit }), limit })
      },
    },
    {
      path: '/loki/api/v1/detected_field/:name/values',
      handle: async (request) => {
        const limit = fieldLimit(request.parameters)
        return json({ values: await detect(parts, frontEnd, request, { kind: 'values', name: request.path['name'] ?? '', limit }), limit })
      },
    },
  ]
}

async function labels(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const { streams } = await factsOf(parts, request, ofQuery(request.parameters))
  return json({ detectedLabels: detectLabels(streams) })
}

/** Runs the query for `line_limit` entries, and has their lines looked at off the event loop. */
async function detect({ services }: MetadataParts, frontEnd: QueryFrontEnd, { parameters, tenant, signal }: ApiRequest, what: DetectTask['what']): Promise<unknown> {
  const get = getterOf(parameters)
  const { query: text, ...range } = rangeQueryParameters((name) => (name === 'limit' ? get('line_limit') : get(name)), BigInt(services.clock.nowMs()) * 1_000_000n)
  parseLogQuery(text)
  const { data } = await frontEnd.query({ tenant, text, parameters: { kind: 'range', ...range }, signal })
  if (data.kind !== 'streams') throw new Error('a log query gave no streams')
  return services.work.detect({ tenant, what, streams: data.streams, entries: data.entries }, signal)
}

function fieldLimit(parameters: URLSearchParams): number {
  const given = parameters.get('limit') ?? parameters.get('field_limit') ?? ''
  return given === '' ? FIELDS_DEFAULT : limitParameter(given)
}
