/**
 * When V8's backtracking engine may run a regular expression: it must be sure to take linear time and to give RE2's captures. And the expression spelled for
 * it. Pure functions over trees of `regex-syntax.ts`; used by `regex.ts`.
 */
import { flat } from './regex-literals.ts'
import { complement, type AssertionKind, type ClassNode, type Ranges, type RegexNode } from './regex-syntax.ts'

/** Most ways in which a bounded pattern may match at one position, for V8; and the longest counted repetition. */
const WAYS_MAX = 64
const COUNT_MAX = 100

export const anchored = (node: RegexNode): RegexNode => ({ kind: 'concat', nodes: [{ kind: 'assert', at: 'textStart' }, node, { kind: 'assert', at: 'textEnd' }] })

/**
 * Whether backtracking is sure to take linear time. Accepted: patterns with few ways to match at a position; and loops over one class whose next character
 * cannot be in the class, in a pattern that starts at the text's start or with a character that no loop takes (so attempts do not share a loop's text).
 */
export function isLinear(node: RegexNode): boolean {
  const nodes = flat(node)
  const loops = nodes.flatMap((part, i) => (part.kind === 'repeat' && part.max === Infinity ? [i] : []))
  const rest = nodes.filter((_part, i) => !loops.includes(i))
  if (rest.reduce((ways, part) => ways * waysOf(part), 1) > WAYS_MAX) return false
  if (loops.length === 0) return true
  const classes = loops.map((i) => loopRanges(nodes[i]!))
  const first = nodes[0]!
  const fromStart = first.kind === 'assert' && first.at === 'textStart'
  const starts = firstRanges(first)
  if (!fromStart && (starts === null || loops[0] === 0 || classes.some((ranges) => ranges === null || !disjoint(ranges, starts)))) return false
  return loops.every((i, k) => {
    const next = nodes[i + 1]
    if (next === undefined) return true
    if (next.kind === 'assert') return next.at === 'textEnd' && i + 2 === nodes.length && classes[k] !== undefined && isSingle(nodes[i]!)
    const ranges = classes[k] ?? null
    const following = firstRanges(next)
    return ranges !== null && following !== null && disjoint(ranges, following)
  }) && loops.every((i) => isSingle(nodes[i]!))
}

const isSingle = (node: RegexNode): boolean => node.kind === 'repeat' && (node.node.kind === 'class' || node.node.kind === 'literal')

function waysOf(node: RegexNode): number {
  switch (node.kind) {
    case 'group': return waysOf(node.node)
    case 'concat': return node.nodes.reduce((ways, part) => ways * waysOf(part), 1)
    case 'alternate': return node.nodes.reduce((ways, part) => ways + waysOf(part), 0)
    case 'repeat': {
      const each = waysOf(node.node)
      if (node.max === Infinity || node.max > COUNT_MAX) return Infinity
      return each === 1 ? node.max - node.min + 1 : (node.max - node.min + 1) * each ** node.max
    }
    default: return 1
  }
}

/** The characters a node can start with, when it must take one and they are known. */
function firstRanges(node: RegexNode): Ranges | null {
  switch (node.kind) {
    case 'literal': return foldRanges([[node.char.codePointAt(0) ?? 0, node.char.codePointAt(0) ?? 0]], node.fold)
    case 'class': return rangesOf(node)
    case 'group': return firstRanges(node.node)
    case 'repeat': return node.min === 0 ? null : firstRanges(node.node)
    case 'concat': return node.nodes[0] === undefined ? null : firstRanges(node.nodes[0])
    case 'alternate': {
      const all = node.nodes.map(firstRanges)
      return all.some((ranges) => ranges === null) ? null : all.flatMap((ranges) => [...(ranges ?? [])])
    }
    case 'assert': return null
  }
}

const loopRanges = (node: RegexNode): Ranges | null => (node.kind === 'repeat' && isSingle(node) ? firstRanges(node.node) : null)

function rangesOf({ ranges, unicode, negated, fold }: ClassNode): Ranges | null {
  if (unicode.length > 0) return null
  const folded = foldRanges(ranges, fold)
  return folded === null ? null : negated ? complement(folded) : folded
}

/** With both cases; null beyond ASCII, where folding has too many corners to reason about here. */
function foldRanges(ranges: Ranges, fold: boolean): Ranges | null {
  if (!fold) return ranges
  if (ranges.some(([, high]) => high > 127)) return null
  const letters = ranges.flatMap(([low, high]): Ranges => [
    [Math.max(low, 65) + 32, Math.min(high, 90) + 32], [Math.max(low, 97) - 32, Math.min(high, 122) - 32],
  ]).filter(([low, high]) => low <= high)
  return [...ranges, ...letters, [0x17f, 0x17f], [0x212a, 0x212a]]
}

const disjoint = (a: Ranges, b: Ranges): boolean => a.every(([low, high]) => b.every(([from, to]) => high < from || to < low))

/** Whether captures come out of V8 as RE2 gives them: none inside a repetition, where V8 forgets earlier rounds. */
export function capturesAgree(node: RegexNode, repeated = false): boolean {
  switch (node.kind) {
    case 'group': return !repeated && capturesAgree(node.node, repeated)
    case 'repeat': return capturesAgree(node.node, true)
    case 'concat': case 'alternate': return node.nodes.every((part) => capturesAgree(part, repeated))
    default: return true
  }
}

export function groupNamesOf(node: RegexNode): string[] {
  switch (node.kind) {
    case 'group': return [node.name, ...groupNamesOf(node.node)]
    case 'repeat': return groupNamesOf(node.node)
    case 'concat': case 'alternate': return node.nodes.flatMap(groupNamesOf)
    default: return []
  }
}

/** Instructions that a machine for it would have, about. */
export function sizeOf(node: RegexNode): number {
  switch (node.kind) {
    case 'group': return 2 + sizeOf(node.node)
    case 'repeat': return (node.max === Infinity ? node.min + 1 : Math.max(node.max, 1)) * (1 + sizeOf(node.node))
    case 'concat': case 'alternate': return node.nodes.reduce((size, part) => size + sizeOf(part), node.nodes.length)
    default: return 1
  }
}

const WORD = '[0-9A-Za-z_]'
const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`
const ASSERTIONS: Readonly<Record<AssertionKind, string>> = {
  textStart: '^', textEnd: '$', lineStart: '(?:^|(?<=\\n))', lineEnd: '(?:$|(?=\\n))', word: BOUNDARY, notWord: `(?!${BOUNDARY})`,
}

/** The pattern for `new RegExp(…, 'u')`. Groups keep their numbers and lose their names. */
export function toV8(node: RegexNode): string {
  switch (node.kind) {
    case 'literal': return node.fold && node.char > '\x7f' ? everyCase(node.char) : folded(charForV8(node.char.codePointAt(0) ?? 0), node.fold)
    case 'class': {
      const inner = node.ranges.map(([low, high]) => charForV8(low) + (low === high ? '' : `-${charForV8(high)}`)).join('') + node.unicode.join('')
      return folded(`[${node.negated ? '^' : ''}${inner}]`, node.fold)
    }
    case 'assert': return ASSERTIONS[node.at]
    case 'group': return `(${toV8(node.node)})`
    case 'repeat': return `(?:${toV8(node.node)})${countsForV8(node.min, node.max)}${node.lazy ? '?' : ''}`
    case 'concat': return node.nodes.map((part) => (part.kind === 'alternate' ? `(?:${toV8(part)})` : toV8(part))).join('')
    case 'alternate': return node.nodes.map(toV8).join('|')
  }
}

/** V8 forgets some pairs of a letter beyond ASCII inside `(?i:…)`, such as `ſ` and `s`. */
const everyCase = (char: string): string => {
  const lower = char.toUpperCase().toLowerCase()
  const cases = new Set([char, lower, char.toLowerCase(), char.toUpperCase(), lower.toUpperCase()].filter((one) => [...one].length === 1))
  return `(?i:[${[...cases].map((one) => charForV8(one.codePointAt(0) ?? 0)).join('')}])`
}
const folded = (text: string, fold: boolean): string => (fold ? `(?i:${text})` : text)
const charForV8 = (code: number): string =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`
const countsForV8 = (min: number, max: number): string => (max === Infinity ? (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`) : `{${min},${max}}`)
