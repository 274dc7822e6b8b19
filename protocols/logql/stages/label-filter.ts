/**
 * `| level="error"`, `| status>=400 and duration<1s`, `| size>1KB`, `| addr=ip("10.0.0.0/8")`, `or`, `,`, parentheses
 *
 * A missing label compares as the empty string with strings, and fails every other comparison. A value that is no number (duration, size) keeps the line, with
 * `__error__="LabelFilterErr"`; on a line that has an error already, only comparisons with strings are made.
 */
import type { CompareOp, LabelFilter, Matcher } from '../ast.ts'
import { comparison } from '../binary-arithmetic.ts'
import { goQuote } from '../go-text.ts'
import { parseBytesText, parseDurationText, parseFloatText, plainDecimal } from '../go-values.ts'
import { compileIpPattern, containsIp } from '../ip-match.ts'
import { labelRegex } from '../label-regex.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL, type LineState } from '../line-state.ts'
import { compileMatcher } from '../matchers.ts'
import { type RowStage, StageError } from './stage.ts'

const LABEL_FILTER_ERROR = 'LabelFilterErr'

/** Alternations of `and` and `or` inside one another; chains of one kind do not count. Running them recurses. */
const DEPTH_MAX = 1000

export function compileLabelFilter(filter: LabelFilter, depth = 0): RowStage {
  if (depth > DEPTH_MAX) throw new StageError(`label filter nested deeper than ${DEPTH_MAX}`)
  switch (filter.kind) {
    case 'and':
    case 'or':
      return chain(filter.kind, membersOf(filter, filter.kind).map((member) => compileLabelFilter(member, depth + 1)))
    case 'string':
      return stringFilter(filter.matcher)
    case 'ip':
      return ipFilter(filter.name, filter.op, filter.value)
    case 'number':
      return numberFilter(filter.name, filter.op, filter.value, parseFloatText)
    case 'duration':
      return numberFilter(filter.name, filter.op, filter.value, parseDurationText)
    case 'bytes':
      return numberFilter(filter.name, filter.op, filter.value, parseBytesText)
  }
}

/** `a and b and c`, however it is nested, in order. */
function membersOf(filter: LabelFilter, kind: 'and' | 'or'): LabelFilter[] {
  const members: LabelFilter[] = []
  const pending = [filter]
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    if (one.kind === kind) pending.push(one.right, one.left)
    else members.push(one)
  }
  return members
}

function chain(kind: 'and' | 'or', members: ReadonlyArray<RowStage>): RowStage {
  const stopsAt = kind === 'or'
  return (state) => {
    for (const member of members) if (member(state) === stopsAt) return stopsAt
    return !stopsAt
  }
}

function acceptsValue(matcher: Matcher): (value: string) => boolean {
  if (matcher.op === '=' || matcher.op === '!=') return compileMatcher(matcher)
  const matches = labelRegex(matcher.value)
  return matcher.op === '=~' ? matches : (value) => !matches(value)
}

function stringFilter(matcher: Matcher): RowStage {
  const { name, op, value } = matcher
  const accepts = acceptsValue(matcher)
  if (name === ERROR_LABEL || name === ERROR_DETAILS_LABEL) return (state) => accepts(state.label(name))
  const compare = remembering((state) => state.get(name) ?? '', accepts)
  if (op !== '=' && op !== '!=') return compare
  const wanted = Buffer.from(value)
  return (state) => {
    const at = state.find(name)
    return at !== -1 && state.isPlainAt(at) ? isValueAt(state, at, wanted) === (op === '=') : compare(state)
  }
}

/** Compares a parsed value in bytes, so that most lines need no string. */
function isValueAt(state: LineState, at: number, wanted: Buffer): boolean {
  const start = state.startAt(at)
  if (state.endAt(at) - start !== wanted.length) return false
  const bytes = state.bufferAt(at)
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false
  return true
}

/** Streams of rows repeat values: the last answer is kept. */
function remembering(valueOf: (state: LineState) => string, accepts: (value: string) => boolean): RowStage {
  let last: string | null = null
  let answer = false
  return (state) => {
    const value = valueOf(state)
    if (value !== last) {
      answer = accepts(value)
      last = value
    }
    return answer
  }
}

function numberFilter(name: string, op: CompareOp, wanted: number, parse: (text: string) => number | string): RowStage {
  const accepts = comparison(op)
  return (state) => {
    const quick = parse === parseFloatText && state.error === '' ? plainNumber(state, name) : NaN
    if (!Number.isNaN(quick)) return accepts(quick, wanted)
    const text = state.get(name)
    if (text === undefined) return false
    if (state.error !== '') return true
    const value = parse(text)
    if (typeof value === 'string') {
      state.setError(LABEL_FILTER_ERROR, value)
      return true
    }
    return accepts(value, wanted)
  }
}

/** A parsed value that is a short decimal, straight from its bytes; NaN: read it the long way. */
function plainNumber(state: LineState, name: string): number {
  const at = state.find(name)
  return at !== -1 && state.isPlainAt(at) ? plainDecimal(state.bufferAt(at), state.startAt(at), state.endAt(at)) : NaN
}

function ipFilter(name: string, op: '=' | '!=', pattern: string): RowStage {
  const matches = compileIpPattern(pattern)
  if (matches === null) throw new StageError(`ip: invalid pattern: ${goQuote(pattern)}`)
  return (state) => {
    const text = state.get(name)
    if (text === undefined) return false
    if (state.error !== '') return true
    const bytes = Buffer.from(text)
    return containsIp(bytes, 0, bytes.length, matches) === (op === '=')
  }
}
