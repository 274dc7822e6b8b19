/** Recorded log queries of Loki 3.7.6, answered in process: parser, pipeline and log scan over the corpus, compared as the replayer compares. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { evaluateSharded, parametersOf } from '../../support/execute-local.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { StreamsData } from '../../../protocols/logql/query-data.ts'
import { hasCorpus, readCases, readCorpus, type RecordedCase } from '../../support/corpus.ts'

const GROUPS = ['selector', 'linefilter', 'ipfilter', 'json', 'parse-odd', 'logfmt', 'pattern', 'unpack', 'metadata', 'levels', 'template', 'labelformat']

type Recorded = ReadonlyArray<{ readonly stream: Readonly<Record<string, string>>; readonly values: ReadonlyArray<readonly unknown[]> }>

interface Entry {
  readonly ns: string
  readonly text: string
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)])) : value

const wantedEntries = (recorded: Recorded): Entry[] =>
  recorded.flatMap(({ stream, values }) => values.map(([ns, line, extra]) => ({ ns: String(ns), text: JSON.stringify([sorted(stream), line, extra === undefined ? {} : sorted(extra)]) })))

function gotEntries({ entries, streams }: StreamsData, categorized: boolean): Entry[] {
  return entries.map(({ ns, line, stream }) => {
    const { stream: own, metadata, parsed } = streams[stream]!
    const extra = { ...(metadata.length > 0 ? { structuredMetadata: Object.fromEntries(metadata) } : {}), ...(parsed.length > 0 ? { parsed: Object.fromEntries(parsed) } : {}) }
    const labels = Object.fromEntries(categorized ? own : [...own, ...metadata, ...parsed])
    return { ns, text: JSON.stringify([sorted(labels), line, categorized ? sorted(extra) : {}]) }
  })
}

/** Where a full page ends among entries of equal time, any of them will do. */
function comparable(entries: ReadonlyArray<Entry>, edge: string | null): string[] {
  return entries.map(({ ns, text }) => (ns === edge ? ns : `${ns} ${text}`)).sort()
}

function answer({ params, headers }: RecordedCase): Entry[] {
  const parameters = parametersOf({
    startNs: BigInt(params['start']!), endNs: BigInt(params['end']!), limit: Number(params['limit'] ?? 100), direction: params['direction'] === 'forward' ? 'forward' : 'backward',
  })
  const data = evaluateSharded(planQuery(parse(params['query']!), parameters), [blocks])
  if (data.kind !== 'streams') throw new Error(`a log query answered ${data.kind}`)
  return gotEntries(data, headers?.['X-Loki-Response-Encoding-Flags'] === 'categorize-labels')
}

const blocks = hasCorpus ? readCorpus() : []
const cases = hasCorpus ? readCases().filter(({ group, path }) => GROUPS.includes(group) && path.endsWith('/query_range')) : []

describe.skipIf(!hasCorpus)('recorded log queries (needs ../shared/conformance)', () => {
  it.each(cases.map((one) => [one.id, one.params['query'], one] as const))('%s %s', (_id, _query, one) => {
    const { status, body } = one.expect
    if (status >= 400) {
      expect(() => answer(one)).toThrow(expect.objectContaining({ message: body, status }))
      return
    }
    const want = wantedEntries((body as { data: { result: Recorded } }).data.result)
    const got = answer(one)
    const limit = Number(one.params['limit'] ?? 100)
    const forward = one.params['direction'] === 'forward'
    const times = want.map(({ ns }) => BigInt(ns)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    const edge = want.length >= limit ? String(forward ? times.at(-1) : times[0]) : null
    expect(comparable(got, edge)).toEqual(comparable(want, edge))
  })
})
