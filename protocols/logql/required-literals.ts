/**
 * Literals that a line must contain for a line filter to let it pass: what block filters and whole-block searches are asked for. May say less than is
 * true, never more. Used by `scan-needs.ts`; pure.
 */
import type { LineFilter, Stage } from './ast.ts'
import type { LiteralFilter } from './scan.ts'

/** Stages after which the line is no longer the stored one. */
const CHANGES_LINE: ReadonlySet<Stage['kind']> = new Set(['lineFormat', 'unpack', 'decolorize'])

export function requiredLiterals(stages: ReadonlyArray<Stage>): LiteralFilter {
  const all: string[][] = []
  for (const stage of stages) {
    if (CHANGES_LINE.has(stage.kind)) break
    if (stage.kind === 'lineFilter') all.push(...literalsOfFilter(stage))
  }
  return all
}

function literalsOfFilter({ op, terms }: LineFilter): string[][] {
  if (op !== '|=' && op !== '|~' && op !== '|>') return []
  if (terms.some((term) => term.ip)) return []
  const perTerm = terms.map(({ value }) => (op === '|=' ? [[value]] : op === '|~' ? regexLiterals(value) : value.split('<_>').map((part) => [part])))
  const usable = perTerm.map((conjunction) => conjunction.filter((any) => any.length > 0 && any.every((literal) => literal !== '')))
  return usable.length === 1 ? usable[0]! : eitherOf(usable)
}

/** One disjunction out of several conjunctions: the most telling member of each. Empty when one of them says nothing. */
function eitherOf(conjunctions: ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>>): string[][] {
  const best = conjunctions.map((conjunction) => conjunction.reduce<ReadonlyArray<string>>((a, b) => (shortest(b) > shortest(a) ? b : a), []))
  return best.every((any) => any.length > 0) ? [best.flat()] : []
}

const shortest = (any: ReadonlyArray<string>): number => (any.length === 0 ? 0 : Math.min(...any.map((literal) => literal.length)))

/** Of an RE2 expression: what stands outside groups, classes and repetitions. */
export function regexLiterals(pattern: string): string[][] {
  if (pattern.includes('(?') || pattern.includes('\\Q')) return []
  const alternatives = splitAlternatives(pattern)
  if (alternatives === null) return []
  const perAlternative = alternatives.map((alternative) => literalsOfConcatenation(alternative).map((literal) => [literal]))
  return perAlternative.length === 1 ? perAlternative[0]! : eitherOf(perAlternative)
}

/** At the top level only; null: brackets do not match. */
function splitAlternatives(pattern: string): string[] | null {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') i++
    else if (char === '[') i = classEnd(pattern, i)
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === '|' && depth === 0) {
      parts.push(pattern.slice(start, i))
      start = i + 1
    }
    if (depth < 0) return null
  }
  return depth === 0 ? [...parts, pattern.slice(start)] : null
}

/** Index of the `]` that closes the class opened at `start`. */
function classEnd(pattern: string, start: number): number {
  let i = start + 1
  if (pattern[i] === '^') i++
  if (pattern[i] === ']') i++
  for (; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++
    else if (pattern.startsWith('[:', i)) i = Math.max(i, pattern.indexOf(':]', i) + 1)
    else if (pattern[i] === ']') return i
  }
  return pattern.length
}

function literalsOfConcatenation(pattern: string): string[] {
  const found: string[] = []
  let current: string[] = []
  const close = (): void => {
    if (current.length > 0) found.push(current.join(''))
    current = []
  }
  for (let i = 0; i < pattern.length; ) {
    const char = String.fromCodePoint(pattern.codePointAt(i)!)
    const escaped = pattern[i + 1] ?? ''
    if (char === '\\' && /[^a-zA-Z0-9]/.test(escaped)) {
      current.push(escaped)
      i += 2
    } else if (char === '\\') {
      close()
      i = escapeEnd(pattern, i)
    } else if ('*?{'.includes(char)) {
      current.pop()
      close()
      i = char === '{' ? pattern.indexOf('}', i) + 1 || pattern.length : i + 1
    } else if (char === '(' || char === '[') {
      close()
      i = (char === '[' ? classEnd(pattern, i) : groupEnd(pattern, i)) + 1
    } else if ('+.^$'.includes(char)) {
      close()
      i++
    } else {
      current.push(char)
      i += char.length
    }
  }
  close()
  return found
}

/** After a class or character escape: `\d`, `\x7f`, `\x{10FFFF}`, `\pL`, `\p{Greek}`, `\123`. */
function escapeEnd(pattern: string, start: number): number {
  const escape = /\\(?:[xpP]\{[^}]*\}|x[0-9a-fA-F]{2}|[pP].|[0-7]{1,3}|.)/suy
  escape.lastIndex = start
  return escape.test(pattern) ? escape.lastIndex : pattern.length
}

function groupEnd(pattern: string, start: number): number {
  let depth = 0
  for (let i = start; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') i++
    else if (char === '[') i = classEnd(pattern, i)
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return i
  }
  return pattern.length
}
