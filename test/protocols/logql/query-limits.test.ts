/** A tenant's query limits, in Loki's words. */
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { Limits } from '../../../protocols/limits.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { checkQueryLimits, fnv32 } from '../../../protocols/logql/query-limits.ts'

const HOUR_NS = 3_600_000_000_000n
const NOW_NS = 1_793_500_000_000_000_000n

function check(text: string, limits: Partial<Limits>, over: { hours?: number; limit?: number } = {}): { startNs: bigint; endNs: bigint } | null {
  const startNs = NOW_NS - BigInt(Math.round((over.hours ?? 1) * 3600)) * 1_000_000_000n
  return checkQueryLimits({ text, expr: parse(text), startNs, endNs: NOW_NS, limit: over.limit ?? 100 }, { ...LIMIT_DEFAULTS, ...limits }, NOW_NS)
}

describe('query limits', () => {
  it('lets an ordinary query through', () => {
    expect(check('{app="x"} |= "y"', {})).toEqual({ startNs: NOW_NS - HOUR_NS, endNs: NOW_NS })
  })

  it('refuses too many entries of a log query only', () => {
    expect(() => check('{app="x"}', {}, { limit: 5001 })).toThrow('max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)')
    check('rate({app="x"}[1m])', {}, { limit: 5001 })
  })

  it('refuses too long a time range', () => {
    expect(() => check('{app="x"}', {}, { hours: 722.5 })).toThrow('the query time range exceeds the limit (query length: 722h30m0s, limit: 30d1h)')
  })

  it('clamps to the lookback, and finds nothing before it', () => {
    expect(check('{app="x"}', { max_query_lookback: 1_800_000 })).toEqual({ startNs: NOW_NS - HOUR_NS / 2n, endNs: NOW_NS })
    const past = { text: '', expr: parse('{app="x"}'), startNs: 0n, endNs: 1n, limit: 1 }
    expect(checkQueryLimits(past, { ...LIMIT_DEFAULTS, max_query_lookback: 1000 }, NOW_NS)).toBeNull()
  })

  it('refuses too long a [range]', () => {
    expect(() => check('sum(rate({app="x"}[2h])) / 2', { max_query_range: 3_600_000 })).toThrow('[interval] value exceeds limit: [2h] > [1h]')
  })

  it('refuses selectors that do not say enough, or too much', () => {
    expect(() => check('{app="x"}', { required_labels: ['env'] })).toThrow('stream selector is missing required matchers [env], labels present in the query were [app]')
    expect(() => check('{app="x"}', { minimum_labels_number: 2 })).toThrow(
      'stream selector has less label matchers than required: (present: [app], number_present: 1, required_number_label_matchers: 2)',
    )
    expect(() => check('{app="x", env="y"}', { max_streams_matchers_per_query: 1 })).toThrow('max streams matchers per query exceeded, matchers-count > limit (2 > 1)')
  })

  it('refuses blocked queries, by text, expression, type and hash', () => {
    const rule = { pattern: '', regex: false, types: [], hash: 0, tags: {} }
    const blocked = (over: Partial<Limits['blocked_queries'][number]>): Partial<Limits> => ({ blocked_queries: [{ ...rule, ...over }] })
    const query = '{app="x"} |= "y"'
    expect(() => check(query, blocked({ pattern: query }))).toThrow('query blocked by policy')
    expect(() => check(query, blocked({ pattern: '.*app.*', regex: true }))).toThrow('query blocked by policy')
    expect(() => check(query, blocked({ types: ['filter'] }))).toThrow('query blocked by policy')
    expect(() => check(query, blocked({ hash: fnv32(query) }))).toThrow('query blocked by policy')
    check(query, blocked({ types: ['metric', 'limited'] }))
    check(query, blocked({ pattern: 'other' }))
  })

  it('tells a tenant whose queries are off', () => {
    expect(() => check('{app="x"}', { max_query_parallelism: 0 })).toThrow('querying is disabled, please contact your Loki operator')
  })
})
