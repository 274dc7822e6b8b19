/**
 * Literals that a line must contain, in either case of ASCII letters, for a line filter to let it pass: what block filters are asked for. May say less than is
 * true, never more. Used by `scan-needs.ts`; pure.
 */
import type { LineFilter, Stage } from './ast.ts'
import { requiredLiterals as clausesOfRegex } from './regex.ts'
import type { LiteralFilter } from './scan.ts'

/** Stages after which the line is no longer the stored one. */
const CHANGES_LINE: ReadonlySet<Stage['kind']> = new Set(['lineFormat', 'unpack', 'decolorize'])

export function requiredLiterals(stages: ReadonlyArray<Stage>): LiteralFilter {
  const all: Array<ReadonlyArray<string>> = []
  for (const stage of stages) {
    if (CHANGES_LINE.has(stage.kind)) break
    if (stage.kind === 'lineFilter') all.push(...literalsOfFilter(stage))
  }
  return all
}

function literalsOfFilter({ op, terms }: LineFilter): LiteralFilter {
  if (op !== '|=' && op !== '|~' && op !== '|>') return []
  if (terms.some((term) => term.ip)) return []
  const perTerm = terms.map(({ value }) => (op === '|=' ? [[value]] : op === '|~' ? regexLiterals(value) : value.split('<_>').map((part) => [part])))
  const usable = perTerm.map((conjunction) => conjunction.filter((any) => any.length > 0 && any.every((literal) => literal !== '')))
  return usable.length === 1 ? usable[0]! : eitherOf(usable)
}

/** One disjunction out of several conjunctions: the most telling member of each. Empty when one of them says nothing. */
function eitherOf(conjunctions: ReadonlyArray<LiteralFilter>): LiteralFilter {
  const best = conjunctions.map((conjunction) => conjunction.reduce<ReadonlyArray<string>>((a, b) => (shortest(b) > shortest(a) ? b : a), []))
  return best.every((any) => any.length > 0) ? [best.flat()] : []
}

const shortest = (any: ReadonlyArray<string>): number => (any.length === 0 ? 0 : Math.min(...any.map((literal) => literal.length)))

/** Of an RE2 expression. */
const regexLiterals = (pattern: string): LiteralFilter => clausesOfRegex(pattern).map(({ anyOf, fold }) => (fold ? [...new Set(anyOf.map(inEitherCase))] : anyOf))

/**
 * The longest part of a literal whose cases differ in ASCII alone: `k` without regard to case is also the Kelvin sign, `s` also the long s, and what other
 * characters fold to is not asked for.
 */
function inEitherCase(literal: string): string {
  const parts = literal.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).split(/[ks\u0080-\uffff]/)
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest))
}
