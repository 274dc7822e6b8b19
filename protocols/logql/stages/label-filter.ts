/**
 * `| level="error"`, `| status>=400 and duration<1s`, `| size>1KB`, `| addr=ip("10.0.0.0/8")`, `or`, `,`, parentheses
 *
 * A missing label compares as the empty string with strings, and fails every other comparison. A value that is no number (duration, size) keeps the line, with
 * `__error__="LabelFilterErr"`; on a line that has an error already, only comparisons with strings are made.
 */
import type { CompareOp, LabelFilter, Matcher } from '../ast.ts'
import { goQuote } from '../go-text.ts'
import { parseBytesText, parseDurationText, parseFloatText } from '../go-values.ts'
import { compileIpPattern, containsIp } from '../ip-match.ts'
import { labelRegex } from '../label-regex.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL, type LineState } from '../line-state.ts'
import { compileMatcher } from '../matchers.ts'
import { type RowStage, StageError } from './stage.ts'

const LABEL_FILTER_ERROR = 'LabelFilterErr'

export function compileLabelFilter(filter: LabelFilter): RowStage {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return both(filter.kind, compileLabelFilter(filter.left), compileLabelFilter(filter.right))
    case 'string':
      return stringFilter(filter.matcher.name, acceptsValue(filter.matcher))
    case 'ip':
      return ipFilter(filter.name, filter.op, filter.value)
    case 'number':
      return comparison(filter.name, filter.op, filter.value, parseFloatText)
    case 'duration':
      return comparison(filter.name, filter.op, filter.value, parseDurationText)
    case 'bytes':
      return comparison(filter.name, filter.op, filter.value, parseBytesText)
  }
}

function both(kind: 'and' | 'or', left: RowStage, right: RowStage): RowStage {
  return kind === 'and' ? (state) => left(state) && right(state) : (state) => left(state) || right(state)
}

function acceptsValue(matcher: Matcher): (value: string) => boolean {
  if (matcher.op === '=' || matcher.op === '!=') return compileMatcher(matcher)
  const matches = labelRegex(matcher.value)
  return matcher.op === '=~' ? matches : (value) => !matches(value)
}

function stringFilter(name: string, accepts: (value: string) => boolean): RowStage {
  if (name === ERROR_LABEL || name === ERROR_DETAILS_LABEL) return (state) => accepts(state.label(name))
  return remembering((state) => state.get(name) ?? '', accepts)
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

function comparison(name: string, op: CompareOp, wanted: number, parse: (text: string) => number | string): RowStage {
  const accepts = COMPARE[op]
  return (state) => {
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

const COMPARE: Readonly<Record<CompareOp, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
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
