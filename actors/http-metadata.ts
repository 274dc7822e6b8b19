/** Label, series and index statistics routes over HTTP, in Loki's shapes. The facts come from `stream-facts.ts`. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../runtime/http-server.ts'
import { SkaldError } from '../runtime/errors.ts'
import type { Matcher } from '../protocols/logql/ast.ts'
import { parseMatchers } from '../protocols/logql/parser.ts'
import { timeBounds } from '../protocols/query-params.ts'
import { tenantOf } from '../protocols/tenant-id.ts'
import type { SeriesFacts } from '../storage/segment-select.ts'
import { getterOf, headerOf, parametersOf } from './http-parameters.ts'
import type { Querier } from './querier.ts'
import type { Services } from './services.ts'
import { streamFacts, type MetadataBy } from './stream-facts.ts'

export interface MetadataRouteParts {
  readonly services: Services
  readonly querier: Querier
  readonly defaultTenant: string
  readonly metadataBy: MetadataBy
}

export function metadataRoutes(parts: MetadataRouteParts): HttpRoute[] {
  const route = (path: string, answer: (streams: ReadonlyArray<SeriesFacts>, request: HttpRequest) => object, sets: MatcherSets): HttpRoute => ({
    method: ['GET', 'POST'],
    path: `/loki/api/v1${path}`,
    handle: async (request) => {
      const parameters = await parametersOf(request)
      const { streams, warnings } = await facts(parts, request, parameters, sets(parameters))
      return json({ ...answer(streams, request), ...(warnings.length === 0 ? {} : { warnings }) })
    },
  })
  return [
    route('/labels', (streams) => success(labelNames(streams)), ofQuery),
    route('/label', (streams) => success(labelNames(streams)), ofQuery),
    route('/label/:name/values', (streams, request) => success(labelValues(streams, request.params['name'] ?? '')), ofQuery),
    route('/series', (streams) => ({ status: 'success', data: streams.map((s) => Object.fromEntries(s.labels)) }), ofMatches),
    route('/index/stats', statsOf, ofRequiredQuery),
  ]
}

type MatcherSets = (parameters: URLSearchParams) => ReadonlyArray<ReadonlyArray<Matcher>>

async function facts(parts: MetadataRouteParts, request: HttpRequest, parameters: URLSearchParams, sets: ReadonlyArray<ReadonlyArray<Matcher>>) {
  const tenant = tenantOf(headerOf(request, 'x-scope-orgid'), parts.defaultTenant)
  const bounds = timeBounds(getterOf(parameters), BigInt(parts.services.clock.nowMs()) * 1_000_000n)
  return streamFacts(parts.querier, parts.metadataBy, tenant, sets, bounds, request.signal)
}

/** `query` narrows labels; none means all. */
function ofQuery(parameters: URLSearchParams): ReadonlyArray<ReadonlyArray<Matcher>> {
  const query = parameters.get('query') ?? ''
  return query === '' ? [] : [parseMatchers(query)]
}

const ofRequiredQuery = (parameters: URLSearchParams): ReadonlyArray<ReadonlyArray<Matcher>> => [parseMatchers(parameters.get('query') ?? '')]

function ofMatches(parameters: URLSearchParams): ReadonlyArray<ReadonlyArray<Matcher>> {
  const groups = [...parameters.getAll('match'), ...parameters.getAll('match[]')]
  return groups.map((group) => {
    const matchers = parseMatchers(group)
    if (matchers.length === 0 && groups.length > 1) throw new SkaldError('bad_request', `0 matchers in group: ${group}`)
    return matchers
  })
}

function labelNames(streams: ReadonlyArray<SeriesFacts>): string[] {
  return [...new Set(streams.flatMap((s) => s.labels.map(([name]) => name)))].sort()
}

function labelValues(streams: ReadonlyArray<SeriesFacts>, name: string): string[] {
  return [...new Set(streams.flatMap((s) => s.labels.filter(([label]) => label === name).map(([, value]) => value)))].sort()
}

/** Loki leaves `data` out when it is empty. */
const success = (data: string[]): object => (data.length === 0 ? { status: 'success' } : { status: 'success', data })

function statsOf(streams: ReadonlyArray<SeriesFacts>): object {
  const sum = (read: (s: SeriesFacts) => number): number => streams.reduce((total, s) => total + read(s), 0)
  return { streams: streams.length, chunks: sum((s) => s.chunkCount), bytes: sum((s) => s.lineBytes), entries: sum((s) => s.rowCount) }
}

export function json(body: object): HttpResponse {
  return { status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: `${JSON.stringify(body)}\n` }
}
