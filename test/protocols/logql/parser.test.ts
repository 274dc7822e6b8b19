/** The parser: trees, the words of its errors, and precedence (facts: loki-facts 2.1-2.3). */
import { describe, expect, it } from 'vitest'
import type { Expr, LabelFilter } from '../../../protocols/logql/ast.ts'
import { parse, parseLogQuery, parseMatchers } from '../../../protocols/logql/parser.ts'

const errorOf = (text: string, read: (text: string) => unknown = parse): string => {
  try {
    read(text)
    return 'no error'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Fully bracketed arithmetic, to see what binds to what. */
const shape = (expr: Expr): string => {
  switch (expr.kind) {
    case 'binary': return `(${shape(expr.left)} ${expr.op} ${shape(expr.right)})`
    case 'literal': return String(expr.value)
    case 'constant': return `v${expr.value}`
    default: return expr.kind
  }
}

describe('log queries', () => {
  it('keeps stages in order', () => {
    expect(parse('{app="a", env!~"x.*"} |= "b" or ip("10.0.0.1") != `c` | json x="y.z", w | line_format "{{.x}}" | drop a, b="c"')).toEqual({
      kind: 'log',
      matchers: [{ name: 'app', op: '=', value: 'a' }, { name: 'env', op: '!~', value: 'x.*' }],
      stages: [
        { kind: 'lineFilter', op: '|=', terms: [{ ip: false, value: 'b' }, { ip: true, value: '10.0.0.1' }] },
        { kind: 'lineFilter', op: '!=', terms: [{ ip: false, value: 'c' }] },
        { kind: 'json', extractions: [{ name: 'x', expression: 'y.z' }, { name: 'w', expression: 'w' }] },
        { kind: 'lineFormat', template: '{{.x}}' },
        { kind: 'drop', names: [{ kind: 'name', name: 'a' }, { kind: 'matcher', matcher: { name: 'b', op: '=', value: 'c' } }] },
      ],
    })
  })

  it.each([
    ['a="1" or b="2" and c="3"', '(a or (b and c))'],
    ['a="1" and b="2" or c="3"', '((a and b) or c)'],
    ['a="1" or b="2" , c="3"', '(a or (b and c))'],
    ['a="1" , b="2" or c="3"', '(a and (b or c))'],
    ['a="1" b="2" or c="3"', '(a and (b or c))'],
    ['a="1" and b="2" c="3" or d="4"', '(a and (b and (c or d)))'],
    ['(a="1" or b="2") and c="3"', '((a or b) and c)'],
  ])('groups label filters as yacc did: %s', (text, expected) => {
    const [stage] = parseLogQuery(`{x="y"} | ${text}`).stages
    const show = (filter: LabelFilter): string => (filter.kind === 'string' ? filter.matcher.name : 'left' in filter ? `(${show(filter.left)} ${filter.kind} ${show(filter.right)})` : '?')
    expect(stage?.kind === 'labelFilter' ? show(stage.filter) : '').toBe(expected)
  })

  it('lets function names be labels', () => {
    expect(parseMatchers('{rate="x", sum="y", ip="z", duration="1", vector="2"}').map((m) => m.name)).toEqual(['rate', 'sum', 'ip', 'duration', 'vector'])
  })
})

describe('metric queries', () => {
  it.each([
    ['2 ^ 3 ^ 2', '512'], ['-2 ^ 2', '4'], ['1 + 2 * 3', '7'], ['1 == 1 == 1', '1'], ['1 > 2', '0'], ['1 / 0', 'NaN'],
    ['vector(1) + vector(2) * vector(3)', '(v1 + (v2 * v3))'],
    ['vector(1) or vector(2) and vector(3)', '(v1 or (v2 and v3))'],
    ['vector(1) ^ vector(2) ^ vector(3)', '(v1 ^ (v2 ^ v3))'],
    ['vector(1) > vector(2) < vector(3)', '((v1 > v2) < v3)'],
  ])('%s is %s', (text, expected) => {
    expect(shape(parse(text))).toBe(expected)
  })

  it.each([
    '{a="b"} | json | unwrap x [5m] offset 1h', '{a="b"} [5m] offset 1h | json | unwrap x', '({a="b"} | json | unwrap x) [5m] offset 1h', '(({a="b"} | json | unwrap x [5m] offset 1h))',
  ])('takes the range wherever it stands: %s', (range) => {
    expect(parse(`sum_over_time(${range})`)).toEqual(parse('sum_over_time({a="b"} | json | unwrap x [5m] offset 1h)'))
  })

  it('reads vector matching', () => {
    expect(parse('sum by (a) (rate({a="b"}[1m])) / on(a) group_left(c) rate({a="b"}[1m])')).toMatchObject({
      kind: 'binary', op: '/', returnBool: false, matching: { on: true, labels: ['a'], card: 'many-to-one', include: ['c'] },
    })
  })

  it('reads a negative offset', () => {
    expect(parse('rate({a="b"}[5m] offset -5m)')).toMatchObject({ range: { rangeNs: 300e9, offsetNs: -300e9 } })
  })
})

describe('errors', () => {
  it.each([
    ['', 'parse error : syntax error: unexpected $end'],
    ['   ', 'parse error at line 1, col 4: syntax error: unexpected $end'],
    ['{', 'parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }'],
    ['{app}', 'parse error at line 1, col 5: syntax error: unexpected }, expecting = or =~ or !~ or !='],
    ['{\n  app="é" x', 'parse error at line 2, col 11: syntax error: unexpected IDENTIFIER, expecting } or ,'],
    ['{app="api"} |= |= "x"', 'parse error at line 0, col 16: syntax error: unexpected |=, expecting STRING or ip'],
    ['rate({app="api"}[5m]', 'parse error at line 1, col 21: syntax error: unexpected $end, expecting )'],
    ['rate({app="api"}[5m', "parse error at line 0, col 17: missing closing ']' in duration"],
    ['sum by (rate({app="api"}[5m]))', 'parse error at line 1, col 9: syntax error: unexpected RATE, expecting IDENTIFIER or )'],
    ["{app='api'}", 'parse error at line 1, col 6: invalid char literal'],
    ['{app="a', 'parse error at line 1, col 6: literal not terminated'],
    ['{app=~"("} |', 'parse error : error parsing regexp: missing closing ): `(`'],
    ['{app!="x"}', 'parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will'],
    ['{app="x"} | regexp "a"', 'parse error : invalid regexp parser: at least one named capture must be supplied'],
    ['sum_over_time({a="b"}[1m])', 'parse error : invalid aggregation sum_over_time without unwrap'],
    ['topk(1.5, rate({a="b"}[1m]))', 'parse error : invalid parameter topk(1.5,'],
    ['sum(3, rate({a="b"}[1m]))', 'parse error : unsupported parameter for operation sum(3,'],
    ['sort by (a) (rate({a="b"}[1m]))', "parse error : sort and sort_desc doesn't allow grouping by "],
    ['rate({a="b"}[1m]) by (c)', 'parse error : grouping not allowed for rate aggregation'],
    ['{a="b"} + 1', 'parse error : unexpected type for left leg of binary operation (+): *syntax.MatchersExpr'],
    ['rate({a="b"}[1m]) or 2', 'parse error : unexpected literal for right leg of logical/set binary operation (or): 2.000000'],
    ['topk(rate({a="b"}[1m])) extra', 'parse error at line 1, col 25: syntax error: unexpected IDENTIFIER'],
  ])('%j', (text, message) => {
    expect(errorOf(text)).toBe(message)
  })

  it('refuses long input by its size in bytes', () => {
    expect(errorOf(`{a="${'é'.repeat(70_000)}"}`)).toBe('parse error : input size too long (140006 > 131072)')
  })

  it.each([`${'('.repeat(6000)}1`, `${'sum('.repeat(1500)}rate({a="b"}[1m])${')'.repeat(1500)}`, `vector(1)${' + vector(1)'.repeat(1500)}`, `{a="b"} | x="1"${' or x="1"'.repeat(1500)}`])(
    'bounds nesting: %.20s…', (text) => {
      expect(errorOf(text)).toBe('parse error : expression nested too deeply (limit 1000 levels)')
    })

  it('takes bare selectors only where matchers are asked for', () => {
    expect(errorOf('{a="b"} |= "x"', parseMatchers)).toBe('only label matchers are supported')
    expect(parseMatchers('{}')).toEqual([])
  })
})
