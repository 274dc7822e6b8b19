/** Labels, label values, series and index statistics, in Loki's shapes. The facts come from `stream-facts.ts`. */
import { SkaldError } from '../../runtime/errors.ts'
import type { Matcher } from '../../protocols/logql/ast.ts'
import { timeBounds } from '../../protocols/query-params.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import { type ApiEndpoint, type ApiRequest, json } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { AnswerWork } from '../query/answer-work.ts'
import type { Querier } from '../query/querier.ts'
import type { Services } from '../services.ts'
import { mergeFacts, streamFacts, type MetadataBy, type StreamFactsAnswer } from '../query/stream-facts.ts'

export interface MetadataParts {
  readonly services: Services
  readonly querier: Querier
  readonly answers: AnswerWork
  readonly metadataBy: MetadataBy
}

export type MatcherSets = ReadonlyArray<ReadonlyArray<Matcher>>
type ReadMatchers = (answers: AnswerWork, parameters: URLSearchParams) => Promise<MatcherSets>

export function metadataEndpoints(parts: MetadataParts): ApiEndpoint[] {
  const endpoint = (path: string, answer: (streams: ReadonlyArray<SeriesFacts>, request: ApiRequest) => object, sets: ReadMatchers): ApiEndpoint => ({
    path: `/loki/api/v1${path}`,
    handle: async (request) => {
      const { streams, warnings } = await factsOf(parts, request, await sets(parts.answers, request.parameters))
      return json({ ...answer(mergeFacts(streams), request), ...(warnings.length === 0 ? {} : { warnings }) })
    },
  })
  return [
    endpoint('/labels', (streams) => success(labelNames(streams)), ofQuery),
    endpoint('/label', (streams) => success(labelNames(streams)), ofQuery),
    endpoint('/label/:name/values', (streams, request) => success(labelValues(streams, request.path['name'] ?? '')), ofQuery),
    endpoint('/series', (streams) => ({ status: 'success', data: streams.map((s) => Object.fromEntries(s.labels)) }), ofMatches),
    endpoint('/index/stats', statsOf, ofRequiredQuery),
  ]
}

/** Facts about what matches, in the request's `start` to `end`; a stream may come in several parts. */
export async function factsOf({ services, querier, metadataBy }: MetadataParts, request: ApiRequest, sets: MatcherSets): Promise<StreamFactsAnswer> {
  const bounds = timeBounds(getterOf(request.parameters), BigInt(services.clock.nowMs()) * 1_000_000n)
  return streamFacts(querier, metadataBy, request.tenant, sets, bounds, request.signal)
}

/** Of a bare selector. Rejects `query_parse`. */
export const matchersOf = (answers: AnswerWork, text: string): Promise<ReadonlyArray<Matcher>> => answers.run({ kind: 'parseMatchers', text })

/** `query` narrows labels; none means all. */
export const ofQuery: ReadMatchers = async (answers, parameters) => {
  const query = parameters.get('query') ?? ''
  return query === '' ? [] : [await matchersOf(answers, query)]
}

export const ofRequiredQuery: ReadMatchers = async (answers, parameters) => [await matchersOf(answers, parameters.get('query') ?? '')]

export const ofMatches: ReadMatchers = async (answers, parameters) => {
  const groups = [...parameters.getAll('match'), ...parameters.getAll('match[]')]
  const sets: Array<ReadonlyArray<Matcher>> = []
  for (const group of groups) {
    const matchers = await matchersOf(answers, group)
    if (matchers.length === 0 && groups.length > 1) throw new SkaldError('bad_request', `0 matchers in group: ${group}`)
    sets.push(matchers)
  }
  return sets
}

export function labelNames(streams: ReadonlyArray<SeriesFacts>): string[] {
  return [...new Set(streams.flatMap((s) => s.labels.map(([name]) => name)))].sort()
}

export function labelValues(streams: ReadonlyArray<SeriesFacts>, name: string): string[] {
  return [...new Set(streams.flatMap((s) => s.labels.filter(([label]) => label === name).map(([, value]) => value)))].sort()
}

/** Loki leaves `data` out when it is empty. */
const success = (data: string[]): object => (data.length === 0 ? { status: 'success' } : { status: 'success', data })

export function statsOf(streams: ReadonlyArray<SeriesFacts>): object {
  const sum = (read: (s: SeriesFacts) => number): number => streams.reduce((total, s) => total + read(s), 0)
  return { streams: streams.length, chunks: sum((s) => s.chunkCount), bytes: sum((s) => s.lineBytes), entries: sum((s) => s.rowCount) }
}
