/** Q4: one query cannot take the node down. Series, points, kept samples and lines are bounded, with errors that say what and how much. */
import { describe, expect, it } from 'vitest'
import { EntryHeap } from '../../../protocols/logql/entry-heap.ts'
import { ANSWER_CHARS_MAX, EVALUATED_VALUES_MAX, STATE_NUMBERS_MAX } from '../../../protocols/logql/limits.ts'
import { SeriesBuilder } from '../../../protocols/logql/series-builder.ts'
import { NumberBudget } from '../../../protocols/logql/window-states.ts'
import { blockOf } from '../../support/blocks.ts'
import type { TestStream } from '../../support/blocks.ts'
import { executeSharded, parametersOf } from '../../support/execute-local.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n
const LIMIT_MESSAGE =
  'maximum number of series (3) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()'

const streams: TestStream[] = Array.from({ length: 4 }, (_, i) => ({ labels: { app: 'a', pod: String(i) }, entries: [{ ns: START_NS, line: `x ${i}` }] }))
const ask = (query: string) =>
  executeSharded(query, parametersOf({ startNs: START_NS, endNs: START_NS, stepNs: S, limits: { seriesMax: 3 } }), streams.map((stream) => [blockOf([stream])]))

describe('limits of one query', () => {
  it('refuse too many series in the answer, but not below an aggregation', () => {
    expect(() => ask('count_over_time({app="a"}[1m])')).toThrow(LIMIT_MESSAGE)
    expect(() => ask('sum by (pod) (rate({app="a"}[1m])) * 2')).toThrow(LIMIT_MESSAGE)
    expect(ask('count(count_over_time({app="a"}[1m]))')).toMatchObject({ series: [{ values: Float64Array.of(4) }] })
    expect(ask('topk(2, count_over_time({app="a"}[1m]))')).toMatchObject({ kind: 'matrix' })
  })

  it('refuse too many points', () => {
    const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 20_000n * S, stepNs: S })
    expect(() => executeSharded('vector(1)', parameters, [])).toThrow('exceeded maximum resolution of 11,000 points per time series')
  })

  it('refuse more accumulators than the node can hold', () => {
    const budget = new NumberBudget()
    budget.reserve(STATE_NUMBERS_MAX)
    expect(() => budget.reserve(1)).toThrow(`the query would hold too many samples in memory (more than ${STATE_NUMBERS_MAX} numbers)`)
  })

  it('refuse more values than the node can hold', () => {
    const builder = new SeriesBuilder(11_000)
    const fill = (): void => {
      for (let i = 0; i <= EVALUATED_VALUES_MAX / 11_000; i++) builder.empty([])
    }
    expect(fill).toThrow(`more than ${EVALUATED_VALUES_MAX}`)
  })
})

describe('lines of one answer', () => {
  it('are refused before they fill the memory', () => {
    const heap = new EntryHeap(1000, 'backward')
    const line = 'x'.repeat(ANSWER_CHARS_MAX / 4)
    const push = (i: number): void => heap.push({ ns: BigInt(i), line, stream: 0, identity: String(i), arrival: i })
    for (let i = 0; i < 4; i++) push(i)
    expect(() => push(5)).toThrow(`more than ${ANSWER_CHARS_MAX} characters of lines`)
  })
})

describe('rows that failed in the pipeline', () => {
  const failing: TestStream[] = ['b', 'a'].map((pod) => ({ labels: { app: 'x', pod }, entries: [{ ns: START_NS + 5n * S, line: 'v=no' }, { ns: START_NS + 2n * S, line: pod === 'b' ? 'v=late' : 'v=1' }] }))
  const sum = (order: TestStream[]) =>
    executeSharded('sum_over_time({app="x"} | logfmt | unwrap v [10s])', parametersOf({ startNs: START_NS, endNs: START_NS + 10n * S, stepNs: 10n * S }), order.map((s) => [blockOf([s], { levels: false })]))

  it('fail a metric query with the earliest, whichever shard it is in', () => {
    const message = /^pipeline error: 'SampleExtractionErr' for series: '\{__error__="SampleExtractionErr", __error_details__="[^']*late[^']*", app="x", pod="b", v="late"\}'\.\nUse a label filter/
    expect(() => sum(failing)).toThrow(message)
    expect(() => sum(failing.toReversed())).toThrow(message)
  })

  it('do not matter outside every window', () => {
    const query = 'sum_over_time({app="x"} | logfmt | unwrap v [1s])'
    const data = executeSharded(query, parametersOf({ startNs: START_NS, endNs: START_NS + 10n * S, stepNs: 10n * S }), failing.map((s) => [blockOf([s], { levels: false })]))
    expect(data).toMatchObject({ kind: 'matrix', series: [] })
  })
})
