/**
 * Regular expressions in RE2 syntax and linear time: the only door to re2js. Used by line filters, label matchers, label filters, the `regexp` parser,
 * template functions and `label_replace`. Patterns that are only literals are searched as such; those that V8's engine is sure to run in linear time run
 * there; all others run in re2js. Throws SkaldError `query_parse` with Go's words for a bad expression.
 */
import { RE2JS } from 're2js'
import { SkaldError } from '../../runtime/errors.ts'
import { clausesOf, matchesEmptyText, sequenceOf, stringsOf, trimmedForTest, type LiteralClause, type SequencePiece } from './regex-literals.ts'
import { parseRegex, type RegexNode } from './regex-syntax.ts'
import { anchored, capturesAgree, groupNamesOf, isLinear, sizeOf, toV8 } from './regex-v8.ts'

/** Instructions of one expression: a machine's time per character and its time to compile grow with them (1-2 µs each). */
const REGEX_SIZE_MAX = 10_000
/** Of expressions that are more than `a|b|c`, which dashboards make very long. */
const REGEX_BYTES_MAX = 32_768
/** Of expressions in unusual syntax, whose size is not known before they are compiled. */
const REGEX_UNUSUAL_BYTES_MAX = 4096
/** What may run on the event loop. */
const QUICK_CHARS_MAX = 256
const QUICK_SIZE_MAX = 512
/** Searching for more literals one by one is slower than an automaton. */
const SEARCHED_LITERALS_MAX = 8
const CACHE_ENTRIES_MAX = 256
/** Longer expressions are compiled anew each time. */
const CACHE_PATTERN_CHARS_MAX = 16_384

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

/** `dotAll`: `.` matches newlines too, as in label matchers. */
export interface RegexOptions { readonly dotAll?: boolean }

/** Go's error for a bad expression, as `error parsing regexp: …`; null when it compiles. */
export function regexError(pattern: string): string | null {
  if (isPlain(pattern)) return null
  const bytes = Buffer.byteLength(pattern)
  if (bytes > REGEX_BYTES_MAX) return tooLarge(`${bytes} bytes, limit ${REGEX_BYTES_MAX}`)
  const node = parseRegex(pattern, false)
  if (node !== null) return sizeOf(node) > REGEX_SIZE_MAX && stringsOf(node) === null ? tooLarge(`limit ${REGEX_SIZE_MAX} instructions`) : null
  if (bytes > REGEX_UNUSUAL_BYTES_MAX) return tooLarge(`${bytes} bytes, limit ${REGEX_UNUSUAL_BYTES_MAX}`)
  try {
    compileRe2(pattern, 0)
    return null
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (message.endsWith('at end of expression')) return `${message}: \`\``
    return message.replace(/^(error parsing regexp: )invalid named capture: `\(\?P<`$/, '$1invalid or unsupported Perl syntax: `(?P`')
  }
}

const tooLarge = (detail: string): string => `error parsing regexp: expression too large: ${detail}`

/** `a|b|c` */
const isPlain = (pattern: string): boolean => /^[^\\^$.*+?()[\]{}]*$/.test(pattern)

/** Why a `regexp` parser is refused; null when it is sound. */
export function regexParserError(pattern: string): string | null {
  const error = regexError(pattern)
  if (error !== null) return error
  const names = compileRegex(pattern).groupNames.filter((name) => name !== '')
  const bad = names.find((name) => !/^[A-Za-z_]/.test(name))
  if (bad !== undefined) return `invalid extracted label name '${bad}'`
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return `duplicate extracted label name '${twice}'`
  return names.length > 0 ? null : 'at least one named capture must be supplied'
}

/** Asked before each run of an automaton, which may take milliseconds, and by `checkInterruption`. */
let interruption: (() => void) | null = null

/** While `run` runs, what is slow here calls `check` now and then; what that throws ends it. */
export function interruptible<A>(check: () => void, run: () => A): A {
  interruption = check
  try {
    return run()
  } finally {
    interruption = null
  }
}

/** For other work that a query can make slow: between two of its steps. */
export const checkInterruption = (): void => interruption?.()

/** Most recently used last. */
const cache = new Map<string, LinearRegex>()

export function compileRegex(pattern: string, { dotAll = false }: RegexOptions = {}): LinearRegex {
  const key = `${dotAll ? 's' : '-'}${pattern}`
  const cached = cache.get(key)
  if (cached !== undefined) {
    cache.delete(key)
    cache.set(key, cached)
    return cached
  }
  const error = regexError(pattern)
  if (error !== null) throw new SkaldError('query_parse', `parse error : ${error}`)
  const regex = new Compiled(pattern, dotAll)
  if (pattern.length <= CACHE_PATTERN_CHARS_MAX) cache.set(key, regex)
  if (cache.size > CACHE_ENTRIES_MAX) cache.delete(cache.keys().next().value ?? '')
  return regex
}

/** The strings that a pattern matched whole stands for, when it is a short list of them (`a|b|c`, `web-[0-3]`); null when it is more than that. */
export function literalAlternatives(pattern: string): ReadonlyArray<string> | null {
  if (isPlain(pattern)) return [...new Set(pattern.split('|'))]
  const node = parseRegex(pattern, true)
  const strings = node === null ? null : stringsOf(node)
  return strings === null || strings.fold === true ? null : [...new Set(strings.texts)]
}

/** A search for the pattern that is only a search for literals: any of them, anywhere in the text. null: it is more than that. */
export function literalSearch(pattern: string): LiteralClause | null {
  const node = parseRegex(pattern, false)
  const strings = node === null ? null : stringsOf(trimmedForTest(node))
  return strings === null || strings.texts.length > SEARCHED_LITERALS_MAX ? null : { anyOf: [...new Set(strings.texts)], fold: strings.fold ?? false }
}

/** Clauses that every text must satisfy in which the pattern matches somewhere (or whole); none when nothing is sure. */
export function requiredLiterals(pattern: string): ReadonlyArray<LiteralClause> {
  const node = parseRegex(pattern, false)
  return node === null ? [] : clausesOf(node)
}

/** Whether the pattern, matched whole, accepts '': what decides if a matcher needs the label. */
export function acceptsEmpty(pattern: string): boolean {
  if (isPlain(pattern)) return /^\||\|\||\|$|^$/.test(pattern)
  const node = parseRegex(pattern, true)
  return node === null ? compileRegex(pattern, { dotAll: true }).fullMatch('') : matchesEmptyText(node)
}

/** Matching a whole label value takes a few microseconds, and preparing for it little more: V8's engine or a list, and short. */
export function matchesQuickly(pattern: string): boolean {
  if (pattern.length > QUICK_CHARS_MAX) return false
  if (isPlain(pattern)) return true
  const node = parseRegex(pattern, true)
  return node !== null && sizeOf(node) <= QUICK_SIZE_MAX && isLinear(anchored(node))
}

/** How `test` runs, for benchmarks and tests. */
export function engineOf(pattern: string): 'literal' | 'sequence' | 'v8' | 're2' {
  const node = parseRegex(pattern, false)
  return node === null ? 're2' : testerOf(node)?.engine ?? 're2'
}

type Test = (text: string) => boolean
interface Tester { readonly engine: 'literal' | 'sequence' | 'v8'; readonly test: Test }

function testerOf(node: RegexNode): Tester | null {
  const trimmed = trimmedForTest(node)
  const strings = stringsOf(trimmed)
  if (strings !== null && strings.fold !== true && strings.texts.length <= SEARCHED_LITERALS_MAX) {
    const { texts } = strings
    return { engine: 'literal', test: texts.length === 1 ? (text) => text.includes(texts[0] ?? '') : (text) => texts.some((literal) => text.includes(literal)) }
  }
  const sequence = sequenceOf(trimmed)
  if (sequence !== null) return { engine: 'sequence', test: sequenceTest(sequence.pieces, sequence.acrossLines) }
  const v8 = isLinear(trimmed) ? new RegExp(toV8(trimmed), 'u') : null
  return v8 === null ? null : { engine: 'v8', test: (text) => v8.test(text) }
}

function sequenceTest(pieces: ReadonlyArray<SequencePiece>, acrossLines: boolean): Test {
  const inOrder: Test = (text) => {
    let at = 0
    for (const { gap, texts } of pieces) {
      let end = Infinity
      for (const literal of texts) {
        const found = text.indexOf(literal, at + gap)
        if (found !== -1) end = Math.min(end, found + literal.length)
      }
      if (end === Infinity) return false
      at = end
    }
    return true
  }
  return acrossLines ? inOrder : (text) => (text.includes('\n') ? text.split('\n').some(inOrder) : inOrder(text))
}

class Compiled implements LinearRegex {
  readonly source: string
  readonly groupNames: ReadonlyArray<string>
  private readonly node: RegexNode | null
  private readonly flags: number
  private re2: RE2JS | null = null
  private tester: Test | null = null
  private whole: Test | null = null
  private finder: RegExp | null | undefined = undefined

  constructor(pattern: string, dotAll: boolean) {
    this.source = pattern
    this.flags = dotAll ? RE2JS.DOTALL : 0
    this.node = parseRegex(pattern, dotAll)
    this.groupNames = this.node === null ? namesOf(this.machine()) : groupNamesOf(this.node)
  }

  test(text: string): boolean {
    this.tester ??= (this.node === null ? null : testerOf(this.node)?.test) ?? ((line) => this.machine().test(line))
    return this.tester(text)
  }

  fullMatch(text: string): boolean {
    this.whole ??= this.wholeTest()
    return this.whole(text)
  }

  private wholeTest(): Test {
    const node = this.node === null ? null : anchored(this.node)
    if (node === null || !isLinear(node)) return (text) => this.machine().testExact(text)
    const regex = new RegExp(toV8(node), 'u')
    return (text) => regex.test(text)
  }

  exec(text: string): RegexMatch | null {
    const finder = this.v8Finder()
    if (finder === null) return this.machineMatches(text, 1)[0] ?? null
    finder.lastIndex = 0
    const match = finder.exec(text)
    return match === null ? null : matchOf(match)
  }

  execAll(text: string): RegexMatch[] {
    return this.machineMatches(text, Infinity)
  }

  private v8Finder(): RegExp | null {
    if (this.finder === undefined) {
      const usable = this.node !== null && isLinear(this.node) && capturesAgree(this.node)
      this.finder = usable && this.node !== null ? new RegExp(toV8(this.node), 'u') : null
    }
    return this.finder
  }

  private machine(): RE2JS {
    interruption?.()
    this.re2 ??= compileRe2(this.source, this.flags)
    return this.re2
  }

  private machineMatches(text: string, most: number): RegexMatch[] {
    const matcher = this.machine().matcher(text)
    const found: RegexMatch[] = []
    while (found.length < most && matcher.find()) {
      const groups = Array.from({ length: this.groupNames.length + 1 }, (_, i) => matcher.group(i) ?? undefined)
      found.push({ groups, start: matcher.start(), end: matcher.end() })
    }
    return found
  }
}

const matchOf = (match: RegExpExecArray): RegexMatch => ({ groups: [...match], start: match.index, end: match.index + match[0].length })

function namesOf(regex: RE2JS): string[] {
  const names = Object.entries(regex.namedGroups())
  return Array.from({ length: regex.groupCount() }, (_, i) => names.find(([, index]) => index === i + 1)?.[0] ?? '')
}

/** RE2 in Go lets two groups have one name, re2js does not: then they go without. */
function compileRe2(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('duplicate capture group name')) throw error
    return RE2JS.compile(pattern.replace(/\(\?P?<\w+>/g, '('), flags)
  }
}
