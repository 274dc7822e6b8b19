/** Random queries of the whole language over random entries: an answer or a clear refusal, and the same whatever the split into blocks and shards. */
import { describe, expect, it } from 'vitest'
import { SkaldError } from '../../../runtime/errors.ts'
import type { Expr } from '../../../protocols/logql/ast.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { blockOf } from '../../support/blocks.ts'
import type { TestStream } from '../../support/blocks.ts'
import { comparable, dressed, FOUND_WORDS, type Outcome } from '../../support/comparable-answers.ts'
import { evaluateSharded, parametersOf } from '../../support/execute-local.ts'
import { drawFrom, pick, randomStreams, splitStreams } from '../../support/random-entries.ts'
import { RandomQueries } from '../../support/random-query.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const S = 1_000_000_000n
const QUERIES = 1500

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

describe('random queries', () => {
  it(`${QUERIES} of them give the same whole and sharded`, () => {
    const queries = new RandomQueries(7, FOUND_WORDS)
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
    expect(counts.found).toBeGreaterThan(QUERIES / 4)
    expect(counts.errors).toBeGreaterThan(0)
  })
})

describe('the random queries', () => {
  /** `op`s and `kind`s anywhere in a tree. */
  function kindsIn(node: unknown, into: Set<string>): void {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if ((key === 'op' || key === 'kind' || key === 'conversion' || key === 'card') && typeof value === 'string') into.add(value)
      kindsIn(value, into)
    }
  }

  it('have every construct of the language', () => {
    const queries = new RandomQueries(7, FOUND_WORDS)
    const seen = new Set<string>()
    for (let i = 0; i < QUERIES; i++) kindsIn(queries.expr(), seen)
    const wanted = [
      'log', 'range', 'vector', 'binary', 'literal', 'constant', 'labelReplace',
      '=', '!=', '=~', '!~', '|=', '|~', '|>', '!>',
      'lineFilter', 'labelFilter', 'json', 'logfmt', 'regexp', 'pattern', 'unpack', 'decolorize', 'lineFormat', 'labelFormat', 'drop', 'keep',
      'string', 'number', 'duration', 'bytes', 'ip', 'and', 'or', 'none', 'duration_seconds', 'rename', 'template',
      'rate', 'rate_counter', 'count_over_time', 'bytes_rate', 'bytes_over_time', 'absent_over_time', 'sum_over_time', 'avg_over_time', 'min_over_time', 'max_over_time',
      'stddev_over_time', 'stdvar_over_time', 'quantile_over_time', 'first_over_time', 'last_over_time',
      'sum', 'avg', 'count', 'min', 'max', 'stddev', 'stdvar', 'topk', 'bottomk', 'sort', 'sort_desc',
      '+', '-', '*', '/', '%', '^', '==', '>', '>=', '<', '<=', 'unless', 'one-to-one', 'many-to-one', 'one-to-many', 'many-to-many',
    ]
    expect(wanted.filter((kind) => !seen.has(kind))).toEqual([])
  })
})
