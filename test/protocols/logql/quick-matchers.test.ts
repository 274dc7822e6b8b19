import { describe, expect, it } from 'vitest'
import type { Matcher } from '../../../protocols/logql/ast.ts'
import { compileMatchers } from '../../../protocols/logql/matchers.ts'
import { quickMatchers, quickMatcherSets } from '../../../protocols/logql/quick-matchers.ts'
import { labelsOf } from '../../support/blocks.ts'

const matcher = (name: string, op: Matcher['op'], value: string): Matcher => ({ name, op, value })
const SLOW = matcher('a', '=~', '(x+x+)+y')
const streams = ['', 'x', 'xx', 'xxy', 'web', 'web-1'].flatMap((a) => ['', '1'].map((b) => labelsOf({ a, b })))

describe('matchers for the event loop', () => {
  it.each([
    ['=', [matcher('a', '=', 'web')], true],
    ['!=', [matcher('a', '!=', 'web')], true],
    ['a list', [matcher('a', '=~', 'web|x'), matcher('b', '!~', '1|2')], true],
    ['a prefix', [matcher('a', '=~', 'web.*')], true],
    ['what only an automaton runs in linear time', [SLOW, matcher('b', '=', '1')], false],
    ['a long list', [matcher('a', '=~', 'x|'.repeat(2000))], false],
    ['a large expression', [matcher('a', '=~', '((x{10}){10}){9}')], false],
    ['many', Array.from({ length: 100 }, () => matcher('a', '=~', 'x.*')), false],
  ])('leave no stream out: %s', (_what, matchers, exact) => {
    const quick = quickMatchers(matchers)
    const all = compileMatchers(matchers)
    expect(quick.exact).toBe(exact)
    for (const labels of streams) {
      if (all(labels)) expect(quick.accepts(labels)).toBe(true)
      if (exact) expect(quick.accepts(labels)).toBe(all(labels))
    }
  })

  it('are still asked beside one that is not', () => {
    expect(quickMatchers([SLOW, matcher('b', '=', '1')]).accepts(labelsOf({ a: 'xxy', b: '2' }))).toBe(false)
  })

  it('take a stream that one of several sets takes; all of them without a set', () => {
    const sets = quickMatcherSets([[matcher('a', '=', 'web')], [matcher('b', '=', '1')]])
    expect(sets).toMatchObject({ exact: true })
    expect(streams.filter(sets.accepts)).toEqual(streams.filter((labels) => labels.some(([name, value]) => (name === 'a' && value === 'web') || (name === 'b' && value === '1'))))
    expect(streams.every(quickMatcherSets([]).accepts)).toBe(true)
    expect(quickMatcherSets(Array.from({ length: 50 }, () => [matcher('a', '=', 'none')])).exact).toBe(false)
  })
})
