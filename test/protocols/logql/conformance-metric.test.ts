/**
 * Recorded metric queries of Loki 3.7.6 (and what paging and errors add), answered in process from parameters to JSON over a corpus cut into shards:
 * status, error text, labels, times and values, numbers to one part in a million.
 */
import { describe, expect, it } from 'vitest'
import { answerQuery } from '../../support/answer-query.ts'
import { hasCorpus, readCases, readCorpus } from '../../support/corpus.ts'
import type { RecordedCase } from '../../support/corpus.ts'

const LOG_GROUPS = new Set(['selector', 'linefilter', 'ipfilter', 'json', 'parse-odd', 'logfmt', 'pattern', 'unpack', 'metadata', 'levels', 'template', 'labelformat', 'pushread'])
/** Tenants are not the engine's business. */
const OF_TENANTS = new Set(['errors-0613', 'errors-0614'])

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: ReadonlyArray<readonly [number, string]>
}
interface Answer {
  readonly data: { readonly resultType: string; readonly result: unknown }
}

const keyOf = (labels: Readonly<Record<string, string>>): string => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))

const pointsOf = (series: unknown): Map<string, ReadonlyArray<readonly [number, string]>> =>
  new Map((series as Series[]).map((s) => [keyOf(s.metric), s.values ?? [s.value!]]))

function close(a: string, b: string): boolean {
  if (a === b) return true
  return Math.abs(Number(a) - Number(b)) <= 1e-6 * Math.max(1e-9, Math.abs(Number(a)), Math.abs(Number(b)))
}

function expectSeries(got: unknown, want: unknown): void {
  const actual = pointsOf(got)
  const wanted = pointsOf(want)
  expect([...actual.keys()].sort()).toEqual([...wanted.keys()].sort())
  for (const [key, points] of wanted) {
    const mine = actual.get(key)!
    expect(mine.map(([time]) => time), key).toEqual(points.map(([time]) => time))
    expect(mine.filter(([, value], i) => !close(value, points[i]![1])), key).toEqual([])
  }
}

type Streams = ReadonlyArray<{ readonly stream: Readonly<Record<string, string>>; readonly values: ReadonlyArray<readonly [string, string]> }>

/** Entries of a page's last time may be any of those that tie there. */
function entriesOf(streams: unknown, { params }: RecordedCase): string[] {
  const entries = (streams as Streams).flatMap(({ stream, values }) => values.map(([ns, line]) => ({ ns, text: `${ns} ${keyOf(stream)} ${line}` })))
  const times = entries.map(({ ns }) => ns).sort()
  const edge = entries.length < Number(params['limit'] ?? 100) ? '' : params['direction'] === 'forward' ? times.at(-1)! : times[0]!
  return entries.map(({ ns, text }) => (ns === edge ? ns : text)).sort()
}

function expectAnswer(one: RecordedCase, got: Answer): void {
  const want = one.expect.body as Answer
  expect(got.data.resultType).toBe(want.data.resultType)
  if (want.data.resultType === 'streams') expect(entriesOf(got.data.result, one)).toEqual(entriesOf(want.data.result, one))
  else if (want.data.resultType === 'scalar') expect(got.data.result).toEqual(want.data.result)
  else expectSeries(got.data.result, want.data.result)
}

const blocks = hasCorpus ? readCorpus(15) : []
const shards = [0, 1, 2].map((shard) => blocks.filter((_, i) => i % 3 === shard))
const cases = hasCorpus ? readCases().filter(({ id, group, path }) => /\/query(_range)?$/.test(path) && !LOG_GROUPS.has(group) && !OF_TENANTS.has(id)) : []

describe.skipIf(!hasCorpus)('recorded metric queries (needs ../shared/conformance)', () => {
  it.each(cases.map((one) => [one.id, one.params['query'], one] as const))('%s %s', (_id, _query, one) => {
    const { status, body } = one.expect
    if (status >= 400) expect(() => answerQuery(one, shards)).toThrow(expect.objectContaining({ message: body, status }))
    else expectAnswer(one, answerQuery(one, shards) as Answer)
  })

  it('shows sorted vectors in the recorded order', () => {
    for (const one of cases.filter(({ params, path }) => path.endsWith('/query') && params['query']!.startsWith('sort'))) {
      const order = (answer: unknown): string[] => ((answer as Answer).data.result as Series[]).map((s) => keyOf(s.metric))
      expect(order(answerQuery(one, shards))).toEqual(order(one.expect.body))
    }
  })
})
