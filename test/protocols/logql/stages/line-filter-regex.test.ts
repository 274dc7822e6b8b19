/** Regular expressions in line filters: the same rows whether literals are searched first or not, and errors that name the operator. */
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { compilePipeline } from '../../../../protocols/logql/pipeline-compile.ts'
import { RowSelection } from '../../../../protocols/logql/row-selection.ts'
import { compileLineFilter } from '../../../../protocols/logql/stages/line-filter.ts'
import { blockOf } from '../../../support/blocks.ts'
import { randomOf } from '../../../support/random-query.ts'

const WORDS = ['GET /api/1', 'POST /api/22', 'timeout', 'Error', 'ERROR', 'conn=5', 'ab', 'é', '10.0.0.1', 'took 5ms']
const PATTERNS = ['(GET|POST) /api/\\d+', 'error|timeout', '(?i)error', 'conn=\\d$', '^GET', 'a.*\\d', 'timeout.*took', '\\bab\\b', '[^a-z]é', 'x*', '(GET|.)', '']

describe('a regular expression over a block', () => {
  const random = randomOf(3)
  const lines = Array.from({ length: 500 }, () => Array.from({ length: Math.floor(random() * 4) }, () => WORDS[Math.floor(random() * WORDS.length)] ?? '').join(' '))
  const block = blockOf([{ labels: { app: 'x' }, entries: lines.map((line, i) => ({ ns: BigInt(i), line })) }])

  it.each(PATTERNS.flatMap((a) => [[a], [a, 'took']]))('%j or %j passes the rows that RE2 passes', (...patterns) => {
    const terms = patterns.filter((p) => p !== undefined).map((value) => ({ ip: false, value }))
    for (const op of ['|~', '!~'] as const) {
      const selection = new RowSelection()
      selection.reset(0, lines.length)
      compileLineFilter({ kind: 'lineFilter', op, terms }).narrow(selection, block.lines())
      const passes = (line: string): boolean => terms.some(({ value }) => RE2JS.compile(value).test(line)) === (op === '|~')
      const rows = selection.all ? lines.map((_line, i) => i) : [...selection.rows.subarray(0, selection.count)]
      expect(rows).toEqual(lines.flatMap((line, i) => (passes(line) ? [i] : [])))
    }
  })

  it('names the operator in front of what Go says', () => {
    const compile = (): unknown => compilePipeline({ stages: [{ kind: 'lineFilter', op: '|~', terms: [{ ip: false, value: '(' }] }], unwrap: null, labelMode: { kind: 'all' }, nowMs: 0 })
    expect(compile).toThrow("parse error : stage '|~ \"(\"' : error parsing regexp: missing closing ): `(`")
  })
})
