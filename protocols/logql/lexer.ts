/**
 * Cuts LogQL text into tokens as Loki does, quirks included: its scanner is Go's `text/scanner`, so Go's comments, character literals and number forms
 * are read (and refused) the same way. Used by the parser only. Throws SkaldError `query_parse` at the first bad token.
 *
 * Positions are counted in characters from 1. Tokens that are read past their first part (`|=`, `5m`, `[1h]`) report line 0, as Loki does.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { parseBytes, parseDuration, readPrometheusDuration } from './durations.ts'
import { END, FUNCTION_TOKENS, PUNCTUATION, RESERVED } from './grammar/tokens.ts'
import { scanNumber, scanString, unquote } from './literals.ts'

/** Exclusive, in UTF-8 bytes. */
const QUERY_BYTES_MAX = 131_072

const BLANKS: ReadonlySet<number> = new Set(Array.from(' \t\r\n', (char) => char.charCodeAt(0)))
const COMMENT_STARTS: ReadonlySet<number> = new Set(Array.from('#/', (char) => char.charCodeAt(0)))
const isAsciiWord = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95
const ASCII_KINDS: ReadonlyArray<'letter' | 'digit' | 'other'> =
  Array.from({ length: 128 }, (_, code) => (code >= 48 && code <= 57 ? 'digit' : isAsciiWord(code) ? 'letter' : 'other'))

/** A quantity as it was written and in its unit (ns or bytes). */
export interface Quantity { readonly text: string; readonly value: number }

export interface Token {
  /** A terminal of the grammar. */
  readonly type: string
  /** Offset in the text, UTF-16 units. */
  readonly start: number
  /** Read past its first part: errors give line 0. */
  readonly composed: boolean
  readonly value: string | number | Quantity
}

/** `parse error at line …`, or without a place when there is none. */
export function parseError(message: string, line = 0, column = 0): SkaldError {
  return new SkaldError('query_parse', line === 0 && column === 0 ? `parse error : ${message}` : `parse error at line ${line}, col ${column}: ${message}`)
}

export class Lexer {
  private at = 0
  private readonly text: string

  constructor(text: string) {
    const bytes = Buffer.byteLength(text)
    if (bytes >= QUERY_BYTES_MAX) throw parseError(`input size too long (${bytes} > ${QUERY_BYTES_MAX})`)
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text
  }

  next(): Token {
    this.skipBlank()
    const start = this.at
    const char = this.text[start]
    if (char === undefined) return { type: END, start, composed: false, value: '' }
    const kind = ASCII_KINDS[char.charCodeAt(0)] ?? (/\p{L}/u.test(this.codePoint(start)) ? 'letter' : 'other')
    if (kind === 'letter') return this.word(start)
    if (kind === 'digit' || (char === '.' && ASCII_KINDS[this.text.charCodeAt(start + 1)] === 'digit')) return this.number(start)
    if (char === '"' || char === '`') return this.string(start, char)
    if (char === "'") return this.character(start)
    if (char === '[') return this.range(start)
    return (char === '-' ? this.dash(start) : null) ?? this.punctuation(start)
  }

  /** An error at a token, or at an offset with `composed` false. */
  error(message: string, place: { readonly start: number; readonly composed: boolean }): SkaldError {
    const { line, column } = this.position(place.start)
    return parseError(message, place.composed ? 0 : line, column)
  }

  private position(offset: number): { line: number; column: number } {
    const before = this.text.slice(0, offset)
    const newline = before.lastIndexOf('\n')
    if (this.text === '') return { line: 0, column: 0 }
    return { line: before.split('\n').length, column: Array.from(before.slice(newline + 1)).length + 1 }
  }

  private fail(message: string, start: number, composed = false): never {
    throw this.error(message, { start, composed })
  }

  private codePoint(offset: number): string {
    return String.fromCodePoint(this.text.codePointAt(offset) ?? 0)
  }

  private match(pattern: RegExp, offset: number): string {
    pattern.lastIndex = offset
    return pattern.exec(this.text)?.[0] ?? ''
  }

  /** White space, `#` to the end of the line, and Go's comments. */
  private skipBlank(): void {
    for (;;) {
      while (BLANKS.has(this.text.charCodeAt(this.at))) this.at++
      if (!COMMENT_STARTS.has(this.text.charCodeAt(this.at))) return
      const comment = this.match(/(?:#|\/\/)[^\n]*|\/\*[^]*?\*\//y, this.at)
      if (comment !== '') this.at += comment.length
      else if (this.text.startsWith('/*', this.at)) this.fail('comment not terminated', this.at)
      else return
    }
  }

  private word(start: number): Token {
    let end = start + 1
    while (isAsciiWord(this.text.charCodeAt(end))) end++
    const text = this.text.charCodeAt(start) < 0x80 && !(this.text.charCodeAt(end) >= 0x80) ? this.text.slice(start, end) : this.match(/[\p{L}_][\p{L}\p{Nd}_]*/uy, start)
    this.at = start + text.length
    const lower = text.toLowerCase()
    const functionToken = FUNCTION_TOKENS.get(lower)
    if (functionToken !== undefined && this.match(/[\s\x85]*(?:(?:by|without)[\s\x85]*)?\(/iy, this.at) !== '') {
      return { type: functionToken, start, composed: false, value: lower }
    }
    return { type: RESERVED.has(lower) ? lower : 'IDENTIFIER', start, composed: false, value: RESERVED.has(lower) ? lower : text }
  }

  private number(start: number): Token {
    const { end, error } = scanNumber(this.text, start)
    if (error !== null) this.fail(error, start)
    this.at = end
    return this.quantity(start, /[\p{N}nuµmshdwy.]*/uy, parseDuration, 'DURATION')
      ?? this.quantity(start, /[\p{N}BikKMGT.]*/uy, parseBytes, 'BYTES')
      ?? { type: 'NUMBER', start, composed: false, value: this.text.slice(start, end) }
  }

  /** A number or sign that goes on as a duration or size; null (and nothing taken) when it does not. */
  private quantity(start: number, more: RegExp, parse: (text: string) => number | null, type: string): Token | null {
    const rest = this.match(more, this.at)
    if (rest === '') return null
    const text = this.text.slice(start, this.at) + rest
    const value = parse(text)
    if (value === null) return null
    this.at += rest.length
    return { type, start, composed: true, value: { text, value } }
  }

  private string(start: number, quote: '"' | '`'): Token {
    const { end, error } = scanString(this.text, start, quote)
    if (error !== null) this.fail(error, start)
    this.at = end
    const value = unquote(this.text.slice(start, end))
    if (value === null) this.fail('invalid syntax', start)
    return { type: 'STRING', start, composed: false, value }
  }

  /** Go's `'x'`: refused unless it holds one character, and of no use to LogQL even then. */
  private character(start: number): Token {
    const { end, error, length } = scanString(this.text, start, "'")
    if (error !== null) this.fail(error, start)
    if (length !== 1) this.fail('invalid char literal', start)
    this.at = end
    return { type: 'IDENTIFIER', start, composed: false, value: this.text.slice(start, end) }
  }

  private range(start: number): Token {
    const end = this.text.indexOf(']', start)
    if (end === -1) this.fail("missing closing ']' in duration", start, true)
    const text = this.text.slice(start + 1, end)
    const value = readPrometheusDuration(text)
    if (typeof value !== 'number') this.fail(value.error, start, true)
    this.at = end + 1
    return { type: 'RANGE', start, composed: true, value: { text, value } }
  }

  /** `--strict`, `--keep-empty`, or a negative duration. */
  private dash(start: number): Token | null {
    const flag = this.match(/--(?:strict|keep-empty)(?![\p{L}-])/uy, start)
    if (flag !== '') {
      this.at = start + flag.length
      return { type: 'FUNCTION_FLAG', start, composed: true, value: flag }
    }
    this.at = start + 1
    const duration = this.quantity(start, /[\p{N}nuµmshdwy.]*/uy, parseDuration, 'DURATION')
    if (duration === null) this.at = start
    return duration
  }

  private punctuation(start: number): Token {
    const two = this.text.slice(start, start + 2)
    const composed = two.length === 2 && PUNCTUATION.has(two)
    const one = this.codePoint(start)
    if (one === '\0') this.fail('invalid character NUL', start)
    if (one.length === 1 && one >= '\ud800' && one <= '\udfff') this.fail('invalid UTF-8 encoding', start)
    const text = composed ? two : one
    this.at = start + text.length
    return { type: PUNCTUATION.has(text) ? text : 'IDENTIFIER', start, composed, value: text }
  }
}
