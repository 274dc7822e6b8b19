/** Random queries of the whole language over random entries: an answer or a clear refusal, and the same whatever the split into blocks and shards. */
import { describe, expect, it } from 'vitest'
import { SkaldError } from '../../../runtime/errors.ts'
import type { Expr } from '../../../protocols/logql/ast.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { QueryData } from '../../../protocols/logql/query-data.ts'
import { blockOf } from '../../support/blocks.ts'
import type { TestStream } from '../../support/blocks.ts'
import { evaluateSharded, parametersOf } from '../../support/execute-local.ts'
import { drawFrom, pick, randomStreams, splitStreams } from '../../support/random-entries.ts'
import type { Draw } from '../../support/random-entries.ts'
import { RandomQueries } from '../../support/random-query.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n
const QUERIES = 1500
const WORDS = { names: ['app', 'pod', 'kind', 'v', 'level', 'n'], values: ['app-1', 'pod-2', '', 'a', '5', 'info', '.+'], words: ['line', '1', 'level=', 'n=', '{'] }

/** Plain, logfmt and JSON lines, broken ones among them. */
function dressed(draw: Draw, streams: ReadonlyArray<TestStream>): TestStream[] {
  return streams.map(({ labels, entries }) => ({
    labels,
    entries: entries.map((entry) => {
      const n = draw(50)
      const line = pick(draw, [entry.line, `level=info n=${n} id="${entry.line}"`, JSON.stringify({ level: 'warn', n, id: entry.line }), `{"n": ${n}, "id": "${entry.line}`])
      return { ...entry, line }
    }),
  }))
}

type Outcome = { readonly data: QueryData } | { readonly error: string }

function outcome(expr: Expr, shards: ReadonlyArray<ReadonlyArray<TestStream>>, direction: 'forward' | 'backward', kind: 'range' | 'instant'): Outcome {
  const range = kind === 'range' ? { startNs: START_NS, stepNs: 20n * S } : { startNs: START_NS + 200n * S, stepNs: 0n }
  try {
    const plan = planQuery(expr, parametersOf({ ...range, kind, endNs: START_NS + 200n * S, limit: 1000, direction }))
    return { data: evaluateSharded(plan, shards.map((streams) => streams.map((stream) => blockOf([stream])))) }
  } catch (error) {
    if (error instanceof SkaldError && error.status === 400) return { error: error.message }
    throw error
  }
}

/** Values to nine digits: sums depend on their order in the last ones. */
function comparable(result: Outcome): unknown {
  if ('error' in result) return result
  const { data } = result
  const number = (value: number): string => (Number.isFinite(value) ? value.toPrecision(9) : String(value))
  if (data.kind === 'streams') return data.entries.map(({ ns, line, stream }) => JSON.stringify([ns, line, data.streams[stream]])).sort()
  if (data.kind === 'matrix') return data.series.map((s) => [s.labels, [...s.values].map((v, k) => (s.present[k] === 1 ? number(v) : null))])
  if (data.kind === 'vector') return data.samples.map(({ labels, value }) => JSON.stringify([labels, number(value)])).sort()
  return data.value
}

describe('random queries', () => {
  it(`${QUERIES} of them give the same whole and sharded`, () => {
    const queries = new RandomQueries(7, WORDS)
    const counts = { answers: 0, found: 0, errors: 0 }
    for (let i = 0; i < QUERIES; i++) {
      const draw = drawFrom(i)
      const expr = queries.expr()
      const streams = dressed(draw, randomStreams(draw, { startNs: START_NS, seconds: 220, streams: 5, rows: 20 }))
      const [direction, kind] = [pick(draw, ['forward', 'backward'] as const), pick(draw, ['range', 'range', 'instant'] as const)]
      const whole = comparable(outcome(expr, [streams], direction, kind))
      const sharded = comparable(outcome(expr, splitStreams(draw, streams, 4), direction, kind))
      expect(sharded, JSON.stringify(expr)).toEqual(whole)
      if (Array.isArray(whole)) counts.answers++
      if (Array.isArray(whole) && whole.length > 0) counts.found++
      if (typeof whole === 'object' && whole !== null && 'error' in whole) counts.errors++
    }
    expect(counts.found).toBeGreaterThan(QUERIES / 20)
    expect(counts.errors).toBeGreaterThan(0)
  }, 60_000)
})
