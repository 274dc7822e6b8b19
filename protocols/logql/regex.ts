/**
 * Regular expressions in RE2 syntax and linear time: the only door to re2js. Used by line filters, label matchers, label filters, the `regexp` parser,
 * template functions and `label_replace`. Throws SkaldError `query_parse` with Go's words for a bad expression.
 */
import { RE2JS } from 're2js'
import { SkaldError } from '../../runtime/errors.ts'

/** One match: text by group (undefined: did not take part), group 0 the whole; offsets of the whole in UTF-16 units. */
export interface RegexMatch { readonly groups: ReadonlyArray<string | undefined>; readonly start: number; readonly end: number }

export interface LinearRegex {
  readonly source: string
  /** By group, from 1; '' for a group without a name. */
  readonly groupNames: ReadonlyArray<string>
  /** Somewhere in the text. */
  test(text: string): boolean
  /** The whole text. */
  fullMatch(text: string): boolean
  /** The leftmost match. */
  exec(text: string): RegexMatch | null
  /** All matches, leftmost first, not overlapping. */
  execAll(text: string): RegexMatch[]
}

/** Go's error for a bad expression, as `error parsing regexp: …`; null when it compiles. */
export function regexError(pattern: string): string | null {
  try {
    RE2JS.compile(pattern)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function regexParserError(pattern: string): string | null {
  const error = regexError(pattern)
  if (error !== null) return error
  const { groupNames } = compileRegex(pattern)
  return groupNames.some((name) => name !== '') ? null : 'at least one named capture must be supplied'
}

export function compileRegex(pattern: string): LinearRegex {
  const error = regexError(pattern)
  if (error !== null) throw new SkaldError('query_parse', error)
  const regex = RE2JS.compile(pattern)
  const names = Object.entries(regex.namedGroups())
  const groupNames = Array.from({ length: regex.groupCount() }, (_, i) => names.find(([, index]) => index === i + 1)?.[0] ?? '')
  const execAll = (text: string, most = Infinity): RegexMatch[] => {
    const matcher = regex.matcher(text)
    const found: RegexMatch[] = []
    while (found.length < most && matcher.find()) {
      const groups = Array.from({ length: groupNames.length + 1 }, (_, i) => matcher.group(i) ?? undefined)
      found.push({ groups, start: matcher.start(), end: matcher.end() })
    }
    return found
  }
  return {
    source: pattern, groupNames,
    test: (text) => regex.test(text),
    fullMatch: (text) => regex.testExact(text),
    exec: (text) => execAll(text, 1)[0] ?? null,
    execAll,
  }
}

/** The strings that a pattern of plain alternatives (`a|b|c`) stands for; null when it is more than that. */
export function literalAlternatives(pattern: string): string[] | null {
  return /^[^\\^$.*+?()[\]{}]*$/.test(pattern) ? pattern.split('|') : null
}
