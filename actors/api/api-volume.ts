/** `index/volume`, `index/volume_range` and `index/shards`: what the index knows about bytes received, in Loki's shapes. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { checkResolution, limitParameter, rangeQueryParameters, type RangeQueryParameters } from '../../protocols/query-params.ts'
import type { ApiEndpoint, ApiRequest } from './api.ts'
import { matchersOf, type MetadataParts, ofRequiredQuery, streamsAnswer } from './api-metadata.ts'
import { getterOf } from './http-parameters.ts'
import { volumeIntervals, type VolumeQuestion } from '../query/volume.ts'

/** Parts of streams times intervals of a volume range: what may be added up for one answer. */
const VOLUME_WORK_MAX = 2_000_000

export function volumeEndpoints(parts: MetadataParts): ApiEndpoint[] {
  return [
    { path: '/loki/api/v1/index/volume', handle: (request) => volume(parts, request) },
    { path: '/loki/api/v1/index/volume_range', handle: (request) => volumeRange(parts, request) },
    { path: '/loki/api/v1/index/shards', handle: (request) => shards(parts, request) },
  ]
}

async function volume(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const { question, bounds } = await asked(parts, request)
  return streamsAnswer(parts, request, [question.matchers], { kind: 'volume', question, atS: Number(bounds.endNs / 1_000_000n) / 1000 })
}

async function volumeRange(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const { question, bounds } = await asked(parts, request)
  checkResolution(bounds)
  const intervals = volumeIntervals(bounds.startNs, bounds.endNs, bounds.stepNs)
  return streamsAnswer(parts, request, [question.matchers], { kind: 'volumeRange', question, intervals }, Math.trunc(VOLUME_WORK_MAX / Math.max(1, intervals.length)))
}

async function asked({ services, answers }: MetadataParts, { parameters, tenant }: ApiRequest): Promise<{ question: VolumeQuestion; bounds: RangeQueryParameters }> {
  const limits = services.limitsOf(tenant)
  if (!limits.volume_enabled) throw new SkaldError('not_found', 'not found')
  const bounds = rangeQueryParameters((name) => (name === 'limit' ? '' : getterOf(parameters)(name)), BigInt(services.clock.nowMs()) * 1_000_000n)
  const question: VolumeQuestion = {
    matchers: await matchersOf(answers, parameters.get('query') ?? ''),
    targetLabels: (parameters.get('targetLabels') ?? '').split(',').filter((name) => name !== ''),
    aggregateBy: aggregateBy(parameters.get('aggregateBy') ?? ''),
    limit: Math.min(limitOf(parameters.get('limit') ?? ''), limits.volume_max_series),
  }
  return { question, bounds }
}

const limitOf = (text: string): number => limitParameter(text === '0' ? '' : text)

function aggregateBy(text: string): 'series' | 'labels' {
  if (text === '' || text === 'series') return 'series'
  if (text === 'labels') return 'labels'
  throw new SkaldError('bad_request', 'invalid aggregation option')
}

async function shards(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const given = request.parameters.get('targetBytesPerShard') ?? ''
  const targetBytes = given === '' ? parts.services.limitsOf(request.tenant).tsdb_max_bytes_per_shard : Number(given)
  if (!(targetBytes > 0)) throw new SkaldError('bad_request', 'targetBytesPerShard must be a positive value')
  return streamsAnswer(parts, request, await ofRequiredQuery(parts.answers, request.parameters), { kind: 'shards', targetBytes })
}
