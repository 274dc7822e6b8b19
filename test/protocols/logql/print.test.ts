/** Printing: Loki's forms, and that a printed query is the same query. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { format, formatNumber, formatStage, prettify } from '../../../protocols/logql/print.ts'
import { RandomQueries } from '../../support/random-query.ts'

describe('format', () => {
  it.each([
    ['{app="api"}|=`x`|json|a>1', '{app="api"} |= "x" | json | a>1'],
    ['sum by(pod)(rate({app="api"}[5m]))/2', '(sum by (pod)(rate({app="api"}[5m])) / 2)'],
    ['sum by (a,b) (topk(3,rate({a="b"} | json | unwrap c [5m])))', 'sum by (a,b)(topk(3,rate({a="b"} | json | unwrap c[5m])))'],
    ['sum(rate({a="b"}[90m])) by ()', 'sum by ()(rate({a="b"}[1h30m]))'],
    ['quantile_over_time(0.90, {a="b"} | unwrap duration(x) | __error__="" [1m] offset 1h) by (z)',
      'quantile_over_time(0.9,{a="b"} | unwrap duration(x) | __error__=""[1m] offset 1h) by (z)'],
    ['{a="b"} | x="1" and y=ip("1.2.3.4") or z>=1h and w=2KB', '{a="b"} | ( ( x="1" , y=ip("1.2.3.4") ) or ( z>=1h0m0s , w==2.0kB ) )'],
    ['{a="b"} | json x, y="a.b" | logfmt --strict x | label_format p=q, r="{{.s}}" | drop x, y="z"',
      '{a="b"} | json x="x",y="a.b" | logfmt --strict x="x" | label_format p=q,r="{{.s}}" | drop x,y="z"'],
    ['vector(1) > bool on (a) group_left (b) vector(2)', '(vector(1.000000) > bool on (a) group_left (b) vector(2.000000))'],
    ['label_replace(rate({a="b"}[1m]), "d", "$1", "s", "(.*)")', 'label_replace(rate({a="b"}[1m]),"d","$1","s","(.*)")'],
  ])('%s', (text, printed) => {
    expect(format(parse(text))).toBe(printed)
  })

  it('prints stages as errors quote them', () => {
    expect(formatStage({ kind: 'lineFilter', op: '|=', terms: [{ ip: true, value: 'bad' }] })).toBe('|= ip("bad")')
    expect(formatStage({ kind: 'lineFormat', template: '{{ md5sum "a" }}' })).toBe('| line_format "{{ md5sum \\"a\\" }}"')
  })

  it.each([[0.00001, '1e-05'], [1e21, '1e+21'], [100, '100'], [-0.5, '-0.5'], [Infinity, '+Inf'], [NaN, 'NaN']])('prints %s as Go does', (value, text) => {
    expect(formatNumber(value)).toBe(text)
  })
})

describe('prettify', () => {
  it('splits what is longer than 100 characters', () => {
    const query = 'sum by (namespace) (quantile_over_time(0.99, {container="ingress-nginx", service="hosted-grafana"} | json | status="500" | unwrap duration(response_latency) [5m] offset 1h)) / 2'
    expect(prettify(parse(query))).toBe([
      '  sum by (namespace)(',
      '    quantile_over_time(',
      '      0.99,',
      '      {container="ingress-nginx", service="hosted-grafana"} | json | status="500"',
      '        | unwrap duration(response_latency) [5m] offset 1h',
      '    )',
      '  )',
      '/',
      '  2',
    ].join('\n'))
  })

  it('puts each stage of a long pipeline on its own line', () => {
    const query = '{container="ingress-nginx", service="hosted-grafana"} |= "error" != "timeout" | json | line_format "{{.message}} {{.level}}"'
    expect(prettify(parse(query))).toBe([
      '{container="ingress-nginx", service="hosted-grafana"}', '  |= "error"', '  != "timeout"', '  | json', '  | line_format "{{.message}} {{.level}}"',
    ].join('\n'))
  })
})

describe('deep expressions', () => {
  it.each([
    ['operators', (n: number) => `${'1+('.repeat(n)}rate({a="b"}[1m])${')'.repeat(n)}`, 3],
    ['aggregations', (n: number) => `${'sum('.repeat(n)}rate({a="b"}[1m])${')'.repeat(n)}`, 2],
    ['functions', (n: number) => `${'label_replace('.repeat(n)}rate({a="b"}[1m])${',"a","b","c","d")'.repeat(n)}`, 6],
  ])('are laid out level by level: %s', (_what, make, linesALevel) => {
    const lines = (n: number): number => prettify(parse(make(n))).split('\n').length
    // It took twice as long for each level once.
    expect(lines(900) - lines(800)).toBeGreaterThanOrEqual(100 * linesALevel)
  })
})

describe('what is printed', () => {
  it('parses to the same tree, on one line and on many', () => {
    const queries = new RandomQueries(7)
    for (let i = 0; i < 1500; i++) {
      const expr = queries.expr()
      expect(parse(format(expr)), format(expr)).toEqual(expr)
      expect(parse(prettify(expr)), prettify(expr)).toEqual(expr)
    }
  })
})
