/** JSON lines that are sampled by columns give what they give one by one, however odd the lines among them are. */
import { describe, expect, it } from 'vitest'
import { SkaldError } from '../../../runtime/errors.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { EntryBlock } from '../../../protocols/model.ts'
import { blockOf, type TestEntry, type TestStream } from '../../support/blocks.ts'
import { evaluateSharded, parametersOf, scanBlocks } from '../../support/execute-local.ts'
import { drawFrom, pick, type Draw } from '../../support/random-entries.ts'

const S = 1_000_000_000n
const START_NS = 1_700_000_000n * S
const MS = 1_000_000n

const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 60n * S, stepNs: 5n * S, limits: { seriesMax: 100_000, alignsToStep: false } })

function object(draw: Draw): Record<string, unknown> {
  return { level: pick(draw, ['info', 'warn']), msg: pick(draw, ['', 'request served']), method: pick(draw, ['GET', 'POST', '']), status: pick(draw, [200, 404, 500]), took: draw(2000) / 8, host: 'of the line', id: draw(5), ...(draw(2) === 0 ? {} : { user: { id: draw(9) } }) }
}

/** `odd` in a hundred are not like the others. */
function line(draw: Draw, odd: number): string {
  const all = object(draw)
  const text = JSON.stringify(all)
  if (draw(100) >= odd) return text
  const { took: _, ...rest } = all
  return pick<() => string>(draw, [
    () => JSON.stringify(rest),
    () => JSON.stringify({ ...rest, took: '' }),
    () => JSON.stringify({ ...rest, took: '17.25' }),
    () => JSON.stringify({ took: 1e-9, ...rest }),
    () => JSON.stringify(Object.fromEntries(Object.entries(all).toReversed())),
    () => JSON.stringify(all, null, 1),
    () => text.replace('"GET"', '"G\\u0045T"'),
    () => text.replace('"method"', '"status"'),
    () => text.replace('"level"', '"le.vel":1,"le_vel"'),
  ])()
}

function streamsOf(seed: number, odd: number, over: (draw: Draw, entry: TestEntry) => TestEntry = (_, entry) => entry): TestStream[] {
  const draw = drawFrom(seed)
  const entries = (host: string): TestEntry[] => Array.from({ length: 400 }, (_, i) => over(draw, { ns: START_NS + BigInt(i) * 150n * MS, line: line(draw, odd), level: host }))
  return [{ labels: { app: 'x', host: 'h1' }, entries: entries('info') }, { labels: { app: 'x', host: 'h2', method: 'of the stream' }, entries: entries('warn') }]
}

const oneByOne = (streams: ReadonlyArray<TestStream>): EntryBlock[] => streams.flatMap(({ labels, entries }) => entries.map((entry) => blockOf([{ labels, entries: [entry] }])))

function outcome(query: string, blocks: ReadonlyArray<EntryBlock>): unknown {
  const plan = planQuery(parse(query), parameters)
  try {
    const data = evaluateSharded(plan, [blocks])
    return { data, stats: plan.scans.map((scan) => scanBlocks(scan, blocks).stats) }
  } catch (error) {
    if (error instanceof SkaldError) return error.message
    throw error
  }
}

const QUERIES = [
  'quantile_over_time(0.9, {app="x"} | json | unwrap took [5s]) by (method)',
  'quantile_over_time(0.9, {app="x"} | json | unwrap took [5s]) by (host, level)',
  'sum by (status) (rate({app="x"} | json | status>=400 [5s]))',
  'sum by (method, status) (count_over_time({app="x"} | json | method!="GET" or status="200" [2s]))',
  'sum by (level) (count_over_time({app="x"} | json | host="h1" | id=~"[0-2]" [5s]))',
  'sum by (method) (bytes_over_time({app="x"} | json | status!=404 [7s]))',
  'sum by (none) (count_over_time({app="x"} | json | none="" [5s]))',
  'sum by (le_vel) (count_over_time({app="x"} | json [5s]))',
  'sum by (user_id, method) (count_over_time({app="x"} | json [5s]))',
  'sum by (host_extracted) (count_over_time({app="x"} | json [5s]))',
  'sum by (detected_level, status) (count_over_time({app="x"} | json [5s]))',
  'sum by (took) (count_over_time({app="x"} | json | took > 100 [5s]))',
  'max_over_time({app="x"} | json | status>200 | unwrap took [5s]) by (status)',
  'sum by (method) (count_over_time({app="x"} | json | msg>5 [5s]))',
  'avg_over_time({app="x"} | json | unwrap msg [5s]) by (method)',
  'sum by (method) (count_over_time({app="x"} | json | msg>5 | __error__="" [5s]))',
  'first_over_time({app="x"} | json | unwrap id [5s]) by (method)',
]

describe('JSON lines by columns', () => {
  it.each(QUERIES)('say what they say one by one: %s', (query) => {
    for (const odd of [0, 3, 50]) {
      const streams = streamsOf(odd, odd)
      expect(outcome(query, [blockOf(streams)])).toEqual(outcome(query, oneByOne(streams)))
    }
  })

  it.each(QUERIES.slice(0, 6))('step aside for structured metadata: %s', (query) => {
    const streams = streamsOf(5, 3, (draw, entry) => (draw(3) === 0 ? { ...entry, metadata: { method: 'of the row', status: '9' } } : entry))
    expect(outcome(query, [blockOf(streams)])).toEqual(outcome(query, oneByOne(streams)))
  })

  it('are taken one by one where no two are alike', () => {
    const entries = Array.from({ length: 30_000 }, (_, i): TestEntry => ({ ns: START_NS + BigInt(i) * MS, line: `{"a":${i},"b":"${i % 7}"}` }))
    const plan = planQuery(parse('sum(count_over_time({app="x"} | json | a>=0 | b!="3" [60s]))'), parametersOf({ startNs: START_NS + 60n * S, endNs: START_NS + 60n * S }))
    const data = evaluateSharded(plan, [[blockOf([{ labels: { app: 'x' }, entries }])]])
    expect(data).toMatchObject({ series: [{ values: Float64Array.of(30_000 - entries.filter((_, i) => i % 7 === 3).length - 1) }] })
  })
})
