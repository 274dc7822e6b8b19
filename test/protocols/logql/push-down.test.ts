/** A vector aggregation that is taken into the scan gives what it gives above it. */
import { describe, expect, it } from 'vitest'
import type { PlanNode, QueryPlan } from '../../../protocols/logql/plan.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { blockOf } from '../../support/blocks.ts'
import { evaluateSharded, parametersOf } from '../../support/execute-local.ts'
import { drawFrom, randomStreams, splitStreams } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 300_000_000_000n, stepNs: 20_000_000_000n })

/** The same plan with every pushed aggregation put back above its scan. */
function unpushed(plan: QueryPlan): QueryPlan {
  if (plan.kind === 'log') return plan
  const restore = (node: PlanNode): PlanNode => {
    if (node.kind === 'vector' || node.kind === 'labelReplace') return { ...node, inner: restore(node.inner) }
    if (node.kind === 'binary') return { ...node, left: restore(node.left), right: restore(node.right) }
    const pushed = node.kind === 'leaf' ? plan.scans[node.scan]!.pushed : null
    return pushed === null ? node : { kind: 'vector', op: pushed.op, parameter: null, grouping: pushed.grouping, inner: node }
  }
  return { ...plan, root: restore(plan.root), scans: plan.scans.map((scan) => ({ ...scan, pushed: null, seriesMax: 100_000 })) }
}

const QUERIES = [
  'sum(count_over_time({app=~".+"}[1m]))',
  'sum by (app) (rate({app=~".+"} |= "1" [30s]))',
  'sum by (kind) (count_over_time({app=~".+"}[20s]))',
  'sum without (pod, v) (bytes_over_time({app=~".+"}[20s]))',
  'sum by (app, kind) (bytes_rate({app=~".+"}[45s] offset 10s))',
  'sum by (kind) (sum_over_time({app=~".+"} | unwrap v [1m]))',
  'min by (kind) (min_over_time({app=~".+"} | unwrap v [1m]))',
  'max(max_over_time({app=~".+"} | unwrap v [1m])) by (app)',
  'sum by (app) (count_over_time({app=~".+"}[20s])) / on (app) sum by (app) (rate({app=~".+"} | unwrap v [20s]))',
]

describe('push down', () => {
  for (const query of QUERIES) {
    it(`of ${query} changes no answer`, () => {
      const plan = planQuery(parse(query), parameters)
      expect(plan.kind === 'metric' && plan.scans.every((scan) => scan.pushed !== null)).toBe(true)
      for (let seed = 1; seed <= 8; seed++) {
        const draw = drawFrom(seed)
        const streams = randomStreams(draw, { startNs: START_NS, seconds: 300, streams: 6, rows: 40 })
        const shards = splitStreams(draw, streams, 3).map((part) => [blockOf(part, { levels: false })])
        const pushed = evaluateSharded(plan, shards)
        const plain = evaluateSharded(unpushed(plan), shards)
        if (pushed.kind !== 'matrix' || plain.kind !== 'matrix') throw new Error('not a matrix')
        expect(pushed.series.map((s) => s.labels)).toEqual(plain.series.map((s) => s.labels))
        for (const [i, series] of pushed.series.entries()) {
          expect(series.present).toEqual(plain.series[i]!.present)
          for (const [k, value] of series.values.entries()) expect(value).toBeCloseTo(plain.series[i]!.values[k]!, 6)
        }
      }
    })
  }

  it('leaves alone what is not exact', () => {
    const kept = ['avg(rate({a="b"}[1m]))', 'count(count_over_time({a="b"}[1m]))', 'sum(avg_over_time({a="b"} | unwrap x [1m]))', 'max(max_over_time({a="b"} | json | unwrap x [1m]))']
    for (const query of kept) {
      const plan = planQuery(parse(query), parameters)
      expect(plan.kind === 'metric' && plan.scans[0]!.pushed).toBeNull()
    }
  })
})
