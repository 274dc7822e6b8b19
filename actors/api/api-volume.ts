/** `index/volume`, `index/volume_range` and `index/shards`: what the index knows about bytes received, in Loki's shapes. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { labelText } from '../../protocols/logql/label-set.ts'
import type { Labels, TimeNs } from '../../protocols/model.ts'
import { checkResolution, limitParameter, rangeQueryParameters, type RangeQueryParameters } from '../../protocols/query-params.ts'
import { hashText } from '../../protocols/routing.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import { type ApiEndpoint, type ApiRequest, json, JSON_TYPE } from './api.ts'
import { factsOf, matchersOf, type MetadataParts, ofRequiredQuery, statsOf } from './api-metadata.ts'
import { getterOf } from './http-parameters.ts'
import { mergeFacts } from '../query/stream-facts.ts'
import { shareWithin, volumeIntervals, volumesOf, type VolumeQuestion } from '../query/volume.ts'

/** Streams times intervals of a volume range: what may be added up while others wait. */
const VOLUME_WORK_MAX = 2_000_000

export function volumeEndpoints(parts: MetadataParts): ApiEndpoint[] {
  return [
    { path: '/loki/api/v1/index/volume', handle: (request) => volume(parts, request) },
    { path: '/loki/api/v1/index/volume_range', handle: (request) => volumeRange(parts, request) },
    { path: '/loki/api/v1/index/shards', handle: (request) => shards(parts, request) },
  ]
}

async function volume(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const { question, bounds, streams, warnings } = await ask(parts, request)
  const ts = seconds(bounds.endNs)
  const result = volumesOf(streams, question).map(({ labels, bytes }) => ({ metric: Object.fromEntries(labels), value: [ts, String(bytes)] }))
  return answer('vector', result, warnings)
}

async function volumeRange(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const { question, bounds, streams, warnings } = await ask(parts, request)
  checkResolution(bounds)
  const intervals = volumeIntervals(bounds.startNs, bounds.endNs, bounds.stepNs)
  if (intervals.length * streams.length > VOLUME_WORK_MAX) {
    throw new SkaldError('query_limit', `${streams.length} streams over ${intervals.length} intervals are more than the ${VOLUME_WORK_MAX} that a volume range may add up; increase the step or narrow the query`)
  }
  const series = new Map<string, { labels: Labels; values: Array<[number, string]> }>()
  for (const { fromNs, toNs } of intervals) {
    for (const { labels, bytes } of volumesOf(streams, question, (facts) => shareWithin(facts, fromNs, toNs))) {
      const key = labelText(labels)
      const one = series.get(key) ?? { labels, values: [] }
      one.values.push([seconds(toNs), String(bytes)])
      series.set(key, one)
    }
  }
  const sorted = [...series].sort(([a], [b]) => (a < b ? -1 : 1))
  return answer('matrix', sorted.map(([, { labels, values }]) => ({ metric: Object.fromEntries(labels), values })), warnings)
}

const answer = (resultType: string, result: ReadonlyArray<object>, warnings: ReadonlyArray<string>): HttpResponse =>
  json({ status: 'success', ...(warnings.length === 0 ? {} : { warnings }), data: { resultType, result } })

const seconds = (ns: TimeNs): number => Number(ns / 1_000_000n) / 1000

interface Asked {
  readonly question: VolumeQuestion
  readonly bounds: RangeQueryParameters
  readonly streams: ReadonlyArray<SeriesFacts>
  readonly warnings: ReadonlyArray<string>
}

async function ask(parts: MetadataParts, request: ApiRequest): Promise<Asked> {
  const { parameters, tenant } = request
  const limits = parts.services.limitsOf(tenant)
  if (!limits.volume_enabled) throw new SkaldError('not_found', 'not found')
  const bounds = rangeQueryParameters((name) => (name === 'limit' ? '' : getterOf(parameters)(name)), BigInt(parts.services.clock.nowMs()) * 1_000_000n)
  const question: VolumeQuestion = {
    matchers: await matchersOf(parts.answers, parameters.get('query') ?? ''),
    targetLabels: (parameters.get('targetLabels') ?? '').split(',').filter((name) => name !== ''),
    aggregateBy: aggregateBy(parameters.get('aggregateBy') ?? ''),
    limit: Math.min(limitOf(parameters.get('limit') ?? ''), limits.volume_max_series),
  }
  return { question, bounds, ...(await factsOf(parts, request, [question.matchers])) }
}

const limitOf = (text: string): number => limitParameter(text === '0' ? '' : text)

function aggregateBy(text: string): 'series' | 'labels' {
  if (text === '' || text === 'series') return 'series'
  if (text === 'labels') return 'labels'
  throw new SkaldError('bad_request', 'invalid aggregation option')
}

interface Fingerprinted {
  readonly fingerprint: bigint
  readonly facts: SeriesFacts
}

const FINGERPRINT_MAX = 2n ** 64n - 1n

/** Ranges of stream fingerprints that hold about `targetBytesPerShard` each. Written by hand: fingerprints do not fit a JSON number of JavaScript's. */
async function shards(parts: MetadataParts, request: ApiRequest): Promise<HttpResponse> {
  const given = request.parameters.get('targetBytesPerShard') ?? ''
  const targetBytes = given === '' ? parts.services.limitsOf(request.tenant).tsdb_max_bytes_per_shard : Number(given)
  if (!(targetBytes > 0)) throw new SkaldError('bad_request', 'targetBytesPerShard must be a positive value')
  const { streams } = await factsOf(parts, request, await ofRequiredQuery(parts.answers, request.parameters))
  const sorted = mergeFacts(streams)
    .map((facts): Fingerprinted => ({ facts, fingerprint: fingerprintOf(facts.labels) }))
    .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
  const groups = grouped(sorted, targetBytes)
  const texts = groups.map((group, i) => {
    const min = i === 0 ? 0n : group[0]!.fingerprint
    const max = i === groups.length - 1 ? FINGERPRINT_MAX : groups[i + 1]![0]!.fingerprint - 1n
    return `{"bounds":{"min":${min},"max":${max}},"stats":${JSON.stringify(statsOf(group.map(({ facts }) => facts)))}}`
  })
  return { status: 200, headers: JSON_TYPE, body: `{"shards":[${texts.join(',')}],"statistics":{},"chunkGroups":null}\n` }
}

function grouped(sorted: ReadonlyArray<Fingerprinted>, targetBytes: number): Fingerprinted[][] {
  const groups: Fingerprinted[][] = [[]]
  let bytes = 0
  for (const one of sorted) {
    if (bytes > 0 && bytes + one.facts.lineBytes > targetBytes) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(one)
    bytes += one.facts.lineBytes
  }
  return groups
}

function fingerprintOf(labels: Labels): bigint {
  const { high, low } = hashText(labelText(labels))
  return (BigInt(high) << 32n) | BigInt(low)
}
