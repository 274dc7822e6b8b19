/** Regular expressions: the same answers from every engine, Go's words for errors, sound literals, no text that stalls. */
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { compileMatchers } from '../../../protocols/logql/matchers.ts'
import {
  acceptsEmpty, compileRegex, engineOf, literalAlternatives, literalSearch, regexError, regexParserError, requiredLiterals,
 interruptible } from '../../../protocols/logql/regex.ts'
import { withCpuMs } from '../../support/cpu-time.ts'
import { randomOf } from '../../support/random-query.ts'

const PIECES = ['a', 'b', 'ab', 'K', 's', '.', '\\d', '[a-c]', '[^a]', '\\w', 'é', ' ', '\\b', '(a|b)', '(?i:ks)', '(x|yz)', '1', '-', '^', '$', '\\.', '[[:upper:]]', '(?:b+c)', '\\pL', '|', '(?m:^a$)', '(?s:.)', '.*', '.+']
const COUNTS = ['', '', '', '', '*', '+', '?', '{2}', '{1,3}', '*?', '{0,2}?']
const TEXT_CHARS = ['a', 'b', 'c', 'K', 'k', 's', '\u212a', '\u017f', '1', '2', ' ', '-', '.', 'é', 'x', 'yz', '\n', '\u{1F98A}', 'S']

function randomPattern(random: () => number): string {
  const part = (): string => PIECES[Math.floor(random() * PIECES.length)] ?? ''
  return Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
    const piece = part()
    const count = COUNTS[Math.floor(random() * COUNTS.length)] ?? ''
    return /^[\^$|]$|\\b|^\.[*+]/.test(piece) ? piece : `(?:${piece})${count}`
  }).join('')
}

describe('every engine', () => {
  it('gives what re2js gives, on random patterns and texts', () => {
    const random = randomOf(11)
    const engines = new Map<string, number>()
    for (let i = 0; i < 1200; i++) {
      const pattern = randomPattern(random)
      const reference = RE2JS.compile(pattern)
      const regex = compileRegex(pattern)
      engines.set(engineOf(pattern), (engines.get(engineOf(pattern)) ?? 0) + 1)
      const clauses = requiredLiterals(pattern)
      const search = literalSearch(pattern)
      for (let k = 0; k < 6; k++) {
        const text = Array.from({ length: Math.floor(random() * 12) }, () => TEXT_CHARS[Math.floor(random() * TEXT_CHARS.length)] ?? '').join('')
        const expected = reference.test(text)
        const shown = `${pattern} on ${JSON.stringify(text)} by ${engineOf(pattern)}`
        expect(regex.test(text), shown).toBe(expected)
        expect(regex.fullMatch(text), `whole ${shown}`).toBe(reference.testExact(text))
        const matcher = reference.matcher(text)
        const found = regex.exec(text)
        expect(found === null ? null : [found.start, ...found.groups], `exec ${shown}`).toEqual(
          matcher.find() ? [matcher.start(), ...Array.from({ length: reference.groupCount() + 1 }, (_, g) => matcher.group(g) ?? undefined)] : null)
        const holds = (anyOf: ReadonlyArray<string>, fold: boolean): boolean => anyOf.some((literal) => RE2JS.compile(RE2JS.quote(literal), fold ? RE2JS.CASE_INSENSITIVE : 0).test(text))
        if (expected) for (const clause of clauses) expect(holds(clause.anyOf, clause.fold), `${JSON.stringify(clause)} of ${shown}`).toBe(true)
        if (search !== null) expect(holds(search.anyOf, search.fold), `search ${shown}`).toBe(expected)
      }
      expect(acceptsEmpty(pattern), `'' for ${pattern}`).toBe(RE2JS.compile(pattern, RE2JS.DOTALL).testExact(''))
    }
    expect([...engines.keys()].sort()).toEqual(['literal', 're2', 'sequence', 'v8'])
  })

  it.each([
    ['error', 'literal'], ['err|fail', 'literal'], ['.*timeout.*', 'literal'], ['error.*timeout', 'sequence'], ['(?i)error', 'v8'], ['^\\[Sun', 'v8'], ['blk_-?\\d+', 'v8'],
    ['rt=([\\d.]+)$', 'v8'], ['(a+)+$', 're2'], ['^.*error', 're2'], ['(x+x+)+y', 're2'], ['^a*a*b', 're2'],
  ])('%s runs as %s', (pattern, engine) => {
    expect(engineOf(pattern)).toBe(engine)
  })

  it.each(['(a+)+$', 'x[a-z]+y', '^(\\w+) (\\w+)=', 'a.*b.*c.*d', '(a|aa)+b', 'a{1,50}a{1,50}c', '\\d+ms', '=\\w+$', '(.*)(.*)(.*)X'])('%s stalls on no text', (pattern) => {
    const regex = compileRegex(pattern)
    for (const unit of ['a', 'x', '1', 'ab', '=a', 'aaab', 'xa']) {
      const text = unit.repeat(Math.floor(20_000 / unit.length))
      expect(withCpuMs(() => [regex.test(text), regex.exec(text)]).cpuMs).toBeLessThan(400)
    }
  })
})

describe('errors', () => {
  it.each([
    ['(', 'error parsing regexp: missing closing ): `(`'],
    ['a)', 'error parsing regexp: unexpected ): `a)`'],
    ['[z-a]', 'error parsing regexp: invalid character class range: `z-a`'],
    ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
    ['*', 'error parsing regexp: missing argument to repetition operator: `*`'],
    ['x{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
    ['\\8', 'error parsing regexp: invalid escape sequence: `\\8`'],
    ['a\\', 'error parsing regexp: trailing backslash at end of expression: ``'],
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['(?P<bad name>x)', 'error parsing regexp: invalid named capture: `(?P<bad name>`'],
    ['{2}x', 'error parsing regexp: missing argument to repetition operator: `{2}`'],
    ['(?i){1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
    ['a{10000}', 'error parsing regexp: invalid repeat count: `{10000}`'],
    ['a|{2,}b', 'error parsing regexp: missing argument to repetition operator: `{2,}`'],
    ['x(?P<', 'error parsing regexp: invalid or unsupported Perl syntax: `(?P`'],
  ])('%s', (pattern, message) => {
    expect(regexError(pattern)).toBe(message)
  })

  it('bounds size by naming the limit', () => {
    expect(regexError('(a|[b-d])'.repeat(10_000))).toBe('error parsing regexp: expression too large: 90000 bytes, limit 32768')
    expect(regexError('[a-z]{900}'.repeat(12))).toBe('error parsing regexp: expression too large: limit 10000 instructions')
    expect(regexError(Array.from({ length: 9000 }, (_, i) => `pod-${i}`).join('|'))).toBeNull()
  })

  it.each([
    ['no groups', 'at least one named capture must be supplied'], ['(x)', 'at least one named capture must be supplied'], ['(?P<a>x)(?P<a>y)', "duplicate extracted label name 'a'"],
    ['(?P<1>x)', "invalid extracted label name '1'"],
  ])('refuses the regexp parser %s', (pattern, message) => {
    expect(regexParserError(pattern)).toBe(message)
  })
})

describe('braces and letters', () => {
  it('takes what is no count for itself', () => {
    for (const [pattern, text] of [['a{01}', 'a{01}'], ['x{,2}', 'x{,2}'], ['{', '{'], ['{a}', '{a}']] as const) expect(compileRegex(pattern).fullMatch(text)).toBe(true)
  })

  it('ignores case beyond ASCII in both directions', () => {
    for (const [pattern, text] of [['(?i)ſ', 'QUOTES'], ['(?i)\u212a', 'k'], ['(?i)s', 'ſ'], ['(?i)µ', 'Μ'], ['(?i)ünï', 'ÜNÏCODE'], ['(?i)Å', 'å']] as const) {
      expect(compileRegex(pattern).test(text)).toBe(true)
    }
  })
})

describe('slow expressions', () => {
  const SLOW = '(x+x+)+y'

  it('end between lines, or values, when nobody waits for them any more', () => {
    const regex = compileRegex(SLOW)
    let asked = 0
    const check = (): void => {
      if (++asked === 3) throw new Error('cancelled')
    }
    const lines = Array.from({ length: 10 }, () => 'xxx')
    expect(() => interruptible(check, () => lines.map((line) => regex.test(line)))).toThrow('cancelled')
    expect(asked).toBe(3)
    expect(() => interruptible(check, () => lines.map((line) => regex.execAll(line)))).not.toThrow()
    const after = asked
    regex.fullMatch('xxx')
    expect(asked).toBe(after)
  })

  it('are asked for nothing where V8 or a search answers', () => {
    const check = (): void => {
      throw new Error('asked')
    }
    expect(interruptible(check, () => ['a.c', 'abc', '[0-9]+'].map((pattern) => compileRegex(pattern).test('abc 1')))).toEqual([true, true, true])
  })
})

describe('literals', () => {
  it('lists what a pattern can be, for look-ups by value', () => {
    expect(literalAlternatives('api|web-[12]|job\\.x')).toEqual(['api', 'web-1', 'web-2', 'job.x'])
    expect(literalAlternatives('api|w.b')).toBeNull()
    expect(literalAlternatives('(?i)api')).toBeNull()
  })

  it('finds what a match must contain', () => {
    expect(requiredLiterals('(GET|POST) /api/\\d+ took')).toEqual([{ anyOf: ['GET /api/', 'POST /api/'], fold: false }, { anyOf: [' took'], fold: false }])
    expect(requiredLiterals('(?i)timeout.*(conn|sock)')).toEqual([{ anyOf: ['timeout'], fold: true }, { anyOf: ['conn', 'sock'], fold: true }])
    expect(requiredLiterals('a?b*')).toEqual([])
  })
})

describe('label matchers', () => {
  it('match whole values, absent labels as empty, newlines by a dot', () => {
    const passes = (op: '=' | '!=' | '=~' | '!~', value: string, labels: ReadonlyArray<readonly [string, string]>): boolean => compileMatchers([{ name: 'app', op, value }])(labels)
    expect(passes('=~', 'ap', [['app', 'api']])).toBe(false)
    expect(passes('=~', 'api|web', [['app', 'web']])).toBe(true)
    expect(passes('=~', '(?i)API', [['app', 'api']])).toBe(true)
    expect(passes('!~', 'api|web', [['app', 'db']])).toBe(true)
    expect(passes('=', '', [['other', 'x']])).toBe(true)
    expect(passes('!=', '', [])).toBe(false)
    expect(passes('=~', 'a.c', [['app', 'a\nc']])).toBe(true)
  })
})
