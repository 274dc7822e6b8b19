/** Every range operator: against the plain reference, however the rows are split, with windows that tumble, slide and leave gaps. */
import { describe, expect, it } from 'vitest'
import type { RangeOp } from '../../../protocols/logql/ast.ts'
import { labelKey } from '../../../protocols/logql/label-set.ts'
import type { Series } from '../../../protocols/logql/query-data.ts'
import { blockOf, labelsOf } from '../../support/blocks.ts'
import type { TestEntry, TestStream } from '../../support/blocks.ts'
import { executeSharded, parametersOf } from '../../support/execute-local.ts'
import { naiveValue } from '../../support/naive-metric.ts'
import { drawFrom, pick, randomStreams, splitStreams } from '../../support/random-entries.ts'
import type { Draw } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const LINES: ReadonlyArray<RangeOp> = ['rate', 'count_over_time', 'bytes_rate', 'bytes_over_time']
const SAMPLES: ReadonlyArray<RangeOp> = [
  'rate', 'rate_counter', 'sum_over_time', 'avg_over_time', 'min_over_time', 'max_over_time', 'stddev_over_time', 'stdvar_over_time', 'quantile_over_time', 'first_over_time', 'last_over_time',
]

interface Case {
  readonly op: RangeOp
  readonly unwrap: string
  readonly rangeS: number
  readonly offsetS: number
  readonly stepS: number
}

function randomCase(draw: Draw, op: RangeOp, unwrap: string): Case {
  const stepS = pick(draw, [1, 7, 10, 60])
  return { op, unwrap, stepS, rangeS: pick(draw, [1, 3, 10, 20, 35, 60, 600]), offsetS: pick(draw, [0, 0, 13, -5]) }
}

function queryOf({ op, unwrap, rangeS, offsetS }: Case): string {
  const range = `[${rangeS}s]${offsetS === 0 ? '' : ` offset ${offsetS}s`}`
  const parameter = op === 'quantile_over_time' ? '0.9, ' : ''
  return unwrap === '' ? `${op}({app=~"app-.*"} ${range})` : `${op}(${parameter}{app=~"app-.*"} | unwrap ${unwrap} ${range})`
}

/** Series as the engine shows them: stream and metadata, less the unwrapped label. */
function seriesOf(streams: ReadonlyArray<TestStream>, unwrap: string): Map<string, TestEntry[]> {
  const series = new Map<string, TestEntry[]>()
  for (const { labels, entries } of streams) {
    for (const entry of entries) {
      const { [unwrap]: _, ...metadata } = entry.metadata ?? {}
      const key = labelKey(labelsOf({ ...labels, ...metadata }))
      series.set(key, [...(series.get(key) ?? []), entry])
    }
  }
  return series
}

/** What differs from the reference, as text. */
function differences(actual: ReadonlyArray<Series>, c: Case, streams: ReadonlyArray<TestStream>, gridStartNs: bigint): string[] {
  const byKey = new Map(actual.map((s) => [labelKey(s.labels), s]))
  const window = { op: c.op, unwrap: c.unwrap, parameter: 0.9, rangeNs: BigInt(c.rangeS) * 1_000_000_000n, offsetNs: BigInt(c.offsetS) * 1_000_000_000n }
  const found: string[] = []
  for (const [key, entries] of seriesOf(streams, c.unwrap)) {
    const series = byKey.get(key)
    for (let k = 0; k < (actual[0]?.values.length ?? 0); k++) {
      const want = naiveValue(window, entries, gridStartNs + BigInt(k * c.stepS) * 1_000_000_000n)
      const got = series?.present[k] === 1 ? series.values[k]! : null
      const same = want === null || got === null ? want === got : c.op === 'rate_counter' ? isStretched(got, want) : isClose(got, want)
      if (!same) found.push(`${queryOf(c)} ${key} at ${k}: want ${want}, got ${got}`)
    }
  }
  return found
}

const isClose = (a: number, b: number): boolean => Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
/** NaN: two samples of one time. */
const isStretched = (actual: number, increase: number): boolean => Number.isNaN(actual) || (actual >= increase - 1e-9 && actual <= increase * 1.01 + 1e-9)

function run(c: Case, seed: number): void {
  const draw = drawFrom(seed)
  const streams = randomStreams(draw, { startNs: START_NS, seconds: 300, streams: 5, rows: 60 })
  const parameters = parametersOf({ startNs: START_NS - 30_000_000_000n, endNs: START_NS + 330_000_000_000n, stepNs: BigInt(c.stepS) * 1_000_000_000n })
  const whole = executeSharded(queryOf(c), parameters, [[blockOf(streams, { levels: false })]])
  const parts = splitStreams(draw, streams, 5).map((part) => [blockOf(part, { levels: false })])
  const sharded = executeSharded(queryOf(c), parameters, parts)
  if (whole.kind !== 'matrix' || sharded.kind !== 'matrix') throw new Error('not a matrix')
  expect(differences(whole.series, c, streams, whole.grid.startNs)).toEqual([])
  expect(sharded.series.map((s) => s.labels)).toEqual(whole.series.map((s) => s.labels))
  for (const [i, series] of sharded.series.entries()) {
    expect(series.present).toEqual(whole.series[i]!.present)
    const other = whole.series[i]!.values
    expect([...series.values].filter((value, k) => !isClose(value, other[k]!))).toEqual([])
  }
}

describe('range operators', () => {
  for (const op of LINES) {
    it(`${op} of lines is what the reference says, whole and sharded`, () => {
      for (let seed = 1; seed <= 12; seed++) run(randomCase(drawFrom(seed * 7919), op, ''), seed)
    })
  }
  for (const op of SAMPLES) {
    it(`${op} of unwrapped samples is what the reference says, whole and sharded`, () => {
      for (let seed = 1; seed <= 12; seed++) run(randomCase(drawFrom(seed * 104_729), op, 'v'), seed)
    })
  }

  it('absent_over_time is 1 where no series has a row, with the labels that `=` fixes', () => {
    const streams = [{ labels: { app: 'a' }, entries: [{ ns: START_NS + 20_000_000_000n, line: 'x' }] }]
    const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 40_000_000_000n, stepNs: 10_000_000_000n })
    const data = executeSharded('absent_over_time({app="a", pod=~".*"}[10s])', parameters, [[blockOf(streams)]])
    if (data.kind !== 'matrix') throw new Error('not a matrix')
    expect(data.series.map((s) => s.labels)).toEqual([[['app', 'a']]])
    expect([...data.series[0]!.present]).toEqual([1, 1, 0, 1, 1])
  })
})
