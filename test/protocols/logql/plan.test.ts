/** Plans: one scan a leaf, what Loki does with averages, alignment, limits; plans and partials survive JSON. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { MetricQueryPlan, QueryParameters } from '../../../protocols/logql/plan.ts'
import { parametersOf } from '../../support/execute-local.ts'

const S = 1_000_000_000n
const RANGE = { startNs: 1001n * S, endNs: 1099n * S, stepNs: 10n * S }

function metric(query: string, over: Partial<QueryParameters> = {}): MetricQueryPlan {
  const plan = planQuery(parse(query), parametersOf({ ...RANGE, ...over }))
  if (plan.kind !== 'metric') throw new Error('not a metric query')
  return plan
}

describe('plans', () => {
  it('have a scan for each range aggregation', () => {
    const plan = metric('sum(rate({a="1"}[1m])) / (count_over_time({a="2"}[1m]) or vector(1)) + 2')
    expect(plan.scans.map((scan) => scan.matchers[0]!.value)).toEqual(['1', '2'])
    expect(plan.root).toMatchObject({ op: '+', left: { op: '/', left: { kind: 'leaf', scan: 0 } }, right: { kind: 'literal', value: 2 } })
  })

  it('scan equal leaves once', () => {
    const plan = metric('sum(rate({a="1"}[1m])) / sum(rate({a="1"}[1m])) > sum(rate({a="1"}[2m]))')
    expect(plan.scans).toHaveLength(2)
    expect(plan.root).toMatchObject({ left: { left: { scan: 0 }, right: { scan: 0 } }, right: { scan: 1 } })
  })

  it('align ranges to the step, unless queries are not split', () => {
    expect(metric('rate({a="1"}[1m])').grid).toEqual({ startNs: 1000n * S, stepNs: 10n * S, count: 11 })
    expect(metric('rate({a="1"}[1m])', { limits: { seriesMax: 1, alignsToStep: false } }).grid).toEqual({ startNs: 1001n * S, stepNs: 10n * S, count: 10 })
    expect(metric('rate({a="1"}[1m])', { kind: 'instant', startNs: 1099n * S }).grid).toEqual({ startNs: 1099n * S, stepNs: 0n, count: 1 })
  })

  it('compute a grouped avg_over_time as a sum over a count of all rows', () => {
    const { scans, root } = metric('avg_over_time({a="1"} | json | unwrap x | __error__="" [1m]) by (m)')
    expect(root).toMatchObject({ kind: 'binary', op: '/' })
    expect(scans.map(({ op, unwrap, pushed }) => [op, unwrap?.name, pushed?.grouping.names])).toEqual([['sum_over_time', 'x', ['m']], ['count_over_time', undefined, ['m']]])
    expect(metric('avg_over_time({a="1"} | unwrap x [1m])').scans).toHaveLength(1)
    expect(metric('avg_over_time({a="1"} | unwrap x [1m]) without (m)').scans).toHaveLength(1)
  })

  it('limit the series of the answer in the scan itself, others by what memory bears', () => {
    const limits = { seriesMax: 7 }
    expect(metric('sum by (x) (rate({a="1"}[1m]))', { limits }).scans[0]!.seriesMax).toBe(7)
    expect(metric('avg by (x) (rate({a="1"}[1m]))', { limits }).scans[0]!.seriesMax).toBeGreaterThan(100_000)
  })

  it('know what kind of answer they give', () => {
    expect(metric('1').resultType).toBe('matrix')
    expect(metric('1 + 1', { kind: 'instant' }).resultType).toBe('scalar')
    expect(metric('vector(1)', { kind: 'instant' }).resultType).toBe('vector')
  })

  it('survive JSON', () => {
    const { scans } = metric('quantile_over_time(7, {a=~"1"} |= "x" or "y" | logfmt | a > 5m | unwrap duration(b) [1h] offset -5m) by (c)')
    expect(JSON.parse(JSON.stringify(scans))).toEqual(scans)
    const log = planQuery(parse('{a="1"} | json b="c[0]"'), parametersOf(RANGE))
    expect(JSON.parse(JSON.stringify(log.scans))).toEqual(log.scans)
  })
})
