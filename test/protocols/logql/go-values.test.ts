/** Numbers, durations and sizes as Go reads them: each expectation was printed by strconv, time and go-humanize. */
import { describe, expect, it } from 'vitest'
import { parseBytesText, parseDurationText, parseFloatText } from '../../../protocols/logql/go-values.ts'

describe('floats', () => {
  it.each([
    ['1e3', 1000], ['.5', 0.5], ['5.', 5], ['+Inf', Infinity], ['0x1p4', 16], ['1_000', 1000], ['1_0.5_0', 10.5],
    ['_1', 'strconv.ParseFloat: parsing "_1": invalid syntax'], ['1__0', 'strconv.ParseFloat: parsing "1__0": invalid syntax'],
    ['1_', 'strconv.ParseFloat: parsing "1_": invalid syntax'], ['0x1f', 'strconv.ParseFloat: parsing "0x1f": invalid syntax'],
    ['1e999', 'strconv.ParseFloat: parsing "1e999": value out of range'], ['', 'strconv.ParseFloat: parsing "": invalid syntax'],
    ['constructor', 'strconv.ParseFloat: parsing "constructor": invalid syntax'],
  ])('%s', (text, expected) => expect(parseFloatText(text)).toBe(expected))
})

describe('durations', () => {
  it.each([
    ['1h2m3.5s', 3_723_500_000_000], ['-1.5h', -5_400_000_000_000], ['346µs', 346_000], ['0', 0],
    ['', 'time: invalid duration ""'], ['5', 'time: missing unit in duration "5"'], ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['päring', 'time: invalid duration "p\\xc3\\xa4ring"'], ['a\n"b', 'time: invalid duration "a\\x0a\\"b"'], ['5é', 'time: unknown unit "\\xc3\\xa9" in duration "5\\xc3\\xa9"'],
    ['5constructor', 'time: unknown unit "constructor" in duration "5constructor"'], ['92233720368547758071', 'time: invalid duration "92233720368547758071"'],
  ])('%s', (text, expected) => expect(parseDurationText(text)).toBe(expected))
})

describe('sizes', () => {
  it.each([
    ['1.5KiB', 1536], ['1,000 kB', 1_000_000], ['10', 10], ['2 gb', 2e9],
    ['x', 'strconv.ParseFloat: parsing "": invalid syntax'], ['5 zb', 'unhandled size name: zb'], ['99EiB', 'too large: 99EiB'],
  ])('%s', (text, expected) => expect(parseBytesText(text)).toBe(expected))
})
