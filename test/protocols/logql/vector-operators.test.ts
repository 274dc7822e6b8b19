/** Every vector operator against a plain reference, point by point, over random series; and what instant vectors look like. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { labelKey } from '../../../protocols/logql/label-set.ts'
import type { Series } from '../../../protocols/logql/query-data.ts'
import { blockOf } from '../../support/blocks.ts'
import type { TestStream } from '../../support/blocks.ts'
import { evaluateSharded, executeSharded, parametersOf } from '../../support/execute-local.ts'
import { drawFrom, randomStreams } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 200_000_000_000n, stepNs: 20_000_000_000n })
const INNER = 'max_over_time({app=~".+"} | unwrap v [15s])'

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

const mean = (v: ReadonlyArray<number>): number => v.reduce((a, b) => a + b, 0) / v.length
const variance = (v: ReadonlyArray<number>): number => mean(v.map((x) => (x - mean(v)) ** 2))
const FOLDS: Readonly<Record<string, (values: ReadonlyArray<number>) => number>> = {
  sum: (v) => v.reduce((a, b) => a + b, 0),
  avg: mean,
  count: (v) => v.length,
  min: (v) => Math.min(...v),
  max: (v) => Math.max(...v),
  stdvar: variance,
  stddev: (v) => Math.sqrt(variance(v)),
}

function matrix(query: string, streams: ReadonlyArray<TestStream>): ReadonlyArray<Series> {
  const data = executeSharded(query, parameters, [[blockOf(streams, { levels: false })]])
  if (data.kind !== 'matrix') throw new Error('not a matrix')
  return data.series
}

const samplesAt = (series: ReadonlyArray<Series>, k: number): Sample[] =>
  series.filter((s) => s.present[k] === 1).map((s) => ({ labels: Object.fromEntries(s.labels), value: s.values[k]! }))

const GROUPINGS = [
  { text: '', keep: () => ({}) },
  { text: ' by (kind)', keep: (l: Sample['labels']) => ({ kind: l['kind'] ?? '' }) },
  { text: ' without (pod, kind)', keep: (l: Sample['labels']) => ({ app: l['app'] ?? '' }) },
]

function grouped(samples: ReadonlyArray<Sample>, keep: (labels: Sample['labels']) => object): Map<string, Sample[]> {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = JSON.stringify(keep(sample.labels))
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  return groups
}

describe('vector operators that fold', () => {
  for (const [op, fold] of Object.entries(FOLDS)) {
    it(`${op} is what the reference says`, () => {
      for (let seed = 1; seed <= 5; seed++) {
        const streams = randomStreams(drawFrom(seed), { startNs: START_NS, seconds: 200, streams: 6, rows: 30 })
        const inner = matrix(INNER, streams)
        for (const { text, keep } of GROUPINGS) {
          const result = matrix(`${op}${text} (${INNER})`, streams)
          for (let k = 0; k < 11; k++) {
            const want = [...grouped(samplesAt(inner, k), keep)].map(([key, group]) => [key, fold(group.map((s) => s.value)).toFixed(9)]).sort()
            const got = samplesAt(result, k).map(({ labels, value }) => [JSON.stringify(keep(labels)), value.toFixed(9)]).sort()
            expect(got).toEqual(want)
          }
        }
      }
    })
  }
})

describe('vector operators that choose', () => {
  it.each(['topk', 'bottomk'])('%s keeps the k best of each group, with their labels', (op) => {
    for (let seed = 1; seed <= 5; seed++) {
      const streams = randomStreams(drawFrom(seed), { startNs: START_NS, seconds: 200, streams: 6, rows: 30 })
      const inner = matrix(INNER, streams)
      for (const { text, keep } of GROUPINGS) {
        const result = matrix(`${op}${text} (2, ${INNER})`, streams)
        const known = new Set(inner.map((s) => labelKey(s.labels)))
        expect(result.every((s) => known.has(labelKey(s.labels)))).toBe(true)
        for (let k = 0; k < 11; k++) {
          const best = (group: ReadonlyArray<Sample>): number[] => group.map((s) => s.value).sort((a, b) => (op === 'topk' ? b - a : a - b)).slice(0, 2)
          const want = [...grouped(samplesAt(inner, k), keep)].map(([key, group]) => [key, best(group)]).sort()
          const got = [...grouped(samplesAt(result, k), keep)].map(([key, group]) => [key, best(group)]).sort()
          expect(got).toEqual(want)
          for (const [, group] of grouped(samplesAt(result, k), keep)) expect(group.length).toBeLessThanOrEqual(2)
        }
      }
    }
  })
})

describe('instant vectors', () => {
  const streams: TestStream[] = [['c', 3], ['a', 1], ['b', 2]].map(([pod, rows]) => ({
    labels: { app: 'x', pod: String(pod) },
    entries: Array.from({ length: Number(rows) }, (_, i) => ({ ns: START_NS - BigInt(i), line: `${pod} ${i}` })),
  }))
  const instant = (query: string): Array<[string, number]> => {
    const data = executeSharded(query, parametersOf({ kind: 'instant', startNs: START_NS, endNs: START_NS, stepNs: 0n }), [[blockOf(streams, { levels: false })]])
    if (data.kind !== 'vector') throw new Error('not a vector')
    return data.samples.map(({ labels, value }) => [Object.fromEntries(labels)['pod'] ?? '', value])
  }
  const counts = 'sum by (pod) (count_over_time({app="x"}[1m]))'

  it('are in order of labels, topk too', () => {
    expect(instant(counts)).toEqual([['a', 1], ['b', 2], ['c', 3]])
    expect(instant(`topk(2, ${counts})`)).toEqual([['b', 2], ['c', 3]])
  })

  it('are in order of values under sort and sort_desc', () => {
    expect(instant(`sort(${counts} * -1)`)).toEqual([['c', -3], ['b', -2], ['a', -1]])
    expect(instant(`sort_desc(${counts})`)).toEqual([['c', 3], ['b', 2], ['a', 1]])
  })

  it('refuse log queries', () => {
    expect(() => instant('{app="x"}')).toThrow('log queries are not supported as an instant query type, please change your query to a range query type')
  })

  it('are all that approx_topk gives', () => {
    const topk = parse(`topk(2, ${counts})`)
    if (topk.kind !== 'vector') throw new Error('not an aggregation')
    const ask = (kind: 'instant' | 'range') => {
      const plan = planQuery({ ...topk, op: 'approx_topk' }, { ...parameters, kind, startNs: START_NS, endNs: START_NS })
      const data = evaluateSharded(plan, [[blockOf(streams, { levels: false })]])
      return data.kind === 'vector' ? data.samples.map(({ value }) => value) : []
    }
    expect(ask('instant')).toEqual([2, 3])
    expect(() => ask('range')).toThrow('count min sketches are only supported on instant queries')
  })
})
