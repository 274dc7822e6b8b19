import { describe, expect, it } from 'vitest'
import type { LabelFilter } from '../../../../protocols/logql/ast.ts'
import { compileLabelFilter } from '../../../../protocols/logql/stages/label-filter.ts'
import { labelsAfter, linesAfter } from '../../../support/pipeline-rows.ts'

const passes = (filter: string, line: string): boolean => linesAfter(`| logfmt ${filter}`, [line]).length === 1

describe('label filters', () => {
  it.each([
    ['| a="1"', 'a=1', true], ['| a="1"', 'a=2', false], ['| a=""', 'b=1', true], ['| a!="1"', 'b=1', true],
    ['| a=~"1.3"', 'a=123', true], ['| a=~"2.?"', 'a=123', false], ['| a!~"1.*"', 'a=123', false],
    ['| a>5', 'a=6', true], ['| a>5', 'a=5', false], ['| a>=5', 'a=5.0', true], ['| a=5', 'a=5e0', true], ['| a!=5', 'a=6', true], ['| a>5', 'b=6', false], ['| a!=5', 'b=6', false],
    ['| a<-1.5', 'a=-2', true], ['| a==16', 'a=1.6e1', true],
    ['| a>1s', 'a=1500ms', true], ['| a<=1h30m', 'a=90m', true], ['| a>1s', 'a=1m2s', true],
    ['| a>1KB', 'a=1001', true], ['| a>1KB', 'a=1KiB', true], ['| a=2MB', 'a=2mb', true],
    ['| a=ip("10.0.0.0/8")', 'a=10.1.2.3', true], ['| a!=ip("10.0.0.0/8")', 'a=10.1.2.3', false], ['| a!=ip("10.0.0.0/8")', 'b=1', false],
    ['| a="1" or b="1"', 'b=1', true], ['| a="1" and b="1"', 'b=1', false], ['| a="1", b="2"', 'a=1 b=2', true],
  ])('%s on %s: %s', (filter, line, expected) => {
    expect(passes(filter, line)).toBe(expected)
  })

  it.each([
    ['| a>5', 'a=x', 'strconv.ParseFloat: parsing "x": invalid syntax'],
    ['| a>5', 'a=1e999', 'strconv.ParseFloat: parsing "1e999": value out of range'],
    ['| a>1s', 'a=5', 'time: missing unit in duration "5"'],
    ['| a>1s', 'a=x', 'time: invalid duration "x"'],
    ['| a>1s', 'a=5parsec', 'time: unknown unit "parsec" in duration "5parsec"'],
    ['| a>1KB', 'a=5XB', 'unhandled size name: xb'],
  ])('%s on %s keeps the line with LabelFilterErr', (filter, line, details) => {
    expect(labelsAfter(`| logfmt ${filter}`, [line])[0]).toMatchObject({ __error__: 'LabelFilterErr', __error_details__: details })
  })

  it('compares only strings on a line that has an error', () => {
    const broken = '{"a":1,"b":2,"x'
    expect(labelsAfter('| json | a="2"', [broken])).toEqual([])
    expect(labelsAfter('| json | a>5', [broken])).toHaveLength(1)
    expect(labelsAfter('| json | nothere>5', [broken])).toEqual([])
    expect(labelsAfter('| json | __error__=""', [broken])).toEqual([])
    expect(labelsAfter('| json | __error__="JSONParserErr"', [broken])).toHaveLength(1)
  })

  it('looks a name up in parsed labels, metadata and stream', () => {
    const entry = { line: 'b=1', metadata: { region: 'eu' } }
    expect(linesAfter('| logfmt | b="1" | region="eu" | app="x"', [entry])).toHaveLength(1)
    expect(linesAfter('| region!="eu"', [entry])).toEqual([])
  })

  it('reads regular expressions as Loki does: a literal beside .* is searched anywhere, and so are alternatives with a common beginning', () => {
    expect(linesAfter('| logfmt | a=~"l.*"', ['a=null', 'a=xyz'])).toEqual(['a=null'])
    expect(linesAfter('| logfmt | a=~"api|apps"', ['a=myapp', 'a=xapi', 'a=apps2'])).toEqual(['a=xapi', 'a=apps2'])
    expect(linesAfter('| logfmt | a=~"info|debug"', ['a=info', 'a=info2'])).toEqual(['a=info'])
    expect(linesAfter('| logfmt | a=~"(?i)INFO"', ['a=iNfo', 'a=info2'])).toEqual(['a=iNfo'])
    expect(linesAfter('| logfmt | a=~"5.."', ['a=500', 'a=5000'])).toEqual(['a=500'])
    expect(linesAfter('| logfmt | a=~".+"', ['a=500', 'b=1'])).toEqual(['a=500'])
  })

  it('chains hundreds of comparisons, and refuses nesting that would exhaust the stack', () => {
    const many = Array.from({ length: 900 }, (_, i) => `a="${i}"`)
    expect(linesAfter(`| logfmt | ${many.join(' or ')}`, ['a=899', 'a=x'])).toEqual(['a=899'])
    const leaf: LabelFilter = { kind: 'string', matcher: { name: 'a', op: '=', value: '1' } }
    const nested = Array.from({ length: 3000 }).reduce<LabelFilter>((right, _one, i) => ({ kind: i % 2 === 0 ? 'and' : 'or', left: leaf, right }), leaf)
    expect(() => compileLabelFilter(nested)).toThrow('label filter nested deeper than 1000')
  })
})
