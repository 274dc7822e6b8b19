/**
 * What can be known of a regular expression without running it: the literals a match must contain, whether it is only literals, whether V8's backtracking
 * engine is sure to run it in linear time, and its spelling for V8. Pure functions over trees of `regex-syntax.ts`; used by `regex.ts`.
 */
import { complement, type AssertionKind, type ClassNode, type Ranges, type RegexNode } from './regex-syntax.ts'

/** Each text that matches contains one of these; `fold`: in any case (Unicode simple folding: `k` is also U+212A, `s` also U+017F). */
export interface LiteralClause { readonly anyOf: ReadonlyArray<string>; readonly fold: boolean }

/** A set of strings larger than this is not listed. */
const STRINGS_MAX = 4096
const STRING_CHARS_MAX = 65_536
/** Clauses with more alternatives cost more to search than they save; runs are joined only up to a few. */
const CLAUSE_STRINGS_MAX = 64
const RUN_STRINGS_MAX = 8
/** Most ways in which a bounded pattern may match at one position, for V8; and the longest counted repetition. */
const WAYS_MAX = 64
const COUNT_MAX = 100

/** Whether '' matches, for unanchored and whole matching alike. */
export function matchesEmptyText(node: RegexNode): boolean {
  switch (node.kind) {
    case 'literal': case 'class': return false
    case 'assert': return node.at !== 'word'
    case 'group': return matchesEmptyText(node.node)
    case 'repeat': return node.min === 0 || matchesEmptyText(node.node)
    case 'concat': return node.nodes.every(matchesEmptyText)
    case 'alternate': return node.nodes.some(matchesEmptyText)
  }
}

interface Strings { readonly texts: ReadonlyArray<string>; /** null: no letters yet, so either. */ readonly fold: boolean | null }

/** All strings of a language that is a short list of them; null when it is not. */
export function stringsOf(node: RegexNode): Strings | null {
  switch (node.kind) {
    case 'literal': return { texts: [node.char], fold: /\p{L}/u.test(node.char) ? node.fold : null }
    case 'class': return charsOf(node)
    case 'group': return stringsOf(node.node)
    case 'assert': return null
    case 'repeat': {
      if (node.max === 1 && node.min === 0) return union([{ texts: [''], fold: null }, stringsOf(node.node)])
      return node.min === node.max && node.max <= 64 ? product(Array.from<RegexNode>({ length: node.max }).fill(node.node)) : null
    }
    case 'concat': return product(node.nodes)
    case 'alternate': return union(node.nodes.map(stringsOf))
  }
}

function charsOf({ ranges, unicode, negated, fold }: ClassNode): Strings | null {
  const count = ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0)
  if (negated || fold || unicode.length > 0 || count > 16) return null
  return { texts: ranges.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, i) => String.fromCodePoint(low + i))), fold: null }
}

const agree = (a: boolean | null, b: boolean | null): boolean | null | undefined => (a === null ? b : b === null || a === b ? a : undefined)

function union(parts: ReadonlyArray<Strings | null>): Strings | null {
  const texts: string[] = []
  let fold: boolean | null = null
  for (const part of parts) {
    const agreed: boolean | null | undefined = part === null ? undefined : agree(fold, part.fold)
    if (part === null || agreed === undefined || texts.length + part.texts.length > STRINGS_MAX) return null
    fold = agreed
    for (const text of part.texts) texts.push(text)
  }
  return { texts, fold }
}

function product(nodes: ReadonlyArray<RegexNode>): Strings | null {
  let texts = ['']
  let fold: boolean | null = null
  for (const node of nodes) {
    const part: Strings | null = stringsOf(node)
    const agreed: boolean | null | undefined = part === null ? undefined : agree(fold, part.fold)
    if (part === null || agreed === undefined || texts.length * part.texts.length > STRINGS_MAX) return null
    fold = agreed
    texts = part.texts.length === 1 ? texts.map((text) => text + (part.texts[0] ?? '')) : texts.flatMap((text) => part.texts.map((next) => text + next))
    if (texts.length * (texts[0]?.length ?? 0) > STRING_CHARS_MAX) return null
  }
  return { texts, fold }
}

/** Clauses that every match must satisfy; none when nothing is sure. */
export function clausesOf(node: RegexNode): LiteralClause[] {
  const clauses = clausesIn(node).filter(({ anyOf }) => anyOf.length <= CLAUSE_STRINGS_MAX && !anyOf.includes(''))
  return clauses.filter((clause) => shortest(clause) > 1 || clause.anyOf.length === 1)
}

function clausesIn(node: RegexNode): LiteralClause[] {
  switch (node.kind) {
    case 'group': return clausesIn(node.node)
    case 'repeat': return node.min > 0 ? clausesIn(node.node) : []
    case 'concat': return runsOf(node.nodes.flatMap(flat))
    case 'alternate': return anyClause(node.nodes.map(clausesIn))
    case 'literal': return runsOf([node])
    default: return []
  }
}

/** Joins neighbours of a sequence that are one string or few, as far as they go. */
function runsOf(nodes: ReadonlyArray<RegexNode>): LiteralClause[] {
  const clauses: LiteralClause[] = []
  let run: Strings = { texts: [''], fold: null }
  const flush = (): void => {
    if (!run.texts.includes('')) clauses.push({ anyOf: run.texts, fold: run.fold ?? false })
    run = { texts: [''], fold: null }
  }
  for (const node of nodes) {
    const strings = stringsOf(node)
    if (strings === null || strings.texts.length > RUN_STRINGS_MAX) {
      flush()
      clauses.push(...clausesIn(node))
      continue
    }
    if (run.texts.length * strings.texts.length > RUN_STRINGS_MAX || agree(run.fold, strings.fold) === undefined) flush()
    run = { texts: run.texts.flatMap((text) => strings.texts.map((next) => text + next)), fold: agree(run.fold, strings.fold) ?? null }
  }
  flush()
  return clauses
}

/** Of alternatives, the one clause that holds whichever matched: the union of each one's most telling clause. */
function anyClause(alternatives: ReadonlyArray<ReadonlyArray<LiteralClause>>): LiteralClause[] {
  const telling = alternatives.map((clauses) => clauses.toSorted((a, b) => shortest(b) - shortest(a))[0])
  if (telling.some((clause) => clause === undefined)) return []
  const anyOf = telling.flatMap((clause) => [...(clause?.anyOf ?? [])])
  return anyOf.length > CLAUSE_STRINGS_MAX ? [] : [{ anyOf, fold: telling.some((clause) => clause?.fold === true) }]
}

const shortest = (clause: LiteralClause): number => Math.min(...clause.anyOf.map((text) => text.length))

/** Sequences and plain groups flattened, for a pattern whose captures are not asked for. */
function flat(node: RegexNode): RegexNode[] {
  if (node.kind === 'group') return flat(node.node)
  return node.kind === 'concat' ? node.nodes.flatMap(flat) : [node]
}

/** A pattern that matches somewhere in a text exactly when this one does, without the repetitions at its edges that decide nothing. */
export function trimmedForTest(node: RegexNode): RegexNode {
  const nodes = flat(node)
  const trim = (at: 0 | -1): void => {
    for (let edge = nodes.at(at); edge?.kind === 'repeat' && edge.max !== edge.min; edge = nodes.at(at)) {
      nodes.splice(at, 1, ...(edge.min === 0 ? [] : [{ ...edge, max: edge.min }]))
    }
  }
  trim(0)
  trim(-1)
  return nodes.length === 1 ? nodes[0]! : { kind: 'concat', nodes }
}

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

/** One piece of `a.*b.*c`: one of the texts, after at least `gap` further characters. */
export interface SequencePiece { readonly gap: number; readonly texts: ReadonlyArray<string> }

/**
 * The pieces of a pattern that only asks for literals one after the other on one line; null when it asks for more. `acrossLines`: the gaps may hold newlines.
 */
export function sequenceOf(node: RegexNode): { readonly pieces: ReadonlyArray<SequencePiece>; readonly acrossLines: boolean } | null {
  const pieces: SequencePiece[] = []
  const gaps = new Set<boolean>()
  let run: RegexNode[] = []
  let gap = 0
  const close = (): boolean => {
    const strings = product(run)
    const usable = strings !== null && strings.fold !== true && strings.texts.length <= RUN_STRINGS_MAX && strings.texts.every((text) => text !== '' && !text.includes('\n'))
    if (usable) pieces.push({ gap, texts: strings.texts })
    run = []
    return usable
  }
  for (const part of flat(node)) {
    const any = anythingOf(part)
    if (any === null) {
      run.push(part)
      continue
    }
    if (!close()) return null
    gap = any.min
    gaps.add(any.acrossLines)
  }
  return close() && gaps.size <= 1 ? { pieces, acrossLines: gaps.has(true) } : null
}

/** `.*` and its like. */
function anythingOf(node: RegexNode): { min: number; acrossLines: boolean } | null {
  if (node.kind !== 'repeat' || node.max !== Infinity || node.min > 1 || node.node.kind !== 'class') return null
  const { negated, unicode, ranges } = node.node
  const newlineOnly = ranges.length === 1 && ranges[0]?.[0] === 10 && ranges[0][1] === 10
  if (!negated || unicode.length > 0 || (ranges.length > 0 && !newlineOnly)) return null
  return { min: node.min, acrossLines: ranges.length === 0 }
}

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
    case 'literal': return folded(charForV8(node.char.codePointAt(0) ?? 0), node.fold)
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

const folded = (text: string, fold: boolean): string => (fold ? `(?i:${text})` : text)
const charForV8 = (code: number): string =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`
const countsForV8 = (min: number, max: number): string => (max === Infinity ? (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`) : `{${min},${max}}`)
