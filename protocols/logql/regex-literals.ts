/**
 * What can be known of a regular expression's text without running it: the strings it stands for, the literals a match must contain, whether it only asks for
 * literals one after the other. Pure functions over trees of `regex-syntax.ts`; used by `regex.ts`.
 */
import type { ClassNode, RegexNode } from './regex-syntax.ts'

/** Each text that matches contains one of these; `fold`: in any case (Unicode simple folding: `k` is also U+212A, `s` also U+017F). */
export interface LiteralClause { readonly anyOf: ReadonlyArray<string>; readonly fold: boolean }

/** A set of strings larger than this is not listed. */
const STRINGS_MAX = 4096
const STRING_CHARS_MAX = 65_536
/** Clauses with more alternatives cost more to search than they save; runs are joined only up to a few. */
const CLAUSE_STRINGS_MAX = 64
const RUN_STRINGS_MAX = 8

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
export function flat(node: RegexNode): RegexNode[] {
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
