/**
 * Label strings: `{app="api", env="prod"}`, as clients send them, to `Labels` and back.
 *
 * The grammar and the error texts are those of Prometheus' metric parser, which Loki applies to every stream of a push; the recorded answers pin
 * them. Used by push validation, WAL replay and whatever names a stream. It knows no limits: validate.ts does.
 */
import { SkaldError } from '../runtime/errors.ts'
import { goQuote } from './logql/go-text.ts'
import type { Labels } from './model.ts'

const PLAIN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** The canonical text: sorted, empty values dropped, values quoted as Go does. Equal label sets have equal texts. */
export function formatLabels(labels: Labels): string {
  return `{${labels.map(([name, value]) => `${PLAIN_NAME.test(name) ? name : quote(name)}=${quote(value)}`).join(', ')}}`
}

/** U+FFFD as itself would be refused by the parser, which takes it for broken UTF-8. */
const quote = (text: string): string => goQuote(text).replaceAll('\uFFFD', '\\ufffd')

/** Sorted by name, empty values dropped. A name given twice stays twice, in the order given: validation refuses it by name. */
export function canonicalLabels(pairs: ReadonlyArray<readonly [string, string]>): Labels {
  return pairs.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Parses a label string to canonical labels. Throws `malformed_body` with Loki's text, position (line:byte column) included. */
export function parseLabels(text: string): Labels {
  return new LabelParser(text).parse()
}

/** `parseLabels` of what `formatLabels` wrote, sooner: without escapes, quotes are where names and values meet. */
export function parseCanonicalLabels(text: string): Labels {
  const parts = text.includes('\\') ? [] : text.split('"')
  if (parts.length < 3) return parseLabels(text)
  const pairs: Array<[string, string]> = []
  for (let at = 0; at + 2 < parts.length; at += 2) {
    // Behind `{` or `, `, in front of `=`; a quoted name is for the parser.
    const name = parts[at]!.slice(at === 0 ? 1 : 2, -1)
    if (name === '') return parseLabels(text)
    pairs.push([name, parts[at + 1]!])
  }
  return pairs
}

type TokenKind = 'identifier' | 'string' | 'punctuation' | 'end'
interface Token {
  readonly kind: TokenKind
  /** As written, quotes included. */
  readonly text: string
  readonly at: number
}

const OPERATORS: ReadonlySet<string> = new Set(['=~', '!=', '!~'])

class LabelParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Labels {
    const pairs: Array<[string, string]> = []
    this.#skipSpace()
    const metric = this.#match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y)
    this.#skipSpace()
    if (this.#text[this.#at] === '{') this.#labelSet(pairs)
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#trailing()
    const named = metric === null ? pairs : [...pairs.filter(([name]) => name !== '__name__'), ['__name__', metric] as const]
    return canonicalLabels(named)
  }

  #labelSet(pairs: Array<[string, string]>): void {
    this.#at++
    for (;;) {
      const name = this.#token()
      if (name.text === '}' && name.kind === 'punctuation') return
      const last = this.#pair(name, pairs)
      if (last.text === '}') return
      if (last.text !== ',') throw this.#unexpected(last, '"," or "}"')
    }
  }

  /** One `name="value"`; returns the token after it. */
  #pair(name: Token, pairs: Array<[string, string]>): Token {
    if (name.kind !== 'identifier' && name.kind !== 'string') throw this.#unexpected(name, 'identifier or "}"')
    const equals = this.#token()
    if (name.kind === 'string' && (equals.text === ',' || equals.text === '}')) {
      pairs.push(['__name__', unquote(name.text)])
      return equals
    }
    if (equals.text !== '=') throw this.#unexpected(equals, '"="')
    const value = this.#token()
    if (value.kind !== 'string') throw this.#unexpected(value, 'string')
    pairs.push([name.kind === 'string' ? unquote(name.text) : name.text, unquote(value.text)])
    return this.#token()
  }

  /** The next token inside the braces. */
  #token(): Token {
    this.#skipSpace()
    while (this.#match(/#[^\r\n]*/y) !== null) this.#skipSpace()
    const at = this.#at
    const char = this.#text[at]
    if (char === undefined) throw this.#error(at, 'unexpected end of input inside braces')
    if (char === '"' || char === "'" || char === '`') return { kind: 'string', text: this.#string(char), at }
    const identifier = this.#match(/[a-zA-Z_][a-zA-Z0-9_]*/y)
    if (identifier !== null) return { kind: 'identifier', text: identifier, at }
    const punctuation = this.#match(/=~|!=|!~|[,=}]/y)
    if (punctuation !== null) return { kind: 'punctuation', text: punctuation, at }
    if (char === '{') throw this.#error(at, `unexpected left brace '{'`)
    if (char === '!') throw this.#error(at, `unexpected character after '!' inside braces: ${this.#quoteRune(at + 1)}`)
    throw this.#error(at, `unexpected character inside braces: ${this.#quoteRune(at)}`)
  }

  #string(quote: string): string {
    const from = this.#at++
    const raw = quote === '`'
    for (;;) {
      const char = this.#text[this.#at]
      if (char === undefined || (char === '\n' && !raw)) throw this.#error(from, raw ? 'unterminated raw string' : 'unterminated quoted string')
      if (char === '\uFFFD') throw this.#error(from, 'invalid UTF-8 rune')
      this.#at++
      if (char === quote) return this.#text.slice(from, this.#at)
      if (char === '\\' && !raw) this.#escape(from, quote)
    }
  }

  #escape(stringFrom: number, quote: string): void {
    const char = this.#text[this.#at]
    if (char === undefined) throw this.#error(stringFrom, 'escape sequence not terminated')
    if ('abfnrtv\\'.includes(char) || char === quote) {
      this.#at++
      return
    }
    if (char >= '0' && char <= '7') return this.#digits(stringFrom, 3, 8, 255)
    const digits = { x: 2, u: 4, U: 8 }[char]
    if (digits === undefined) throw this.#error(stringFrom, `unknown escape sequence ${this.#describeRune(this.#at)}`)
    this.#at++
    this.#digits(stringFrom, digits, 16, char === 'x' ? 255 : 0x10ffff)
  }

  #digits(stringFrom: number, count: number, base: number, max: number): void {
    let value = 0
    for (let i = 0; i < count; i++, this.#at++) {
      const char = this.#text[this.#at]
      if (char === undefined) throw this.#error(stringFrom, 'escape sequence not terminated')
      const digit = /[0-9a-fA-F]/.test(char) ? Number.parseInt(char, 16) : 16
      if (digit >= base) throw this.#error(stringFrom, `illegal character ${this.#describeRune(this.#at)} in escape sequence`)
      value = value * base + digit
    }
    if (value > max || (value >= 0xd800 && value < 0xe000)) throw this.#error(stringFrom, 'escape sequence is an invalid Unicode code point')
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }

  #skipSpace(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #quoteRune(at: number): string {
    const rune = String.fromCodePoint(this.#text.codePointAt(at) ?? 0xfffd)
    return rune === "'" ? `'\\''` : rune === '"' ? `'"'` : `'${goQuote(rune).slice(1, -1)}'`
  }

  /** Go's `%#U`. */
  #describeRune(at: number): string {
    const code = this.#text.codePointAt(at) ?? 0xfffd
    const rune = String.fromCodePoint(code)
    return `U+${code.toString(16).toUpperCase().padStart(4, '0')}${/[\p{C}\p{Z}]/u.test(rune) && rune !== ' ' ? '' : ` '${rune}'`}`
  }

  #unexpected(token: Token, expected: string): SkaldError {
    return this.#error(token.at, `unexpected ${describe(token)} in label set, expected ${expected}`)
  }

  #trailing(): SkaldError {
    const at = this.#at
    const identifier = this.#match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y)
    if (identifier !== null) return this.#error(at, `unexpected identifier ${goQuote(identifier)}`)
    const char = this.#text[at]!
    return '{},="\'`'.includes(char) ? this.#error(at, `unexpected ${goQuote(char)}`) : this.#error(at, `unexpected character: ${this.#quoteRune(at)}`)
  }

  #error(at: number, message: string): SkaldError {
    const before = this.#text.slice(0, at)
    const lineFrom = before.lastIndexOf('\n') + 1
    const line = before.split('\n').length
    return new SkaldError('malformed_body', `${line}:${Buffer.byteLength(before.slice(lineFrom)) + 1}: parse error: ${message}`)
  }
}

function describe(token: Token): string {
  if (token.kind === 'identifier') return `identifier ${goQuote(token.text)}`
  if (token.kind === 'string') {
    const runes = [...token.text]
    return `string ${runes.length > 10 ? `${goQuote(runes.slice(0, 10).join(''))}...` : goQuote(token.text)}`
  }
  return OPERATORS.has(token.text) ? `<op:${token.text}>` : goQuote(token.text)
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The value of a string that the lexer has accepted. Bytes given as `\xff` join to UTF-8; what is not UTF-8 becomes U+FFFD. */
function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1)
  if (quoted[0] === '`' || !inner.includes('\\')) return inner
  const parts: Buffer[] = []
  let at = 0
  for (const m of inner.matchAll(/\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g)) {
    parts.push(Buffer.from(inner.slice(at, m.index)), unescaped(m))
    at = m.index + m[0].length
  }
  return Buffer.concat([...parts, Buffer.from(inner.slice(at))]).toString()
}

function unescaped(match: RegExpExecArray): Buffer {
  const [, hexByte, octalByte, u4, u8, short] = match
  if (hexByte !== undefined) return Buffer.from([Number.parseInt(hexByte, 16)])
  if (octalByte !== undefined) return Buffer.from([Number.parseInt(octalByte, 8)])
  const codePoint = u4 ?? u8
  return Buffer.from(codePoint === undefined ? (SHORT_ESCAPES[short!] ?? short!) : String.fromCodePoint(Number.parseInt(codePoint, 16)))
}
