/** What `explain=true` shows of a plan. */
import { describe, expect, it } from 'vitest'
import { explainPlan } from '../../../protocols/logql/explain.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { parametersOf } from '../../support/execute-local.ts'

const S = 1_000_000_000n
const explain = (query: string) => explainPlan(planQuery(parse(query), parametersOf({ startNs: 1000n * S, endNs: 1100n * S, stepNs: 10n * S })))

describe('explained plans', () => {
  it('name what runs where the data is, and what is left', () => {
    const plan = explain('topk(2, sum by (pod) (rate({app="a"} |= "x" | logfmt [1m] offset 5s))) / 2')
    expect(plan).toMatchObject({ resultType: 'matrix', evaluation: '(topk (2, scan 0) / 2)', points: { firstNs: '1000000000000', lastNs: '1100000000000', step: '10s', count: 11 } })
    expect(plan.scans).toEqual([
      {
        selector: '{app="a"}', stages: ['|= "x"', '| logfmt'], aggregation: 'rate [1m] offset 5s', pushedDown: 'sum by (pod)', labelsKept: 'only (pod)',
        columnsRead: ['times', 'lines', 'metadata', 'levels'], literals: [['x']], metadataEquals: [], minNs: '935000000001', maxNs: '1095000000000',
      },
    ])
  })

  it('show that a count reads no lines', () => {
    expect(explain('sum(count_over_time({app="a"}[1m]))').scans[0]!.columnsRead).toEqual(['times'])
  })

  it('explain log queries', () => {
    expect(explain('{app="a"} | trace="1"')).toMatchObject({ resultType: 'streams', points: null, evaluation: 'first 100 of scan 0, backward', scans: [{ metadataEquals: [['trace', '1']], labelsKept: 'all' }] })
  })

  it('write down every kind of node, as JSON', () => {
    const plan = explain('label_replace(sort(quantile_over_time(0.5, {a="b"} | unwrap x [1m]) by (c)), "d", "e", "f", "g") > bool vector(1)')
    expect(plan.evaluation).toBe('(label_replace(sort (scan 0), "d", "e", "f", "g") > bool vector(1))')
    expect(plan.scans[0]!.aggregation).toBe('quantile_over_time(0.5) of x [1m] by (c)')
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  })
})
