import { describe, expect, it } from 'vitest'
import { labelsAfter } from '../../../support/pipeline-rows.ts'

describe('| json name="path"', () => {
  it('takes fields, elements and quoted keys; objects and arrays as they are written', () => {
    const line = '{"a":{"b":[{"c":"x"},2]},"k.l":"q","o":{"p": 1}}'
    expect(labelsAfter('| json first="a.b[0].c", second="a.b[1]", quoted="[\\"k.l\\"]", whole="o", list="a.b"', [line])).toEqual([
      { first: 'x', second: '2', quoted: 'q', whole: '{"p": 1}', list: '[{"c":"x"},2]' },
    ])
  })

  it('gives a missing or null value as the empty string', () => {
    expect(labelsAfter('| json a, b="x.y", c="l[3]", n', ['{"a":1,"x":2,"l":[1],"n":null}'])).toEqual([{ a: '1', b: '', c: '', n: '' }])
  })

  it('tells lines that cannot be JSON, without details; an empty line is left alone', () => {
    expect(labelsAfter('| json a', ['12345', 'a=1', '', '"text"', '[1]', '{"a":"x","b'])).toEqual([
      { __error__: 'JSONParserErr' }, { __error__: 'JSONParserErr' }, {}, { a: '' }, { a: '' }, { a: 'x' },
    ])
  })

  it('adds _extracted to a name that the stream has', () => {
    expect(labelsAfter('| json app="a"', ['{"a":1}'])).toEqual([{ app_extracted: '1' }])
  })

  it('refuses what is no path', () => {
    expect(() => labelsAfter('| json a="b["', [])).toThrow(/cannot parse expression \[b\[\]/)
  })

  it.each([
    ['b[', 'unexpected $end, expecting STRING or INDEX'], ['', 'unexpected $end, expecting LSB or FIELD'], ['b..c', 'unexpected DOT, expecting FIELD'],
    ['b[0', 'unexpected $end, expecting RSB'], ['["k', 'unexpected $end, expecting RSB'], ['"k"]', 'unexpected STRING, expecting LSB or FIELD'],
    ['b c', 'unexpected FIELD'], ['b.', 'unexpected $end, expecting FIELD'], ['b[c]', 'unexpected FIELD, expecting STRING or INDEX'], ['b]', 'unexpected RSB'],
  ])('says what it would have taken in %s', (path, message) => {
    expect(() => labelsAfter(`| json a=${JSON.stringify(path)}`, [])).toThrow(`cannot parse expression [${path}]: syntax error: ${message}`)
  })
})
