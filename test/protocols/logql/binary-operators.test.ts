/** Binary operators: arithmetic, comparisons, sets, matching and its errors, label_replace; each answer as a user would write it down. */
import { describe, expect, it } from 'vitest'
import { blockOf } from '../../support/blocks.ts'
import type { TestStream } from '../../support/blocks.ts'
import { executeSharded, parametersOf } from '../../support/execute-local.ts'

const NOW_NS = 1_700_000_000n * 1_000_000_000n

const stream = (labels: Record<string, string>, rows: number): TestStream => ({
  labels,
  entries: Array.from({ length: rows }, (_, i) => ({ ns: NOW_NS - BigInt(i), line: `${JSON.stringify(labels)} ${i}` })),
})

const BLOCK = blockOf(
  [
    stream({ app: 'a', env: 'dev', pod: '1' }, 2), stream({ app: 'a', env: 'dev', pod: '2' }, 3), stream({ app: 'a', env: 'prod', pod: '1' }, 4),
    stream({ app: 'b', env: 'dev' }, 10), stream({ app: 'b', env: 'test' }, 7),
  ],
  { levels: false },
)

/** Labels without their quotes, and values. */
function ask(query: string): Record<string, number> {
  const data = executeSharded(query, parametersOf({ kind: 'instant', startNs: NOW_NS, endNs: NOW_NS, stepNs: 0n }), [[BLOCK]])
  if (data.kind === 'scalar') return { scalar: data.value }
  if (data.kind !== 'vector') throw new Error('not a vector')
  return Object.fromEntries(data.samples.map(({ labels, value }) => [labels.map(([n, v]) => `${n}=${v}`).join(','), value]))
}

const A = 'sum by (env, pod) (count_over_time({app="a"}[1m]))'
const A_ENV = 'sum by (env) (count_over_time({app="a"}[1m]))'
const B_ENV = 'sum by (env) (count_over_time({app="b"}[1m]))'

describe('vector and number', () => {
  it.each<[string, Record<string, number>]>([
    [`${A_ENV} * 2`, { 'env=dev': 10, 'env=prod': 8 }],
    [`10 - ${A_ENV}`, { 'env=dev': 5, 'env=prod': 6 }],
    [`${A_ENV} / 0`, { 'env=dev': NaN, 'env=prod': NaN }],
    [`${A_ENV} % 3`, { 'env=dev': 2, 'env=prod': 1 }],
    [`2 ^ ${A_ENV}`, { 'env=dev': 32, 'env=prod': 16 }],
    [`${A_ENV} > 4`, { 'env=dev': 5 }],
    [`4 < ${A_ENV}`, { 'env=dev': 5 }],
    [`${A_ENV} > bool 4`, { 'env=dev': 1, 'env=prod': 0 }],
    [`5 == bool ${A_ENV}`, { 'env=dev': 1, 'env=prod': 0 }],
    [`${A_ENV} != 5`, { 'env=prod': 4 }],
    ['vector(3) + 1', { '': 4 }],
    ['1 + 2 * 3', { scalar: 7 }],
    ['1 > 2', { scalar: 0 }],
  ])('%s', (query, want) => {
    expect(ask(query)).toEqual(want)
  })
})

describe('vector and vector', () => {
  it.each<[string, Record<string, number>]>([
    [`${A_ENV} + ${B_ENV}`, { 'env=dev': 15 }],
    [`${A_ENV} < ${B_ENV}`, { 'env=dev': 5 }],
    [`${A_ENV} > bool ${B_ENV}`, { 'env=dev': 0 }],
    [`${A} / on (env) group_left ${A_ENV}`, { 'env=dev,pod=1': 0.4, 'env=dev,pod=2': 0.6, 'env=prod,pod=1': 1 }],
    [`${A_ENV} * on (env) group_right ${A}`, { 'env=dev,pod=1': 10, 'env=dev,pod=2': 15, 'env=prod,pod=1': 16 }],
    [`${A} - ignoring (pod) group_left ${A_ENV}`, { 'env=dev,pod=1': -3, 'env=dev,pod=2': -2, 'env=prod,pod=1': 0 }],
    [`sum by (pod) (count_over_time({app="a", env="prod"}[1m])) * on () group_left (env) sum by (env) (count_over_time({app="b", env="test"}[1m]))`, { 'env=test,pod=1': 28 }],
    [`sum by (env, pod) (count_over_time({app="a", env="prod"}[1m])) / on (pod) sum by (env, pod) (count_over_time({app="a", env="prod"}[1m]))`, { 'pod=1': 1 }],
    [`sum by (env, pod) (count_over_time({app="a", env="prod"}[1m])) / ignoring (pod) ${A_ENV}`, { 'env=prod': 1 }],
  ])('%s', (query, want) => {
    expect(ask(query)).toEqual(want)
  })

  it.each([
    [`${A_ENV} / on () ${A}`, 'found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side'],
    [`${A} / on () group_right ${A_ENV}`, 'found duplicate series on the left hand-side;many-to-many matching not allowed: matching labels must be unique on one side'],
    [`${A} / on (env) ${A_ENV}`, 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'],
    [`${A} / on (env) group_left (pod) ${A_ENV}`, 'multiple matches for labels: grouping labels must ensure unique matches'],
  ])('%s fails', (query, message) => {
    expect(() => ask(query)).toThrow(message)
  })
})

describe('sets', () => {
  it.each<[string, Record<string, number>]>([
    [`${A_ENV} and ${B_ENV}`, { 'env=dev': 5 }],
    [`${A_ENV} unless ${B_ENV}`, { 'env=prod': 4 }],
    [`${A_ENV} or ${B_ENV}`, { 'env=dev': 5, 'env=prod': 4, 'env=test': 7 }],
    [`${A} and on (env) ${B_ENV}`, { 'env=dev,pod=1': 2, 'env=dev,pod=2': 3 }],
    [`${B_ENV} unless on (env) ${A}`, { 'env=test': 7 }],
    [`sum(count_over_time({app="none"}[1m])) or vector(0)`, { '': 0 }],
  ])('%s', (query, want) => {
    expect(ask(query)).toEqual(want)
  })
})

describe('label_replace', () => {
  const replace = (args: string): Record<string, number> => ask(`label_replace(${A_ENV}, ${args})`)

  it.each<[string, Record<string, number>]>([
    ['"x", "$1-$1", "env", "(d)ev"', { 'env=dev,x=d-d': 5, 'env=prod': 4 }],
    ['"x", "${first}$$", "env", "(?P<first>.).*"', { 'env=dev,x=d$': 5, 'env=prod,x=p$': 4 }],
    ['"x", "$1x", "env", "(.).*"', { 'env=dev': 5, 'env=prod': 4 }],
    ['"env", "", "env", "dev"', { '': 5, 'env=prod': 4 }],
    ['"x", "all", "none", ""', { 'env=dev,x=all': 5, 'env=prod,x=all': 4 }],
    ['"x", "part", "env", "de"', { 'env=dev': 5, 'env=prod': 4 }],
  ])('%s', (args, want) => {
    expect(replace(args)).toEqual(want)
  })
})
