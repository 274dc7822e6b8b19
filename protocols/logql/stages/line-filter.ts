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
import { compileRegex } from '../regex.ts'
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
}

const NEGATIVE: ReadonlySet<LineFilterOp> = new Set(['!=', '!~', '!>'])

export function compileLineFilter({ op, terms }: LineFilter): CompiledLineFilter {
  const compiled = terms.map((term) => compileTerm(op, term))
  const negative = NEGATIVE.has(op)
  const test: LineTest = (bytes, start, end) => compiled.some((term) => term.test(bytes, start, end)) !== negative
  const stage: RowStage = ({ buffer, start, end }) => test(buffer, start, end)
  const literals = compiled.flatMap(({ literal }) => (literal === null ? [] : [literal]))
  const narrow = (selection: RowSelection, lines: LineColumn): void => {
    if (selection.count === 0) return
    const { bytes, starts, lengths } = lines
    const bulk = literals.length === compiled.length && isWorthBulk(selection) && isDense(lines, selection.from, selection.to)
    if (bulk) markLiterals(selection, lines, literals, negative)
    else selection.retain((row) => test(bytes, starts[row]!, starts[row]! + lengths[row]!))
  }
  return { narrow, stage }
}

/** Few rows are left of a long range: look at those alone. */
const isWorthBulk = (selection: RowSelection): boolean => selection.all || selection.count * 8 > selection.to - selection.from

function compileTerm(op: LineFilterOp, { ip, value }: LineFilterTerm): Term {
  if (ip) {
    if (op !== '|=' && op !== '!=') throw new StageError('ip: invalid operation')
    return { test: compileIpTest(value), literal: null }
  }
  if (op === '|>' || op === '!>') return { test: compilePatternFilter(value).test, literal: null }
  if (op === '|~' || op === '!~') return compileRegexTerm(value)
  return literalTerm(value)
}

function literalTerm(value: string): Term {
  const literal = Buffer.from(value)
  return { literal, test: (bytes, start, end) => indexOfBytes(bytes, literal, start, end) !== -1 }
}

function compileRegexTerm(pattern: string): Term {
  const regex = compileRegex(pattern)
  return { literal: null, test: (bytes, start, end) => regex.test(bytes.toString('utf8', start, end)) }
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
