/** A recorded request answered in process, from its parameters to its JSON: what an endpoint does, without HTTP. */
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery } from '../../protocols/logql/plan.ts'
import { NO_STATISTICS } from '../../protocols/logql/response-statistics.ts'
import { responseText } from '../../protocols/logql/response.ts'
import type { EntryBlock } from '../../protocols/model.ts'
import { checkResolution, instantQueryParameters, rangeQueryParameters } from '../../protocols/query-params.ts'
import type { RecordedCase } from './corpus.ts'
import { evaluateSharded, NOW_MS } from './execute-local.ts'

const NOW_NS = BigInt(NOW_MS) * 1_000_000n

/** Throws SkaldError as an endpoint would answer it. */
export function answerQuery({ params, path, headers }: RecordedCase, shards: ReadonlyArray<ReadonlyArray<EntryBlock>>): unknown {
  const get = (name: string): string => params[name] ?? ''
  const limits = { seriesMax: 100_000 }
  const plan = path.endsWith('/query') ? instantPlan() : rangePlan()
  const data = evaluateSharded(plan, shards)
  const categorizeLabels = headers?.['X-Loki-Response-Encoding-Flags'] === 'categorize-labels'
  return JSON.parse(responseText(data, { categorizeLabels, warnings: [], statistics: NO_STATISTICS }))

  function instantPlan() {
    const { query, timeNs, limit, direction } = instantQueryParameters(get, NOW_NS)
    return planQuery(parse(query), { kind: 'instant', startNs: timeNs, endNs: timeNs, stepNs: 0n, limit, direction, intervalNs: 0n, limits })
  }
  function rangePlan() {
    const { query, ...parameters } = rangeQueryParameters(get, NOW_NS)
    const expr = parse(query)
    if (expr.kind !== 'log') checkResolution({ query, ...parameters })
    return planQuery(expr, { kind: 'range', ...parameters, limits })
  }
}
