/** Labels, label values, series and index statistics. Which streams there are comes from the querier, their JSON from the answer work: nothing here looks at a stream. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Matcher } from '../../protocols/logql/ast.ts'
import { timeBounds } from '../../protocols/query-params.ts'
import type { SeriesTimes } from '../../storage/series-facts.ts'
import { type ApiEndpoint, type ApiRequest, JSON_TYPE } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { AnswerWork } from '../query/answer-work.ts'
import type { Querier } from '../query/querier.ts'
import type { StreamsForm } from '../query/stream-answers.ts'
import type { Services } from '../services.ts'

export interface MetadataParts {
  readonly services: Services
  readonly querier: Querier
  readonly answers: AnswerWork
  /** What "in a time range" means: "received" is what Loki's recorded answers show (entries pushed days later are not found under their own time). */
  readonly metadataBy: SeriesTimes['by']
}

export type MatcherSets = ReadonlyArray<ReadonlyArray<Matcher>>
type ReadMatchers = (answers: AnswerWork, parameters: URLSearchParams) => Promise<MatcherSets>

export function metadataEndpoints(parts: MetadataParts): ApiEndpoint[] {
  const endpoint = (path: string, formOf: (request: ApiRequest) => StreamsForm, sets: ReadMatchers): ApiEndpoint => ({
    path,
    handle: async (request) => streamsAnswer(parts, request, await sets(parts.answers, request.parameters), formOf(request)),
  })
  const nameIn = ({ path }: ApiRequest): string => path['name'] ?? ''
  return [
    endpoint('/loki/api/v1/labels', () => ({ kind: 'names' }), ofQuery),
    endpoint('/loki/api/v1/label', () => ({ kind: 'names' }), ofQuery),
    endpoint('/loki/api/v1/label/:name/values', (request) => ({ kind: 'values', name: nameIn(request) }), ofQuery),
    endpoint('/loki/api/v1/series', () => ({ kind: 'series' }), ofMatches),
    endpoint('/loki/api/v1/index/stats', () => ({ kind: 'stats' }), ofRequiredQuery),
    endpoint('/loki/api/v1/detected_labels', () => ({ kind: 'detected' }), ofQuery),
    endpoint('/api/prom/label', () => ({ kind: 'names', legacy: true }), ofQuery),
    endpoint('/api/prom/label/:name/values', (request) => ({ kind: 'values', name: nameIn(request), legacy: true }), ofQuery),
    endpoint('/api/prom/series', () => ({ kind: 'series' }), ofMatches),
  ]
}

/** About the streams that match, in the request's `start` to `end`. `partsMax`: see `SeriesQuestion`. */
export async function streamsAnswer({ services, querier, answers, metadataBy }: MetadataParts, request: ApiRequest, matcherSets: MatcherSets, form: StreamsForm, partsMax: number | null = null): Promise<HttpResponse> {
  const { startNs, endNs } = timeBounds(getterOf(request.parameters), BigInt(services.clock.nowMs()) * 1_000_000n)
  const { parts, warnings } = await querier.series(request.tenant, { matcherSets, within: { by: metadataBy, minNs: startNs, maxNs: endNs }, partsMax }, request.signal)
  const items = parts.reduce((sum, { count }) => sum + count, 0)
  return { status: 200, headers: JSON_TYPE, body: await answers.run({ kind: 'streams', partials: parts.map(({ bytes }) => bytes), items, form, warnings }, request.signal) }
}

/** Of a bare selector. Rejects `query_parse`. */
export const matchersOf = (answers: AnswerWork, text: string): Promise<ReadonlyArray<Matcher>> => answers.run({ kind: 'parseMatchers', text })

/** `query` narrows labels; none means all. */
const ofQuery: ReadMatchers = async (answers, parameters) => {
  const query = parameters.get('query') ?? ''
  return query === '' ? [] : [await matchersOf(answers, query)]
}

export const ofRequiredQuery: ReadMatchers = async (answers, parameters) => [await matchersOf(answers, parameters.get('query') ?? '')]

const ofMatches: ReadMatchers = async (answers, parameters) => {
  const groups = [...parameters.getAll('match'), ...parameters.getAll('match[]')]
  const sets: Array<ReadonlyArray<Matcher>> = []
  for (const group of groups) {
    const matchers = await matchersOf(answers, group)
    if (matchers.length === 0 && groups.length > 1) throw new SkaldError('bad_request', `0 matchers in group: ${group}`)
    sets.push(matchers)
  }
  return sets
}
