/** What may be skipped unseen: never more than is true. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import { compileRegex } from '../../../protocols/logql/regex.ts'
import { requiredLiterals } from '../../../protocols/logql/required-literals.ts'
import { compileScan } from '../../../protocols/logql/scan-compile.ts'
import { mayFail, scanNeeds } from '../../../protocols/logql/scan-needs.ts'
import type { ScanNeeds } from '../../../protocols/logql/scan.ts'
import { parametersOf } from '../../support/execute-local.ts'
import { drawFrom, pick } from '../../support/random-entries.ts'

const S = 1_000_000_000n
const needs = (query: string): ScanNeeds => scanNeeds(planQuery(parse(query), parametersOf({ startNs: 1000n * S, endNs: 1100n * S, stepNs: 10n * S })).scans[0]!)

/** Of ASCII alone. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

describe('literals', () => {
  it.each<[string, string[][]]>([
    ['|= "a" |= "b"', [['a'], ['b']]],
    ['|= "a" or "b"', [['a', 'b']]],
    ['!= "a" !~ "b" !> "c"', []],
    ['|= ""', []],
    ['|= ip("10.0.0.1") |= "x"', [['x']]],
    ['|~ "error|timeout"', [['error', 'timeout']]],
    ['|~ "user=.* id=.*x" or "late"', [['user=', 'late']]],
    ['|~ "(?i)Error"', [['error']]],
    ['|~ "(?i)fail(ed|ure)s?"', [['failed', 'failure']]],
    ['|~ "(?i)disk full"', [[' full']]],
    ['|~ "(?i)sk"', []],
    ['|~ "(?i)caf\u00e9 noir"', [[' noir']]],
    ['|> "<_>level=<_> msg"', [['level='], [' msg']]],
    ['| json | status = "500" |= "late"', [['late']]],
    ['| line_format "{{.x}}" |= "made"', []],
    ['| decolorize |= "made"', []],
  ])('of {app="x"} %s', (filters, literals) => {
    expect(needs(`{app="x"} ${filters}`).literals).toEqual(literals)
  })

  it('are in every text that the expression matches', () => {
    const draw = drawFrom(1)
    const pieces = ['a', 'b', 'cd', 'a*', 'b+', 'c?', '.', '(a|b)', '[ab]', 'k', 'S', '(?i)', '(?i:ak)', '|', '\\d', 'x{1,2}', '^', '\\.', '(', ')', '{2}']
    for (let i = 0; i < 3000; i++) {
      const pattern = Array.from({ length: draw(6) + 1 }, () => pick(draw, pieces)).join('')
      const literals = requiredLiterals([{ kind: 'lineFilter', op: '|~', terms: [{ ip: false, value: pattern }] }])
      let regex
      try {
        regex = compileRegex(pattern)
        regex.test('')
      } catch {
        continue
      }
      for (let j = 0; j < 20; j++) {
        const text = Array.from({ length: draw(8) }, () => pick(draw, ['a', 'b', 'B', 'c', 'd', 'x', '1', '.', 'k', 'K', '\u212a', 's', '\u017f'])).join('')
        if (!regex.test(text)) continue
        for (const any of literals) expect(any.some((literal) => lower(text).includes(lower(literal))), `${pattern} matches ${text}`).toBe(true)
      }
    }
  })
})

describe('times, columns, metadata', () => {
  it('bound the entries that can matter', () => {
    expect(needs('{app="x"}')).toMatchObject({ minNs: 1000n * S, maxNs: 1100n * S - 1n })
    expect(needs('rate({app="x"}[1m] offset 5s)')).toMatchObject({ minNs: 935n * S + 1n, maxNs: 1095n * S })
  })

  it('name the columns', () => {
    expect(needs('{app="x"}').lines).toBe(true)
    expect(needs('sum(count_over_time({app="x"}[1m]))')).toMatchObject({ lines: false, metadata: false, levels: false })
    expect(needs('sum by (a) (bytes_over_time({app="x"}[1m]))')).toMatchObject({ lines: false, metadata: true })
    expect(needs('sum(count_over_time({app="x"} |= "y" [1m]))').lines).toBe(true)
  })

  it.each([
    ['json', true], ['json | __error__=""', false], ['logfmt', false], ['logfmt --strict', true], ['logfmt | a > 5', true], ['logfmt | a="5"', false],
    ['logfmt | unwrap a', true], ['logfmt | unwrap a | __error__=""', false], ['json | __error__="" | unwrap a', true],
  ])('know that {…} | %s may fail: %s', (stages, expected) => {
    const op = stages.includes('unwrap') ? 'sum_over_time' : 'rate'
    const plan = planQuery(parse(`sum(${op}({app="x"} | ${stages} [1m]))`), parametersOf({ startNs: 1000n * S, endNs: 1100n * S, stepNs: 10n * S })).scans[0]!
    expect(mayFail(plan)).toBe(expected)
    if (expected) expect(compileScan(plan, { nowMs: 0 }).needs).toMatchObject({ metadata: true, levels: true })
  })

  it('take metadata values from filters before any parser', () => {
    expect(needs('{app="x"} | trace_id="1", user="2" | json | z="3"').metadataEquals).toEqual([['trace_id', '1'], ['user', '2']])
    expect(needs('{app="x"} | trace_id="1" or user="2" | a!="b" | detected_level="error" | c=""').metadataEquals).toEqual([])
  })
})
