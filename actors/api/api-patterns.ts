/** `patterns`: what shapes a query's lines have, by level and over time. Works over recent and stored lines alike, in worker threads. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import type { PatternScanPlan } from '../../protocols/logql/scan.ts'
import { patternText } from '../../protocols/patterns/tokens.ts'
import { checkResolution, rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, json } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import type { Services } from '../services.ts'

/** Patterns of one answer. */
const PATTERNS_MAX = 300

interface Pattern {
  readonly pattern: string
  readonly level: string
  readonly samples: Array<[seconds: number, count: number]>
}

export function patternEndpoints(services: Services, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [{ path: '/loki/api/v1/patterns', handle: (request) => patterns(services, frontEnd, request) }]
}

async function patterns(services: Services, frontEnd: QueryFrontEnd, { tenant, parameters, signal }: ApiRequest): Promise<HttpResponse> {
  const range = rangeQueryParameters(getterOf(parameters), BigInt(services.clock.nowMs()) * 1_000_000n)
  checkResolution(range)
  const expr = await frontEnd.answers.run({ kind: 'parseLog', text: range.query }, signal)
  const { matchers, stages } = expr
  const startNs = (range.startNs / range.stepNs) * range.stepNs
  const plan: PatternScanPlan = { kind: 'patterns', matchers, stages, startNs: String(startNs), endNs: String(range.endNs), stepNs: String(range.stepNs) }
  const { partials, warnings } = await frontEnd.scan({ tenant, text: range.query, expr, plan, startNs, endNs: range.endNs, signal })
  const clusters = await frontEnd.answers.run({ kind: 'patterns', plan, partials: partials.map(({ bytes }) => bytes) }, signal)
  const found = clusters.map(({ level, tokens, counts }) => shown(patternText(tokens), level, counts, startNs, range.stepNs))
  return json({ status: 'success', ...(warnings.length === 0 ? {} : { warnings }), data: mostFirst(found) })
}

function shown(pattern: string, level: string, counts: ReadonlyArray<readonly [number, number]>, startNs: bigint, stepNs: bigint): Pattern {
  const samples = [...counts].sort(([a], [b]) => a - b).map(([step, count]): [number, number] => [Number((startNs + BigInt(step) * stepNs) / 1_000_000_000n), count])
  return { pattern, level, samples }
}

/** Falling by total count. */
function mostFirst(found: ReadonlyArray<Pattern>): Pattern[] {
  const total = new Map(found.map((one) => [one, one.samples.reduce((sum, [, count]) => sum + count, 0)]))
  return [...found].sort((a, b) => total.get(b)! - total.get(a)!).slice(0, PATTERNS_MAX)
}
