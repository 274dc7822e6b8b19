/** `query` and `query_range`: Loki's parameters and answers. The work is the front end's. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { responseHead, responseTail } from '../../protocols/logql/response.ts'
import { instantQueryParameters, rangeQueryParameters, type GetParameter } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, json, JSON_TYPE } from './api.ts'
import { getterOf } from './http-parameters.ts'
import { explainQuery } from '../query/query-explain.ts'
import type { Querier } from '../query/querier.ts'
import type { QueryAnswer, QueryFrontEnd, QueryRequest } from '../query/query-front-end.ts'
import type { Services } from '../services.ts'

export function queryEndpoints(services: Services, querier: Querier, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  const nowNs = (): bigint => BigInt(services.clock.nowMs()) * 1_000_000n
  const handler = (parameters: (get: GetParameter) => Pick<QueryRequest, 'text' | 'parameters'>) => async (request: ApiRequest) => {
    const { tenant, signal } = request
    const categorizeLabels = wantsCategories(request)
    const asked: QueryRequest = { tenant, signal, form: { kind: 'json', categorizeLabels }, ...wishesOf(request), ...parameters(getterOf(request.parameters)) }
    if (request.parameters.get('explain') === 'true') return json({ status: 'success', data: await explainQuery(querier, frontEnd, asked) })
    return answer(frontEnd, await frontEnd.query(asked), categorizeLabels, signal)
  }
  return [
    { path: '/loki/api/v1/query_range', handle: handler((get) => range(get, nowNs())) },
    { path: '/loki/api/v1/query', handle: handler((get) => instant(get, nowNs())) },
  ]
}

/** Beyond Loki: `X-Skald-Strict: true` asks for all or nothing; `Cache-Control: no-cache` for a fresh read. */
function wishesOf(request: ApiRequest): Pick<QueryRequest, 'strict' | 'uncached'> {
  return {
    strict: request.header('x-skald-strict')?.toLowerCase() === 'true',
    uncached: /\bno-cache\b/i.test(request.header('cache-control') ?? ''),
  }
}

function range(get: GetParameter, nowNs: bigint): Pick<QueryRequest, 'text' | 'parameters'> {
  const { query, ...parameters } = rangeQueryParameters(get, nowNs)
  return { text: query, parameters: { kind: 'range', ...parameters } }
}

function instant(get: GetParameter, nowNs: bigint): Pick<QueryRequest, 'text' | 'parameters'> {
  const { query, limit, direction, timeNs } = instantQueryParameters(get, nowNs)
  return { text: query, parameters: { kind: 'instant', startNs: timeNs, endNs: timeNs, stepNs: 0n, intervalNs: 0n, limit, direction } }
}

function wantsCategories(request: ApiRequest): boolean {
  const flags = request.header('x-loki-response-encoding-flags') ?? ''
  return flags.split(',').some((flag) => flag.trim() === 'categorize-labels')
}

/** Sent as one body when it is at hand and small, else piece by piece. */
const WHOLE_BYTES_MAX = 256 * 1024

function answer(frontEnd: QueryFrontEnd, found: QueryAnswer, categorizeLabels: boolean, signal: AbortSignal): HttpResponse {
  const { shown, warnings, statistics, reads } = found
  const head = Buffer.from(responseHead(shown.resultType, { categorizeLabels, warnings }))
  const tail = Buffer.from(responseTail({ statistics, reads }))
  const small = shown.kind === 'pieces' && shown.pieces.reduce((sum, { length }) => sum + length, 0) <= WHOLE_BYTES_MAX
  return { status: 200, headers: JSON_TYPE, body: small ? Buffer.concat([head, ...shown.pieces, tail]) : framed(head, frontEnd.bytes(found, signal), tail) }
}

async function* framed(head: Buffer, result: AsyncIterable<Uint8Array>, tail: Buffer): AsyncGenerator<Uint8Array> {
  yield head
  yield* result
  yield tail
}
