/**
 * Reads RE2 patterns into trees, so that they can be searched for literals, simplified and checked for linear time. Used by `regex-literals.ts` and `regex-v8.ts`.
 * Knows the common syntax and answers null for all else, errors included: then re2js, which knows all of RE2, has the word.
 */

export type Ranges = ReadonlyArray<readonly [low: number, high: number]>

/** `fold`: case is ignored. `unicode`: property escapes as V8 writes them; with any, `ranges` is not the whole class. */
export interface ClassNode { readonly kind: 'class'; readonly ranges: Ranges; readonly unicode: ReadonlyArray<string>; readonly negated: boolean; readonly fold: boolean }
export interface LiteralNode { readonly kind: 'literal'; readonly char: string; readonly fold: boolean }
export type AssertionKind = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'word' | 'notWord'

export type RegexNode =
  | ClassNode
  | LiteralNode
  | { readonly kind: 'concat' | 'alternate'; readonly nodes: ReadonlyArray<RegexNode> }
  | { readonly kind: 'repeat'; readonly node: RegexNode; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly kind: 'group'; readonly node: RegexNode; readonly name: string }
  | { readonly kind: 'assert'; readonly at: AssertionKind }

/** Beyond this nesting re2js is asked. */
const DEPTH_MAX = 100
/** RE2's own bound on counted repetition, also on the product of nested ones. */
const REPEAT_MAX = 1000

const PERL: Readonly<Record<string, Ranges>> = {
  d: [[48, 57]], s: [[9, 10], [12, 13], [32, 32]], w: [[48, 57], [65, 90], [95, 95], [97, 122]],
}
const POSIX: Readonly<Record<string, Ranges>> = {
  alnum: [[48, 57], [65, 90], [97, 122]], alpha: [[65, 90], [97, 122]], ascii: [[0, 127]], blank: [[9, 9], [32, 32]], cntrl: [[0, 31], [127, 127]], digit: [[48, 57]],
  graph: [[33, 126]], lower: [[97, 122]], print: [[32, 126]], punct: [[33, 47], [58, 64], [91, 96], [123, 126]], space: [[9, 13], [32, 32]], upper: [[65, 90]],
  word: [[48, 57], [65, 90], [95, 95], [97, 122]], xdigit: [[48, 57], [65, 70], [97, 102]],
}
const CONTROL: Readonly<Record<string, string>> = { a: '\x07', f: '\f', t: '\t', n: '\n', r: '\r', v: '\v' }
const CATEGORY = /^(?:L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/
const SIMPLE_COUNTS: Readonly<Record<string, { readonly min: number; readonly max: number }>> = {
  '*': { min: 0, max: Infinity }, '+': { min: 1, max: Infinity }, '?': { min: 0, max: 1 },
}
/** Numbers with leading zeros, and what is no count otherwise, stand for themselves. */
const COUNTS = /^\{(0|[1-9]\d*)(?:,(0|[1-9]\d*|))?\}/
const COUNTS_CHARS_MAX = 32
const NEWLINE: Ranges = [[10, 10]]

/** The pattern was left to re2js. */
class NotUnderstood extends Error {}

interface Flags { readonly fold: boolean; readonly multiline: boolean; readonly dotAll: boolean }

/** `dotAll`: `.` matches newlines from the start, as in label matchers. */
export function parseRegex(pattern: string, dotAll: boolean): RegexNode | null {
  try {
    return new Reader(pattern, { fold: false, multiline: false, dotAll }).whole()
  } catch (error) {
    if (error instanceof NotUnderstood) return null
    throw error
  }
}

export function complement(ranges: Ranges): Ranges {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0])
  const gaps: Array<[number, number]> = []
  let next = 0
  for (const [low, high] of sorted) {
    if (low > next) gaps.push([next, low - 1])
    next = Math.max(next, high + 1)
  }
  if (next <= 0x10ffff) gaps.push([next, 0x10ffff])
  return gaps
}

class Reader {
  private at = 0
  private depth = 0
  private readonly chars: ReadonlyArray<string>
  private flags: Flags

  constructor(pattern: string, flags: Flags) {
    this.chars = Array.from(pattern)
    this.flags = flags
  }

  whole(): RegexNode {
    const node = this.alternatives()
    if (this.at < this.chars.length) throw new NotUnderstood()
    return node
  }

  private take(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.chars[this.at + i] !== text[i]) return false
    this.at += text.length
    return true
  }

  private next(): string {
    const char = this.chars[this.at++]
    if (char === undefined || (char.length === 1 && char >= '\ud800' && char <= '\udfff')) throw new NotUnderstood()
    return char
  }

  private alternatives(): RegexNode {
    if (++this.depth > DEPTH_MAX) throw new NotUnderstood()
    const flags = this.flags
    const nodes = [this.sequence()]
    while (this.take('|')) nodes.push(this.sequence())
    this.flags = flags
    this.depth--
    return nodes.length === 1 ? nodes[0]! : { kind: 'alternate', nodes }
  }

  private sequence(): RegexNode {
    const nodes: RegexNode[] = []
    while (this.at < this.chars.length && this.chars[this.at] !== '|' && this.chars[this.at] !== ')') {
      if (this.chars[this.at] === '\\' && this.take('\\Q')) {
        while (this.at < this.chars.length && !this.take('\\E')) nodes.push(this.literal(this.next()))
        continue
      }
      const node = this.atom()
      if (node !== null) nodes.push(this.repeated(node))
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'concat', nodes }
  }

  private literal(char: string): RegexNode {
    return { kind: 'literal', char, fold: this.flags.fold && /\p{L}/u.test(char) }
  }

  /** null: flags only. */
  private atom(): RegexNode | null {
    const char = this.next()
    switch (char) {
      case '.': return { kind: 'class', ranges: this.flags.dotAll ? [] : NEWLINE, unicode: [], negated: true, fold: false }
      case '^': return { kind: 'assert', at: this.flags.multiline ? 'lineStart' : 'textStart' }
      case '$': return { kind: 'assert', at: this.flags.multiline ? 'lineEnd' : 'textEnd' }
      case '[': return this.charClass()
      case '(': return this.group()
      case '\\': return this.escape()
      case '*': case '+': case '?': throw new NotUnderstood()
      case '{':
        if (COUNTS.test(this.chars.slice(this.at - 1, this.at + COUNTS_CHARS_MAX).join(''))) throw new NotUnderstood()
        return this.literal(char)
      default: return this.literal(char)
    }
  }

  private group(): RegexNode | null {
    let name = ''
    if (this.chars[this.at] !== '?') return this.capture('')
    if (this.take('?P<') || this.take('?<')) {
      while (!this.take('>')) name += this.next()
      if (!/^\w+$/.test(name)) throw new NotUnderstood()
      return this.capture(name)
    }
    this.at++
    return this.flagGroup()
  }

  private capture(name: string): RegexNode {
    const node = this.alternatives()
    if (!this.take(')')) throw new NotUnderstood()
    return { kind: 'group', node, name }
  }

  private flagGroup(): RegexNode | null {
    const before = this.flags
    let on = true
    for (;;) {
      const char = this.next()
      if (char === '-' && on) on = false
      else if (char === 'i') this.flags = { ...this.flags, fold: on }
      else if (char === 'm') this.flags = { ...this.flags, multiline: on }
      else if (char === 's') this.flags = { ...this.flags, dotAll: on }
      else if (char === ')') return null
      else if (char === ':') break
      else throw new NotUnderstood()
    }
    const node = this.alternatives()
    if (!this.take(')')) throw new NotUnderstood()
    this.flags = before
    return node
  }

  private escape(): RegexNode {
    const char = this.next()
    if (char === 'A') return { kind: 'assert', at: 'textStart' }
    if (char === 'z') return { kind: 'assert', at: 'textEnd' }
    if (char === 'b' || char === 'B') return { kind: 'assert', at: char === 'b' ? 'word' : 'notWord' }
    const lower = char.toLowerCase()
    const perl = PERL[lower]
    if (perl !== undefined) return { kind: 'class', ranges: perl, unicode: [], negated: char !== lower, fold: false }
    if (lower === 'p') return { kind: 'class', ranges: [], unicode: [this.property(char)], negated: false, fold: this.flags.fold }
    return this.literal(this.escapedChar(char))
  }

  private property(letter: string): string {
    const negated = this.chars[this.at + 1] === '^'
    const name = this.take('{') ? this.until('}') : this.next()
    if (negated || !CATEGORY.test(name)) throw new NotUnderstood()
    return `\\${letter}{${name}}`
  }

  private until(end: string): string {
    let text = ''
    while (!this.take(end)) text += this.next()
    return text
  }

  private escapedChar(char: string): string {
    const control = CONTROL[char]
    if (control !== undefined) return control
    if (char === 'x') {
      const digits = this.take('{') ? this.until('}') : this.next() + this.next()
      const code = /^[\da-fA-F]{1,6}$/.test(digits) ? Number.parseInt(digits, 16) : Infinity
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new NotUnderstood()
      return String.fromCodePoint(code)
    }
    if (!/[!-/:-@[-`{-~]/.test(char)) throw new NotUnderstood()
    return char
  }

  private charClass(): RegexNode {
    const negated = this.take('^')
    const ranges: Array<readonly [number, number]> = []
    const unicode: string[] = []
    for (let first = true; first || !this.take(']'); first = false) {
      if (this.chars[this.at] === '[' && this.chars[this.at + 1] === ':') ranges.push(...this.posix())
      else if (this.chars[this.at] === '\\' && /[dswDSWpP]/.test(this.chars[this.at + 1] ?? '')) {
        const node = this.escapeInClass()
        ranges.push(...node.ranges)
        unicode.push(...node.unicode)
      } else ranges.push(this.range())
    }
    return { kind: 'class', ranges, unicode, negated, fold: this.flags.fold }
  }

  private escapeInClass(): { ranges: Ranges; unicode: ReadonlyArray<string> } {
    this.at++
    const node = this.escape()
    if (node.kind !== 'class') throw new NotUnderstood()
    return { ranges: node.negated ? complement(node.ranges) : node.ranges, unicode: node.unicode }
  }

  private posix(): Ranges {
    this.at += 2
    const name = this.until(':')
    const ranges = POSIX[name.replace('^', '')]
    if (ranges === undefined || !this.take(']')) throw new NotUnderstood()
    return name.startsWith('^') ? complement(ranges) : ranges
  }

  private range(): readonly [number, number] {
    const low = this.classChar()
    if (this.chars[this.at] !== '-' || this.chars[this.at + 1] === ']') return [low, low]
    this.at++
    const high = this.classChar()
    if (high < low) throw new NotUnderstood()
    return [low, high]
  }

  private classChar(): number {
    const char = this.next()
    return (char === '\\' ? this.escapedChar(this.next()) : char).codePointAt(0) ?? 0
  }

  private repeated(node: RegexNode): RegexNode {
    const counts = this.counts()
    if (counts === null) return node
    const lazy = this.take('?')
    const repeat: RegexNode = { kind: 'repeat', node, ...counts, lazy }
    if (this.counts() !== null || largestRepeat(repeat) > REPEAT_MAX) throw new NotUnderstood()
    return repeat
  }

  private counts(): { min: number; max: number } | null {
    const simple = SIMPLE_COUNTS[this.chars[this.at] ?? '']
    if (simple !== undefined) {
      this.at++
      return simple
    }
    if (this.chars[this.at] !== '{') return null
    const match = COUNTS.exec(this.chars.slice(this.at, this.at + COUNTS_CHARS_MAX).join(''))
    if (match === null) return null
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[2] === '' ? Infinity : Number(match[2])
    if (min > REPEAT_MAX || (max !== Infinity && (max > REPEAT_MAX || max < min))) throw new NotUnderstood()
    this.at += match[0].length
    return { min, max }
  }
}

function largestRepeat(node: RegexNode): number {
  switch (node.kind) {
    case 'repeat': return Math.max(1, node.max === Infinity ? node.min : node.max) * largestRepeat(node.node)
    case 'group': return largestRepeat(node.node)
    case 'concat': case 'alternate': return Math.max(1, ...node.nodes.map(largestRepeat))
    default: return 1
  }
}
