/**
 * Paths of the json operator's expressions: `a.b[0]["c d"]`. Parsed once a query. What is wrong with one is said in the words of a yacc parser, with the
 * tokens that it would have taken.
 */
import { unquote } from '../literals.ts'
import { StageError } from './stage.ts'

export type JsonPath = ReadonlyArray<string | number>

type TokenKind = 'DOT' | 'LSB' | 'RSB' | 'STRING' | 'FIELD' | 'INDEX' | '$end'
interface Token { readonly kind: TokenKind; readonly text: string }

/** A string that is not closed ends with the text. */
const TOKEN = /\s*(?:(?<DOT>\.)|(?<LSB>\[)|(?<RSB>\])|(?<STRING>"(?:[^"\\]|\\.)*(?:"|$))|(?<INDEX>\d+)|(?<FIELD>[a-zA-Z_][a-zA-Z0-9_-]*)|(?<end>$)|(?<other>.))/suy

/** Throws StageError when it is not a path. */
export function parseJsonPath(text: string): JsonPath {
  return new PathReader(text).path()
}

class PathReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  path(): JsonPath {
    const path: Array<string | number> = []
    for (;;) {
      const token = this.#next()
      if (token.kind === '$end' && path.length > 0) return path
      if (token.kind === 'LSB') path.push(this.#bracketed())
      else if (token.kind === 'DOT') path.push(this.#expect(['FIELD']).text)
      else if (token.kind === 'FIELD' && path.length === 0) path.push(token.text)
      else this.#unexpected(token, path.length === 0 ? ['LSB', 'FIELD'] : [])
    }
  }

  #bracketed(): string | number {
    const key = this.#expect(['STRING', 'INDEX'])
    this.#expect(['RSB'])
    if (key.kind === 'INDEX') return Number(key.text)
    return unquote(key.text.length > 1 && key.text.endsWith('"') ? key.text : `${key.text}"`) ?? key.text.slice(1, -1)
  }

  #expect(kinds: ReadonlyArray<TokenKind>): Token {
    const token = this.#next()
    return kinds.includes(token.kind) ? token : this.#unexpected(token, kinds)
  }

  #next(): Token {
    TOKEN.lastIndex = this.#at
    const { groups = {} } = TOKEN.exec(this.#text)!
    this.#at = TOKEN.lastIndex
    if (groups['other'] !== undefined) this.#fail(`unexpected char ${groups['other']}`)
    const [kind = 'end', text = ''] = Object.entries(groups).find(([, one]) => one !== undefined) ?? []
    return { kind: kind === 'end' ? '$end' : (kind as TokenKind), text }
  }

  #unexpected({ kind }: Token, expected: ReadonlyArray<TokenKind>): never {
    return this.#fail(`syntax error: unexpected ${kind}${expected.length === 0 ? '' : `, expecting ${expected.join(' or ')}`}`)
  }

  #fail(message: string): never {
    throw new StageError(`cannot parse expression [${this.#text}]: ${message}`)
  }
}
