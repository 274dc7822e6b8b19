/**
 * `|= "a" or "b"`, `!= "a"`, `|~ "re"`, `!~ "re"`, `|> "…"`, `!> "…"`, `|= ip("…")`
 *
 * Passes lines that contain any of the terms; with a negative operator, lines that contain none. Literals are searched in the bytes of many rows at once;
 * a regular expression looks only at rows in which a literal stands that it needs.
 */
import type { LineColumn } from '../../model.ts'
import type { LineFilter, LineFilterOp, LineFilterTerm } from '../ast.ts'
import { indexOfBytes } from '../byte-search.ts'
import { isDense, type RowSelection } from '../row-selection.ts'
import { compileRegex, literalSearch, regexError, requiredLiterals } from '../regex.ts'
import { compileIpTest } from './line-filter-ip.ts'
import { compilePatternFilter, type LineTest } from './line-filter-pattern.ts'
import { type RowStage, StageError } from './stage.ts'

export interface CompiledLineFilter {
  /** Narrows a selection of rows; `stage` does the same for one row whose line has been changed. */
  narrow(selection: RowSelection, lines: LineColumn): void
  readonly stage: RowStage
}

/** One member of an `or` chain. */
interface Term {
  readonly test: LineTest
  /** The term is exactly "the line contains these bytes". */
  readonly literal: Buffer | null
  /** The line passes only if it contains one of these; null: nothing is sure. */
  readonly needs: ReadonlyArray<Buffer> | null
}

const NEGATIVE: ReadonlySet<LineFilterOp> = new Set(['!=', '!~', '!>'])

export function compileLineFilter({ op, terms }: LineFilter): CompiledLineFilter {
  const compiled = terms.flatMap((term) => compileTerm(op, term))
  const negative = NEGATIVE.has(op)
  const test: LineTest = (bytes, start, end) => compiled.some((term) => term.test(bytes, start, end)) !== negative
  const stage: RowStage = ({ buffer, start, end }) => test(buffer, start, end)
  const literals = compiled.flatMap(({ literal }) => (literal === null ? [] : [literal]))
  const needs = negative || literals.length === compiled.length || compiled.some((term) => term.needs === null) ? null : compiled.flatMap((term) => term.needs ?? [])
  const narrow = (selection: RowSelection, lines: LineColumn): void => {
    if (selection.count === 0) return
    const { bytes, starts, lengths } = lines
    const onlyLiterals = literals.length === compiled.length
    const bulk = (onlyLiterals || needs !== null) && isWorthBulk(selection) && isDense(lines, selection.from, selection.to)
    if (bulk) markLiterals(selection, lines, needs ?? literals, negative)
    if (!bulk || !onlyLiterals) selection.retain((row) => test(bytes, starts[row]!, starts[row]! + lengths[row]!))
  }
  return { narrow, stage }
}

/** Few rows are left of a long range: look at those alone. */
const isWorthBulk = (selection: RowSelection): boolean => selection.all || selection.count * 8 > selection.to - selection.from

function compileTerm(op: LineFilterOp, { ip, value }: LineFilterTerm): Term[] {
  if (ip) {
    if (op !== '|=' && op !== '!=') throw new StageError('ip: invalid operation')
    return [{ test: compileIpTest(value), literal: null, needs: null }]
  }
  if (op === '|>' || op === '!>') return [{ test: compilePatternFilter(value).test, literal: null, needs: null }]
  if (op === '|~' || op === '!~') return compileRegexTerms(value)
  return [literalTerm(value)]
}

function literalTerm(value: string): Term {
  const literal = Buffer.from(value)
  return { literal, needs: [literal], test: (bytes, start, end) => indexOfBytes(bytes, literal, start, end) !== -1 }
}

/** `a|b` is a search for literals; any other expression looks only at lines that hold the longest literal it needs. */
function compileRegexTerms(pattern: string): Term[] {
  const error = regexError(pattern)
  if (error !== null) throw new StageError(error)
  const search = literalSearch(pattern)
  if (search !== null && !search.fold) return search.anyOf.map(literalTerm)
  const regex = compileRegex(pattern)
  const test: LineTest = (bytes, start, end) => regex.test(bytes.toString('utf8', start, end))
  const needs = longestNeed(pattern)
  if (needs === null) return [{ literal: null, needs, test }]
  return [{ literal: null, needs, test: (bytes, start, end) => needs.some((need) => indexOfBytes(bytes, need, start, end) !== -1) && test(bytes, start, end) }]
}

function longestNeed(pattern: string): Buffer[] | null {
  const shortest = (anyOf: ReadonlyArray<string>): number => Math.min(...anyOf.map((text) => text.length))
  const clauses = requiredLiterals(pattern).filter(({ fold }) => !fold).toSorted((a, b) => shortest(b.anyOf) - shortest(a.anyOf))
  return clauses[0]?.anyOf.map((text) => Buffer.from(text)) ?? null
}

function markLiterals(selection: RowSelection, lines: LineColumn, literals: ReadonlyArray<Buffer>, negative: boolean): void {
  if (literals.some((literal) => literal.length === 0)) {
    if (negative) selection.clear()
    return
  }
  const marks = selection.marks()
  for (const literal of literals) markHits(selection, lines, literal, marks)
  selection.retainMarked(negative ? 0 : 1)
}

function markHits({ from, to }: RowSelection, { bytes, starts, lengths }: LineColumn, needle: Buffer, marks: Uint8Array): void {
  const length = needle.length
  let row = from
  let at = starts[from]!
  for (;;) {
    const hit = bytes.indexOf(needle, at)
    if (hit === -1) return
    while (row < to && starts[row]! + lengths[row]! < hit + length) row++
    if (row === to) return
    if (starts[row]! <= hit) {
      marks[row - from] = 1
      if (++row === to) return
    }
    at = Math.max(hit + 1, starts[row]!)
  }
}
