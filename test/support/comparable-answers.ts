/** Random entries worth querying, and answers in a form in which two ways to get them can be compared. For property tests of the engine. */
import type { QueryData } from '../../protocols/logql/query-data.ts'
import type { TestStream } from './blocks.ts'
import { pick, type Draw } from './random-entries.ts'
import type { QueryWords } from './random-query.ts'

/** Names and words that occur in `dressed` entries. */
export const FOUND_WORDS: QueryWords = {
  names: ['app', 'pod', 'kind', 'v', 'level', 'n'],
  values: ['app-1', 'pod-2', '', 'a', '5', 'info', '.+'],
  words: ['line', '1', 'level=', 'n=', '{'],
  anchor: { name: 'app', op: '=~', value: 'app-.*' },
}

/** Plain, logfmt and JSON lines, broken ones among them. */
export function dressed(draw: Draw, streams: ReadonlyArray<TestStream>): TestStream[] {
  return streams.map(({ labels, entries }) => ({
    labels,
    entries: entries.map((entry) => {
      const n = draw(50)
      const line = pick(draw, [entry.line, `level=info n=${n} id="${entry.line}"`, JSON.stringify({ level: 'warn', n, id: entry.line }), `{"n": ${n}, "id": "${entry.line}`])
      return { ...entry, line }
    }),
  }))
}

export type Outcome = { readonly data: QueryData } | { readonly error: string }

/** Values to nine digits: sums depend on their order in the last ones. */
export function comparable(result: Outcome): unknown {
  if ('error' in result) return result
  const { data } = result
  const number = (value: number): string => (Number.isFinite(value) ? value.toPrecision(9) : String(value))
  if (data.kind === 'streams') return data.entries.map(({ ns, line, stream }) => JSON.stringify([ns, line, data.streams[stream]])).sort()
  if (data.kind === 'matrix') return data.series.map((s) => [s.labels, [...s.values].map((v, k) => (s.present[k] === 1 ? number(v) : null))])
  if (data.kind === 'vector') return data.samples.map(({ labels, value }) => JSON.stringify([labels, number(value)])).sort()
  return data.value
}
