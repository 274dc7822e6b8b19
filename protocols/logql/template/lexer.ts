/**
 * Go template text -> tokens. Knows delimiters, trim markers, comments and the tokens of actions; the parser gives them meaning.
 * Messages are Go's, without the place: `parser.ts` adds it.
 */

export type TokenKind =
  | 'text' | 'open' | 'close' | 'space' | 'field' | 'variable' | 'identifier' | 'keyword' | 'number' | 'string' | 'rawString' | 'char' | 'bool' | 'nil'
  | 'dot' | 'pipe' | 'declare' | 'assign' | 'comma' | 'symbol' | 'leftParen' | 'rightParen' | 'error' | 'eof'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
}

const KEYWORDS: ReadonlySet<string> = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'])
const SPACES = ' \t\r\n'
const ENDS_WORD = /[\s.,|:()]|$/y

export function lex(text: string): Token[] {
  return new Lexer(text).run()
}

class Lexer {
  readonly #text: string
  readonly #tokens: Token[] = []
  #at = 0
  #parens = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Token[] {
    let trimNext = false
    for (;;) {
      const open = this.#text.indexOf('{{', this.#at)
      trimNext = this.#textUntil(open === -1 ? this.#text.length : open, trimNext, open !== -1 && this.#startsTrim(open + 2))
      if (open === -1) return this.#push('eof', '')
      const after = this.#action(open)
      if (after === null) return this.#tokens
      trimNext = after
    }
  }

  #startsTrim(at: number): boolean {
    return this.#text[at] === '-' && SPACES.includes(this.#text[at + 1] ?? 'x')
  }

  /** Text up to `end`, less what trim markers take. */
  #textUntil(end: number, trimLeft: boolean, trimRight: boolean): boolean {
    let from = this.#at
    let to = end
    if (trimLeft) while (from < to && SPACES.includes(this.#text[from]!)) from++
    if (trimRight) while (to > from && SPACES.includes(this.#text[to - 1]!)) to--
    this.#at = from
    if (to > from) this.#push('text', this.#text.slice(from, to))
    this.#at = end
    return false
  }

  /** One `{{…}}`. Whether text after it loses its leading space; null on an error. */
  #action(open: number): boolean | null {
    this.#at = open + 2
    if (this.#startsTrim(this.#at)) this.#at += 2
    if (this.#text.startsWith('/*', this.#at)) return this.#comment(open)
    this.#tokens.push({ kind: 'open', text: '{{', at: open })
    this.#parens = 0
    for (;;) {
      const closed = this.#closing()
      if (closed !== null) return this.#parens === 0 ? this.#close(closed) : this.#fail('unclosed left paren')
      if (!this.#token()) return null
    }
  }

  /** Length of the closing delimiter here, with its trim marker; null: none. */
  #closing(): number | null {
    if (this.#text.startsWith('}}', this.#at)) return 2
    return SPACES.includes(this.#text[this.#at] ?? 'x') && this.#text.startsWith('-}}', this.#at + 1) ? 4 : null
  }

  #close(length: number): boolean {
    this.#push('close', '}}')
    this.#at += length
    return length > 2
  }

  #comment(open: number): boolean | null {
    const end = this.#text.indexOf('*/', this.#at)
    if (end === -1) return this.#fail('unclosed comment')
    this.#at = end + 2
    const closed = this.#closing()
    if (closed === null) {
      this.#at = open
      return this.#fail('comment ends before closing delimiter')
    }
    this.#at += closed
    return closed > 2
  }

  #token(): boolean {
    const c = this.#text[this.#at]
    if (c === undefined) return this.#fail('unclosed action') !== null
    if (SPACES.includes(c)) return this.#run('space', /[ \t\r\n](?!-\}\})(?:[ \t\r\n](?!-\}\}))*/y)
    switch (c) {
      case '=': return this.#take('assign', 1)
      case ':': return this.#text[this.#at + 1] === '=' ? this.#take('declare', 2) : this.#fail('expected :=') !== null
      case '|': return this.#take('pipe', 1)
      case ',': return this.#take('comma', 1)
      case '"': return this.#string()
      case '`': return this.#rawString()
      case "'": return this.#char()
      case '$': return this.#word('variable', /\$[\p{L}\p{Nd}_]*/uy)
      case '(':
        this.#parens++
        return this.#take('leftParen', 1)
      case ')': return --this.#parens < 0 ? this.#fail('unexpected right paren') !== null : this.#take('rightParen', 1)
      case '.': return /[0-9]/.test(this.#text[this.#at + 1] ?? '') ? this.#number() : this.#dot()
      default: return this.#other(c)
    }
  }

  #other(c: string): boolean {
    if (/[0-9+-]/.test(c)) return this.#number()
    if (/[\p{L}\p{Nd}_]/u.test(c)) return this.#word('identifier', /[\p{L}\p{Nd}_]+/uy)
    if (/[!-~]/.test(c)) return this.#take('symbol', 1)
    const code = this.#text.codePointAt(this.#at) ?? 0
    return this.#fail(`unrecognized character in action: U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`) !== null
  }

  #dot(): boolean {
    return /[\p{L}\p{Nd}_]/u.test(this.#text[this.#at + 1] ?? '') ? this.#word('field', /\.[\p{L}\p{Nd}_]+/uy) : this.#take('dot', 1)
  }

  #word(kind: TokenKind, pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const word = pattern.exec(this.#text)![0]
    ENDS_WORD.lastIndex = this.#at + word.length
    if (!ENDS_WORD.test(this.#text) && !this.#text.startsWith('}}', this.#at + word.length)) {
      const code = this.#text.codePointAt(this.#at + word.length) ?? 0
      return this.#fail(`bad character U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`) !== null
    }
    const found = kind !== 'identifier' ? kind : KEYWORDS.has(word) ? 'keyword' : word === 'true' || word === 'false' ? 'bool' : word === 'nil' ? 'nil' : kind
    return this.#take(found, word.length)
  }

  #number(): boolean {
    const pattern = /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#text)![0]
    const next = this.#text[this.#at + text.length] ?? ''
    if (text === '' || /[\p{L}\p{Nd}_]/u.test(next)) return this.#fail(`bad number syntax: "${text}${next}"`) !== null
    return this.#take('number', text.length)
  }

  #string(): boolean {
    let end = this.#at + 1
    for (; this.#text[end] !== '"'; end++) {
      if (this.#text[end] === undefined || this.#text[end] === '\n') return this.#fail('unterminated quoted string') !== null
      if (this.#text[end] === '\\') end++
    }
    return this.#take('string', end + 1 - this.#at)
  }

  #rawString(): boolean {
    const end = this.#text.indexOf('`', this.#at + 1)
    return end === -1 ? this.#fail('unterminated raw quoted string') !== null : this.#take('rawString', end + 1 - this.#at)
  }

  #char(): boolean {
    const found = /'(?:[^'\\\n]|\\[^\n])+'/y
    found.lastIndex = this.#at
    const match = found.exec(this.#text)
    return match === null ? this.#fail('unterminated character constant') !== null : this.#take('char', match[0].length)
  }

  #run(kind: TokenKind, pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    return this.#take(kind, pattern.exec(this.#text)![0].length)
  }

  #take(kind: TokenKind, length: number): true {
    this.#push(kind, this.#text.slice(this.#at, this.#at + length))
    this.#at += length
    return true
  }

  #push(kind: TokenKind, text: string): Token[] {
    this.#tokens.push({ kind, text, at: this.#at })
    return this.#tokens
  }

  #fail(message: string): null {
    this.#push('error', message)
    return null
  }
}
