/**
 * Go template text -> `Template`. Throws `TemplateSyntaxError` with Go's message. Called once a query; sizes are bounded by the query's own limit and by
 * `DEPTH_MAX`.
 */
import { unquote } from '../literals.ts'
import { goQuote } from '../go-text.ts'
import { lex, type Token } from './lexer.ts'
import { type Command, type Node, type Operand, operandText, type Pipe, type Template } from './nodes.ts'

export class TemplateSyntaxError extends Error {}

/** Nesting of actions and parentheses: the parser and the evaluator recurse. */
const DEPTH_MAX = 100
/** Longer tokens are cut in messages, as Go does. */
const SHOWN_BYTES_MAX = 10

type Branch = 'if' | 'with' | 'range'
/** What ended a list of nodes. */
type Ending = 'eof' | 'end' | 'else'

export function parseTemplate(name: string, text: string, isFunction: (name: string) => boolean): Template {
  return new Parser(name, text, isFunction).parse()
}

class Parser {
  readonly #name: string
  readonly #text: string
  readonly #isFunction: (name: string) => boolean
  readonly #tokens: ReadonlyArray<Token>
  readonly #defined = new Map<string, ReadonlyArray<Node>>()
  #variables: string[] = ['$']
  #position = 0
  #depth = 0
  #loops = 0

  constructor(name: string, text: string, isFunction: (name: string) => boolean) {
    this.#name = name
    this.#text = text
    this.#isFunction = isFunction
    this.#tokens = lex(text)
  }

  parse(): Template {
    const { nodes, ending, token } = this.#list(true)
    if (ending !== 'eof') this.#fail(`unexpected {{${ending}}}`, token)
    return { name: this.#name, text: this.#text, root: nodes, defined: this.#defined }
  }

  #list(top: boolean): { nodes: Node[]; ending: Ending; token: Token } {
    const nodes: Node[] = []
    for (;;) {
      const token = this.#next()
      if (token.kind === 'eof') {
        if (!top) this.#fail('unexpected EOF', token)
        return { nodes, ending: 'eof', token }
      }
      if (token.kind === 'error') this.#fail(token.text, token)
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text, at: token.at })
        continue
      }
      if (token.kind !== 'open') this.#unexpected(token, 'input')
      const ending = this.#action(nodes, top)
      if (ending !== null) return { nodes, ending, token }
    }
  }

  /** What follows `{{`; appends its node, or says what list it ends. */
  #action(nodes: Node[], top: boolean): 'end' | 'else' | null {
    const token = this.#skipSpace()
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'end':
          this.#expectClose('end')
          return 'end'
        case 'else':
          this.#elseClause()
          return 'else'
        case 'if': case 'with': case 'range': nodes.push(this.#branch(token.text, token.at)); return null
        case 'template': nodes.push(this.#templateCall()); return null
        case 'block': nodes.push(this.#block()); return null
        case 'define':
          if (!top) this.#unexpected(token, 'command')
          this.#define()
          return null
        case 'break': case 'continue':
          this.#expectClose(`{{${token.text}}}`)
          if (this.#loops === 0) this.#fail(`{{${token.text}}} outside {{range}}`, token)
          nodes.push({ kind: token.text, at: token.at })
          return null
      }
    }
    this.#backup()
    nodes.push({ kind: 'action', at: token.at, pipe: this.#pipe('command', 'close') })
    return null
  }

  #branch(kind: Branch, at: number): Node {
    return this.#nested(() => {
      const outer = this.#variables.length
      const pipe = this.#pipe(kind, 'close')
      if (kind === 'range') this.#loops++
      const { nodes: body, ending, token } = this.#list(false)
      if (kind === 'range') this.#loops--
      const otherwise = ending === 'else' ? this.#elseOf(kind, token) : []
      this.#variables.length = outer
      return { kind, at, pipe, body, otherwise }
    })
  }

  /** The rest of `{{else}}`; the keyword of `{{else if` and `{{else with` is left for what they continue. */
  #elseClause(): void {
    const next = this.#skipSpace()
    if (next.kind === 'keyword' && (next.text === 'if' || next.text === 'with')) this.#backup()
    else if (next.kind !== 'close') this.#unexpected(next, 'else')
  }

  #elseOf(kind: Branch, token: Token): Node[] {
    const next = this.#peek()
    if (next.kind === 'keyword' && next.text === kind && kind !== 'range') {
      this.#next()
      return [this.#branch(kind, next.at)]
    }
    const { nodes, ending } = this.#list(false)
    if (ending === 'else') this.#fail('expected end; found {{else}}', token)
    return nodes
  }

  #templateCall(): Node {
    const { name, at } = this.#stringName('template clause')
    if (this.#skipSpace().kind === 'close') return { kind: 'template', at, name, pipe: null }
    this.#backup()
    return { kind: 'template', at, name, pipe: this.#pipe('template clause', 'close') }
  }

  #block(): Node {
    const { name, at } = this.#stringName('block clause')
    const pipe = this.#pipe('block clause', 'close')
    this.#body(name)
    return { kind: 'template', at, name, pipe }
  }

  #define(): void {
    const { name } = this.#stringName('define clause')
    this.#expectClose('define clause')
    this.#body(name)
  }

  #body(name: string): void {
    const outer = this.#variables
    this.#variables = ['$']
    const { nodes, ending, token } = this.#nested(() => this.#list(false))
    if (ending !== 'end') this.#fail(`unexpected {{${ending}}} in define clause`, token)
    this.#variables = outer
    this.#defined.set(name, nodes)
  }

  #stringName(context: string): { name: string; at: number } {
    const token = this.#skipSpace()
    if (token.kind !== 'string' && token.kind !== 'rawString') this.#unexpected(token, context)
    return { name: this.#unquote(token), at: token.at }
  }

  #pipe(context: string, end: 'close' | 'rightParen'): Pipe {
    return this.#nested(() => {
      const first = this.#skipSpace()
      this.#backup()
      const { declares, assigns } = this.#declarations(context)
      const commands: Command[] = []
      for (;;) {
        const token = this.#skipSpace()
        if (token.kind === end) {
          this.#checkPipe(commands, context, token)
          return { kind: 'pipe', at: first.at, declares, assigns, commands }
        }
        this.#backup()
        if (!STARTS_OPERAND.has(token.kind)) this.#unexpected(token, context)
        commands.push(this.#command())
      }
    })
  }

  #declarations(context: string): { declares: string[]; assigns: boolean } {
    const names: string[] = []
    for (;;) {
      const start = this.#position
      const name = this.#skipSpace()
      const next = name.kind === 'variable' ? this.#skipSpace() : name
      if (name.kind !== 'variable' || (next.kind !== 'declare' && next.kind !== 'assign' && next.kind !== 'comma')) {
        this.#position = start
        return { declares: names, assigns: false }
      }
      names.push(name.text)
      this.#variables.push(name.text)
      if (next.kind !== 'comma') return { declares: names, assigns: next.kind === 'assign' }
      if (context !== 'range' || names.length > 1) this.#fail(`too many declarations in ${context}`, next)
      const following = this.#skipSpace()
      this.#backup()
      if (following.kind !== 'variable' && following.kind !== 'close' && following.kind !== 'rightParen') this.#fail('range can only initialize variables', following)
    }
  }

  #checkPipe(commands: ReadonlyArray<Command>, context: string, token: Token): void {
    if (commands.length === 0) this.#fail(`missing value for ${context}`, token)
    for (const [i, command] of commands.entries()) {
      const first = command.args[0]!.kind
      if (i > 0 && (first === 'bool' || first === 'dot' || first === 'nil' || first === 'number' || first === 'string')) {
        this.#fail(`non executable command in pipeline stage ${i + 1}`, token)
      }
    }
  }

  #command(): Command {
    const args: Operand[] = []
    const at = this.#skipSpace().at
    this.#backup()
    for (;;) {
      this.#skipSpace()
      this.#backup()
      const operand = this.#operand()
      if (operand !== null) args.push(operand)
      const token = this.#next()
      if (token.kind === 'space') continue
      if (token.kind === 'close' || token.kind === 'rightParen') this.#backup()
      else if (token.kind !== 'pipe') this.#unexpected(token, 'operand')
      break
    }
    if (args.length === 0) this.#fail('empty command', this.#peek())
    return { at, args }
  }

  #operand(): Operand | null {
    const node = this.#term()
    if (node === null || this.#peek().kind !== 'field') return node
    const { at } = this.#peek()
    const names: string[] = []
    while (this.#peek().kind === 'field') names.push(this.#next().text.slice(1))
    if (node.kind === 'field') return { ...node, at, names: [...node.names, ...names] }
    if (node.kind === 'variable') return { ...node, at, names: [...node.names, ...names] }
    if (node.kind === 'bool' || node.kind === 'string' || node.kind === 'number' || node.kind === 'nil' || node.kind === 'dot') {
      this.#fail(`unexpected . after term ${goQuote(operandText(node))}`, this.#peek())
    }
    return { kind: 'chain', at, node, names }
  }

  #term(): Operand | null {
    const token = this.#skipSpace()
    const { at } = token
    switch (token.kind) {
      case 'identifier':
        if (!this.#isFunction(token.text)) this.#fail(`function ${goQuote(token.text)} not defined`, token)
        return { kind: 'function', at, name: token.text }
      case 'dot': return { kind: 'dot', at }
      case 'nil': return { kind: 'nil', at }
      case 'variable':
        if (!this.#variables.includes(token.text)) this.#fail(`undefined variable ${goQuote(token.text)}`, token)
        return { kind: 'variable', at, name: token.text, names: [] }
      case 'field': return { kind: 'field', at, names: [token.text.slice(1)] }
      case 'bool': return { kind: 'bool', at, value: token.text === 'true' }
      case 'number': case 'char': return this.#number(token)
      case 'string': case 'rawString': return { kind: 'string', at, quoted: token.text, value: this.#unquote(token) }
      case 'leftParen': return this.#pipe('parenthesized pipeline', 'rightParen')
      default:
        this.#backup()
        return null
    }
  }

  #number(token: Token): Operand {
    const text = token.text
    if (token.kind === 'char') {
      const char = text === '\'"\'' ? '"' : unquote(`'${text.slice(1, -1)}'`)
      if (char === null || char === '') this.#fail('invalid syntax', token)
      if ([...char].length !== 1) this.#fail(`malformed character constant: ${text}`, token)
      const code = char.codePointAt(0) ?? 0
      return { kind: 'number', at: token.at, text, int: BigInt(code), float: code }
    }
    const plain = text.replaceAll('_', '')
    const sign = plain.startsWith('-') ? -1n : 1n
    const digits = plain.replace(/^[+-]/, '')
    if (/^(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9]+)$/.test(digits)) {
      const value = sign * BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits)
      if (value < -(2n ** 63n) || value >= 2n ** 64n) this.#fail(`integer overflow: ${goQuote(text)}`, token)
      return { kind: 'number', at: token.at, text, int: value < 2n ** 63n ? value : null, float: Number(value) }
    }
    const float = Number(plain)
    if (!Number.isFinite(float) || digits === '' || digits === '.') this.#fail(`illegal number syntax: ${goQuote(text)}`, token)
    return { kind: 'number', at: token.at, text, int: Number.isInteger(float) && Math.abs(float) < 2 ** 63 ? BigInt(float) : null, float }
  }

  #unquote(token: Token): string {
    const value = unquote(token.text)
    return value ?? this.#fail('invalid syntax', token)
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > DEPTH_MAX) this.#fail(`nested deeper than ${DEPTH_MAX}`, this.#peek())
    const result = parse()
    this.#depth--
    return result
  }

  #expectClose(context: string): void {
    const token = this.#skipSpace()
    if (token.kind !== 'close') this.#unexpected(token, context)
  }

  #next(): Token {
    const token = this.#tokens[this.#position] ?? this.#tokens.at(-1)!
    this.#position++
    return token
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? this.#tokens.at(-1)!
  }

  #skipSpace(): Token {
    let token = this.#next()
    while (token.kind === 'space') token = this.#next()
    return token
  }

  #backup(): void {
    this.#position--
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind === 'error') this.#fail(token.text, token)
    const chars = [...token.text]
    const quoted = Buffer.byteLength(token.text) > SHOWN_BYTES_MAX ? `${goQuote(chars.slice(0, SHOWN_BYTES_MAX).join(''))}...` : goQuote(token.text)
    const shown = token.kind === 'eof' ? 'EOF' : token.kind === 'keyword' ? `<${token.text}>` : quoted
    return this.#fail(`unexpected ${shown} in ${context}`, token)
  }

  #fail(message: string, token: Token): never {
    const line = this.#text.slice(0, token.at).split('\n').length
    throw new TemplateSyntaxError(`template: ${this.#name}:${line}: ${message}`)
  }
}

const STARTS_OPERAND: ReadonlySet<Token['kind']> = new Set([
  'bool', 'char', 'dot', 'field', 'identifier', 'number', 'nil', 'rawString', 'string', 'variable', 'leftParen',
])
