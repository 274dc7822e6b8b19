/**
 * Label matchers as predicates. Used wherever streams are chosen: the index, heads, scans, tails, limits, deletes. Regular expressions match the whole value,
 * and `.` takes newlines too; alternations of literals become sets. An absent label has the value ''.
 */
import type { Labels } from '../model.ts'
import type { Matcher } from './ast.ts'
import { compileRegex, literalAlternatives } from './regex.ts'

export type ValuePredicate = (value: string) => boolean

/** Throws SkaldError `query_parse` when the regular expression is bad. */
export function compileMatcher({ op, value }: Matcher): ValuePredicate {
  switch (op) {
    case '=': return (other) => other === value
    case '!=': return (other) => other !== value
    case '=~': return wholeMatch(value)
    case '!~': {
      const matches = wholeMatch(value)
      return (other) => !matches(other)
    }
  }
}

function wholeMatch(pattern: string): ValuePredicate {
  if (pattern === '.*') return () => true
  if (pattern === '.+') return (value) => value !== ''
  const literals = literalAlternatives(pattern)
  if (literals !== null) {
    const set = new Set(literals)
    return (value) => set.has(value)
  }
  const regex = compileRegex(pattern, { dotAll: true })
  return (value) => regex.fullMatch(value)
}

/** What Loki's index calls every stream: a matcher on `__name__` sees this and never a stream's own label. */
const METRIC_NAME = '__name__'
const METRIC_NAME_VALUE = 'logs'

/** All matchers must accept. */
export function compileMatchers(matchers: ReadonlyArray<Matcher>): (labels: Labels) => boolean {
  const compiled = matchers.map((matcher) => ({ name: matcher.name, accepts: compileMatcher(matcher) }))
  return (labels) => compiled.every(({ name, accepts }) => accepts(name === METRIC_NAME ? METRIC_NAME_VALUE : valueOf(labels, name)))
}

/** '' when the label is absent. */
export function valueOf(labels: Labels, name: string): string {
  for (const [other, value] of labels) if (other === name) return value
  return ''
}
