/** Tokens: Go's literals and their errors, quantities, functions only before argument lists, positions. */
import { describe, expect, it } from 'vitest'
import { Lexer } from '../../../protocols/logql/lexer.ts'

function tokens(text: string): string[] {
  const lexer = new Lexer(text)
  const found: string[] = []
  for (;;) {
    const { type, value } = lexer.next()
    if (type === '$end') return found
    found.push(typeof value === 'object' ? `${type} ${value.value}` : type === 'IDENTIFIER' || type === 'STRING' || type === 'NUMBER' ? `${type} ${value}` : type)
  }
}

const errorOf = (text: string): string => {
  try {
    return tokens(text).join(' ')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe('tokens', () => {
  it.each<[string, string[]]>([
    ['rate(', ['RATE', '(']], ['RATE (', ['RATE', '(']], ['rate', ['IDENTIFIER rate']], ['sum by (', ['SUM', 'by', '(']], ['sum without(', ['SUM', 'without', '(']], ['sum bytes', ['IDENTIFIER sum', 'IDENTIFIER bytes']],
    ['bytes(x', ['BYTES_CONV', '(', 'IDENTIFIER x']], ['duration_seconds(', ['DURATION_SECONDS_CONV', '(']], ['ip(', ['ip', '(']],
    ['BY Unwrap', ['by', 'unwrap']], ['5m30s', ['DURATION 330000000000']], ['1.5h', ['DURATION 5400000000000']], ['-5m', ['DURATION -300000000000']], ['-5', ['-', 'NUMBER 5']], ['-0', ['DURATION 0']],
    ['1KiB', ['BYTES 1024']], ['5k', ['BYTES 5000']], ['5 m', ['NUMBER 5', 'IDENTIFIER m']], ['5minutes', ['DURATION 300000000000', 'IDENTIFIER inutes']], ['[1w]', ['RANGE 604800000000000']],
    ['a.b', ['IDENTIFIER a', 'IDENTIFIER .', 'IDENTIFIER b']], ['.5', ['NUMBER .5']], ['1e3', ['NUMBER 1e3']], ['===', ['==', '=']], ['!=~', ['!=', 'IDENTIFIER ~']], ['|=|~|>!>', ['|=', '|~', '|>', '!>']],
    ['--strict --keep-empty', ['FUNCTION_FLAG', 'FUNCTION_FLAG']], ['--stricter', ['-', '-', 'IDENTIFIER stricter']], ['a # b\nc', ['IDENTIFIER a', 'IDENTIFIER c']], ['a // b\n/* c */ d', ['IDENTIFIER a', 'IDENTIFIER d']],
    ['"\\x41\\u00e9\\101\\n"', ['STRING AéA\n']], ['"\\xc3\\xa9"', ['STRING é']], ['`a\\n`', ['STRING a\\n']], ["'a'", ["IDENTIFIER 'a'"]], ['größe_1', ['IDENTIFIER größe_1']], ['\uFEFFa', ['IDENTIFIER a']],
  ])('%j', (text, expected) => {
    expect(tokens(text)).toEqual(expected)
  })
})

describe('what Go refuses', () => {
  it.each([
    ['"abc', 'parse error at line 1, col 1: literal not terminated'], ['"a\nb"', 'parse error at line 1, col 1: literal not terminated'], ['x `abc', 'parse error at line 1, col 3: literal not terminated'],
    ['"\\q"', 'parse error at line 1, col 1: invalid char escape'], ['"\\\'"', 'parse error at line 1, col 1: invalid char escape'], ['"\\400"', 'parse error at line 1, col 1: invalid syntax'],
    ['"\\ud800"', 'parse error at line 1, col 1: invalid syntax'], ["'ab'", 'parse error at line 1, col 1: invalid char literal'], ["'ab", 'parse error at line 1, col 1: literal not terminated'],
    ['0x', 'parse error at line 1, col 1: hexadecimal literal has no digits'], ['0b', 'parse error at line 1, col 1: binary literal has no digits'], ['1e', 'parse error at line 1, col 1: exponent has no digits'],
    ['09', "parse error at line 1, col 1: invalid digit '9' in octal literal"], ['1__0', "parse error at line 1, col 1: '_' must separate successive digits"], ['1p3', "parse error at line 1, col 1: 'p' exponent requires hexadecimal mantissa"],
    ['0x1.5', "parse error at line 1, col 1: hexadecimal mantissa requires a 'p' exponent"], ['a\n /* b', 'parse error at line 2, col 2: comment not terminated'], ['a\u0000', 'parse error at line 1, col 2: invalid character NUL'],
    ['a \uD800', 'parse error at line 1, col 3: invalid UTF-8 encoding'], ['x [5x]', 'parse error at line 0, col 3: unknown unit "x" in duration "5x"'], ['[]', 'parse error at line 0, col 1: empty duration string'],
  ])('%j', (text, message) => {
    expect(errorOf(text)).toBe(message)
  })
})
