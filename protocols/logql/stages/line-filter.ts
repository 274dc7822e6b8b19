/**
 * `|= "a" or "b"`, `!= "a"`, `|~ "re"`, `!~ "re"`, `|> "…"`, `!> "…"`, `|= ip("…")`
 *
 * Passes lines that contain any of the terms; with a negative operator, lines that contain none. Literals are searched in the bytes of many rows at once;
 * a regular expression that is no more than literals is searched like them, any other looks only at rows in which a literal stands that it needs.
 */
import type { LineColumn } from '../../model.ts'
import type { LineFilter, LineFilterOp, LineFilterTerm } from '../ast.ts'
import { ByteScanner, makeNeedle, type Needle } from '../byte-scanner.ts'
import { indexOfBytes } from '../byte-search.ts'
import type { LiteralClause } from '../regex-literals.ts'
import { compileRegex, literalSearch, regexError, requiredLiterals } from '../regex.ts'
import type { RowSelection } from '../row-selection.ts'
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
  /** A line with one of these passes. */
  readonly proofs: ReadonlyArray<Needle>
  /** A line with one of these has to be tested. null: every line has. */
  readonly hints: ReadonlyArray<Needle> | null
}

const NEGATIVE: ReadonlySet<LineFilterOp> = new Set(['!=', '!~', '!>'])
/** Marks of rows. */
const PASSES = 1
const TO_TEST = 2
/** Fewer bytes than this together are looked at row by row. */
const BULK_BYTES_MIN = 2048
/** Foreign bytes between two rows that are searched along. */
const GAP_BYTES_MAX = 256
/** Searching for more literals costs more than testing the rows. */
const NEEDLES_MAX = 8

export function compileLineFilter({ op, terms }: LineFilter): CompiledLineFilter {
  const compiled = terms.map((term) => compileTerm(op, term))
  const negative = NEGATIVE.has(op)
  const anyTerm: LineTest = compiled.length === 1 ? compiled[0]!.test : (bytes, start, end) => compiled.some((term) => term.test(bytes, start, end))
  const stage: RowStage = ({ buffer, start, end }) => anyTerm(buffer, start, end) !== negative
  const proofs = compiled.flatMap((term) => term.proofs)
  const hints = compiled.every((term) => term.hints !== null) ? compiled.flatMap((term) => term.hints ?? []) : null
  const bulk = hints !== null && proofs.length + hints.length <= NEEDLES_MAX ? new BulkSearch(proofs, hints, anyTerm) : null
  const narrow = (selection: RowSelection, lines: LineColumn): void => {
    if (selection.count === 0) return
    const { bytes, starts, lengths } = lines
    if (bulk !== null && isWorthBulk(selection)) bulk.narrow(selection, lines, negative)
    else selection.retain((row) => anyTerm(bytes, starts[row]!, starts[row]! + lengths[row]!) !== negative)
  }
  return { narrow, stage }
}

/** Not when few rows are left of a long range. */
const isWorthBulk = ({ all, count, from, to }: RowSelection): boolean => all || count * 8 > to - from

// ---- terms

function compileTerm(op: LineFilterOp, { ip, value }: LineFilterTerm): Term {
  if (ip) {
    if (op !== '|=' && op !== '!=') throw new StageError('ip: invalid operation')
    return { test: compileIpTest(value), proofs: [], hints: null }
  }
  if (op === '|>' || op === '!>') return patternTerm(value)
  return op === '|~' || op === '!~' ? regexTerm(value) : literalTerm(value)
}

const EVERY_LINE: Term = { test: () => true, proofs: [], hints: null }

function literalTerm(value: string): Term {
  const literal = Buffer.from(value)
  if (literal.length === 0) return EVERY_LINE
  return { test: (bytes, start, end) => indexOfBytes(bytes, literal, start, end) !== -1, proofs: [makeNeedle(value, false)], hints: [] }
}

function patternTerm(value: string): Term {
  const { test, literal } = compilePatternFilter(value)
  return { test, proofs: [], hints: literal === '' ? null : [makeNeedle(literal, false)] }
}

function regexTerm(pattern: string): Term {
  const error = regexError(pattern)
  if (error !== null) throw new StageError(error)
  const regex = compileRegex(pattern)
  const test: LineTest = (bytes, start, end) => regex.test(bytes.toString('utf8', start, end))
  const search = literalSearch(pattern)
  if (search !== null) {
    if (search.anyOf.includes('')) return EVERY_LINE
    const literals = needlesOf(search)
    if (literals !== null) return { test, proofs: literals, hints: strangersOf(search) }
  }
  return { test, proofs: [], hints: hintsOf(requiredLiterals(pattern)) }
}

/** Of clauses that must all hold, the one that is likely to hold least often. */
function hintsOf(clauses: ReadonlyArray<LiteralClause>): ReadonlyArray<Needle> | null {
  const usable = clauses.filter(({ anyOf }) => anyOf.length <= NEEDLES_MAX && !anyOf.includes('')).sort((a, b) => shortest(b) - shortest(a))
  for (const clause of usable) {
    const needles = needlesOf(clause)
    if (needles !== null) return [...needles, ...strangersOf(clause)]
  }
  return null
}

const shortest = ({ anyOf }: LiteralClause): number => Math.min(...anyOf.map((text) => text.length))

/** null: case must be ignored beyond ASCII, which the scanner does not. */
function needlesOf({ anyOf, fold }: LiteralClause): ReadonlyArray<Needle> | null {
  // oxlint-disable-next-line no-control-regex
  if (fold && anyOf.some((text) => /[^\u0000-\u007f]/.test(text))) return null
  return anyOf.map((text) => makeNeedle(text, fold))
}

/** Without regard to case `k` is also the Kelvin sign and `s` the long s: lines with these have to be tested. */
function strangersOf({ anyOf, fold }: LiteralClause): ReadonlyArray<Needle> {
  if (!fold) return []
  const letters = anyOf.join('')
  return [...(/k/i.test(letters) ? [makeNeedle('\u212a', false)] : []), ...(/s/i.test(letters) ? [makeNeedle('\u017f', false)] : [])]
}

// ---- many rows

/** Of all filters, one after the other: its memory grows with the matches in a block, and a query may have thousands of filters. */
const scanner = new ByteScanner()

class BulkSearch {
  readonly #proofs: ReadonlyArray<Needle>
  readonly #hints: ReadonlyArray<Needle>
  readonly #test: LineTest

  constructor(proofs: ReadonlyArray<Needle>, hints: ReadonlyArray<Needle>, test: LineTest) {
    this.#proofs = proofs
    this.#hints = hints
    this.#test = test
  }

  narrow(selection: RowSelection, lines: LineColumn, negative: boolean): void {
    const marks = selection.marks()
    const { from, to } = selection
    for (let first = from; first < to; ) {
      const last = lastOfStretch(lines, first, to)
      const end = lines.starts[last]! + lines.lengths[last]!
      if (end - lines.starts[first]! < BULK_BYTES_MIN) this.#testAll(lines, first, last, marks, from)
      else this.#search(lines, first, last, marks, from)
      first = last + 1
    }
    selection.retainMarked(negative ? 0 : PASSES)
  }

  #testAll({ bytes, starts, lengths }: LineColumn, first: number, last: number, marks: Uint8Array, from: number): void {
    for (let row = first; row <= last; row++) if (this.#test(bytes, starts[row]!, starts[row]! + lengths[row]!)) marks[row - from] = PASSES
  }

  #search(lines: LineColumn, first: number, last: number, marks: Uint8Array, from: number): void {
    for (const needle of this.#hints) this.#mark(lines, first, last, needle, marks, from, TO_TEST)
    for (const needle of this.#proofs) this.#mark(lines, first, last, needle, marks, from, PASSES)
    if (this.#hints.length === 0) return
    const { bytes, starts, lengths } = lines
    for (let row = first; row <= last; row++) {
      if (marks[row - from] === TO_TEST) marks[row - from] = this.#test(bytes, starts[row]!, starts[row]! + lengths[row]!) ? PASSES : 0
    }
  }

  #mark({ bytes, starts, lengths }: LineColumn, first: number, last: number, needle: Needle, marks: Uint8Array, from: number, mark: number): void {
    const count = scanner.scan(bytes, starts[first]!, starts[last]! + lengths[last]!, needle)
    const { hits } = scanner
    const size = needle.bytes.length
    let row = first
    for (let i = 0; i < count; i++) {
      const hit = hits[i]!
      while (starts[row]! + lengths[row]! < hit + size) row++
      if (starts[row]! <= hit) marks[row - from] = mark
    }
  }
}

/**
 * The last of the rows from `first` on that follow one another in the bytes with little between them. Blocks of a segment are one stretch; in heads, where
 * streams are interleaved, each push makes one.
 */
function lastOfStretch({ starts, lengths }: LineColumn, first: number, to: number): number {
  let end = starts[first]! + lengths[first]!
  let row = first + 1
  for (; row < to; row++) {
    const start = starts[row]!
    if (start < end || start - end > GAP_BYTES_MAX) break
    end = start + lengths[row]!
  }
  return row - 1
}
