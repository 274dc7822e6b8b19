/** Label strings: what they mean, their one canonical text, and the errors that users of Loki know. */
import { describe, expect, it } from 'vitest'
import { formatLabels, parseCanonicalLabels, parseLabels } from '../../protocols/labels.ts'
import { seeded } from '../support/push-bodies.ts'

const errorOf = (text: string): string => {
  try {
    return `parsed: ${formatLabels(parseLabels(text))}`
  } catch (error) {
    return (error as Error).message
  }
}

describe('parseLabels', () => {
  it.each([
    ['{a="b"}', [['a', 'b']]],
    ['{z="1", a="b"}', [['a', 'b'], ['z', '1']]],
    ['{ a = "b" ,\n\tc= \'d"\' , }', [['a', 'b'], ['c', 'd"']]],
    ['{a="", b="c"}', [['b', 'c']]],
    ['{a=`b\\n`}', [['a', 'b\\n']]],
    ['{a="q\\"\\\\\\n\\t\\x41\\101\\u00e4\\U0001F600"}', [['a', 'q"\\\n\tAAä😀']]],
    ['{a="\\xc3\\xa4"}', [['a', 'ä']]],
    ['{}', []],
    ['', []],
    ['up', [['__name__', 'up']]],
    ['up{a="b"}', [['__name__', 'up'], ['a', 'b']]],
    ['{"a.b"="c"}', [['a.b', 'c']]],
    ['{a="b" # comment\n}', [['a', 'b']]],
    ['{a="1", a="2"}', [['a', '1'], ['a', '2']]],
    ['{level="Ошибка"}', [['level', 'Ошибка']]],
  ])('%s', (text, labels) => {
    expect(parseLabels(text)).toEqual(labels)
  })

  it.each([
    ['{a-b="c"}', `1:3: parse error: unexpected character inside braces: '-'`],
    ['{a.b="c"}', `1:3: parse error: unexpected character inside braces: '.'`],
    ['{ä="c"}', `1:2: parse error: unexpected character inside braces: 'ä'`],
    ['{="c"}', `1:2: parse error: unexpected "=" in label set, expected identifier or "}"`],
    ['{a=b}', `1:4: parse error: unexpected identifier "b" in label set, expected string`],
    ['{a="b" c="d"}', `1:8: parse error: unexpected identifier "c" in label set, expected "," or "}"`],
    ['{a}', `1:3: parse error: unexpected "}" in label set, expected "="`],
    ['{a=~"b"}', `1:3: parse error: unexpected <op:=~> in label set, expected "="`],
    ['{a!"b"}', `1:3: parse error: unexpected character after '!' inside braces: '"'`],
    ['{{a="b"}}', `1:2: parse error: unexpected left brace '{'`],
    ['{a="b"', `1:7: parse error: unexpected end of input inside braces`],
    ['{a="b', `1:4: parse error: unterminated quoted string`],
    ['{a=`b', '1:4: parse error: unterminated raw string'],
    ['{a="\uFFFD"}', `1:4: parse error: invalid UTF-8 rune`],
    ['{a="\\q"}', `1:4: parse error: unknown escape sequence U+0071 'q'`],
    ['{a="\\xg0"}', `1:4: parse error: illegal character U+0067 'g' in escape sequence`],
    ['{a="\\ud800"}', `1:4: parse error: escape sequence is an invalid Unicode code point`],
    ['{ä="b",\n  c=d}', `1:2: parse error: unexpected character inside braces: 'ä'`],
    ['{a="ä",\n  c="é", d=e}', `2:13: parse error: unexpected identifier "e" in label set, expected string`],
    ['{a="b"} x', `1:9: parse error: unexpected identifier "x"`],
    ['{a="b", "long long string" "c"}', `1:28: parse error: unexpected string "\\"c\\"" in label set, expected "="`],
    ['garbage!', `1:8: parse error: unexpected character: '!'`],
  ])('%j is refused', (text, message) => {
    expect(errorOf(text)).toBe(message)
  })

  it('is its own inverse on canonical text, for random labels', () => {
    const next = seeded(3)
    const alphabet = [...'ab"\\\n\t{}=,` \u0000\u007fä😀\u200b\uFFFD']
    const word = (): string => Array.from({ length: 1 + Math.floor(next() * 8) }, () => alphabet[Math.floor(next() * alphabet.length)]!).join('')
    for (let round = 0; round < 2_000; round++) {
      const names = [...new Set(Array.from({ length: Math.floor(next() * 5) }, () => (next() < 0.8 ? `n${Math.floor(next() * 9)}` : word())))].sort((a, b) => (a < b ? -1 : 1))
      const labels = names.map((name): [string, string] => [name, word()])
      const text = formatLabels(labels)
      expect(parseLabels(text)).toEqual(labels)
      expect(parseCanonicalLabels(text)).toEqual(labels)
      expect(formatLabels(parseLabels(text))).toBe(text)
    }
  })

  it('never fails otherwise than with an operating error on random text', () => {
    const next = seeded(4)
    const alphabet = [...'{}="\',\\ab1_:#!~`\n\uFFFD ä']
    for (let round = 0; round < 50_000; round++) {
      const text = `{a="${Array.from({ length: Math.floor(next() * 14) }, () => alphabet[Math.floor(next() * alphabet.length)]!).join('')}`
      expect(errorOf(text)).toMatch(/^parsed: \{|^\d+:\d+: parse error: ./)
    }
  })
})
