/**
 * LogQL text -> syntax tree. Drives the table that `grammar/lalr.ts` makes of the rules, so syntax errors read as Loki's do, position and list of expected
 * tokens included. Used by the query front end, rules, deletes and tails. Throws SkaldError `query_parse`; says nothing of limits.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Expr, LogExpr, Matcher } from './ast.ts'
import { generate, type Table } from './grammar/lalr.ts'
import { LOG_RULES } from './grammar/rules-log.ts'
import { METRIC_RULES } from './grammar/rules-metric.ts'
import { apply, pass, rule, type Rule } from './grammar/rules.ts'
import { END, PRECEDENCE, TERMINALS } from './grammar/tokens.ts'
import { Lexer, parseError, type Token } from './lexer.ts'
import { validate } from './validate.ts'

const RULES: ReadonlyArray<Rule> = [...rule('query', `expr ${END}`), ...METRIC_RULES, ...LOG_RULES]
const TERMINAL_NUMBERS: ReadonlyMap<string, number> = new Map(TERMINALS.map((name, i) => [name, i]))
/** Error messages list what was expected only up to this many tokens. */
const EXPECTED_MAX = 4
/** Levels of operations in one another: everything that walks a tree recurses. */
const DEPTH_MAX = 1000
/** Symbols read whose rule is still open: what stands to the right of an operator opens at most these many a level. */
const OPEN_MAX = 5 * DEPTH_MAX
/** The rules that put a tree below another. */
const NESTING: ReadonlySet<string> = new Set(['binary', 'labelFilter', 'vectorAggregation', 'labelReplace'])

let table: Table | null = null

/** Parses and validates. `wide`: selectors that match every stream pass; what they cost is the caller's to judge. */
export function parse(text: string, wide = false): Expr {
  const expr = parseSyntax(text)
  validate(expr, wide)
  return expr
}

/** A log query; a metric query is refused. */
export function parseLogQuery(text: string): LogExpr {
  const expr = parse(text)
  if (expr.kind !== 'log') throw parseError('only log selector is supported')
  return expr
}

/** A bare selector, as `match[]` and label endpoints take it. `{}` is allowed: callers decide. */
export function parseMatchers(text: string): ReadonlyArray<Matcher> {
  const expr = parseSyntax(text)
  if (expr.kind !== 'log' || expr.stages.length > 0) throw onlyMatchers()
  return expr.matchers
}

/** The tree without the checks that need all of it (at least one matcher, faults of aggregations). */
function parseSyntax(text: string): Expr {
  table ??= generate({ terminals: TERMINALS, precedence: PRECEDENCE, productions: RULES })
  return run(table, new Lexer(text))
}

function run(table: Table, lexer: Lexer): Expr {
  const stack: Stack = { states: [0], values: [], depths: [] }
  const { states, values } = stack
  let token: Token | null = null
  let terminal = 0
  for (;;) {
    const state = states[states.length - 1] ?? 0
    let production = 0
    if (table.blind[state] === 1) production = table.fallback[state] ?? 0
    else {
      if (token === null) {
        token = lexer.next()
        terminal = terminalNumber(token)
      }
      const action = table.action[state * table.terminalCount + terminal] ?? 0
      if (action > 0) {
        if (token.type === END) return values[0] as Expr
        if (states.length > OPEN_MAX) throw tooDeep()
        states.push(action)
        values.push(token.value)
        stack.depths.push(0)
        token = null
        continue
      }
      production = action < 0 ? -action : (table.fallback[state] ?? 0)
      if (production === 0) throw lexer.error(unexpected(table, state, token), token)
    }
    reduce(table, production, stack)
  }
}

/** `states` is one longer: the state before the first value. */
interface Stack { readonly states: number[]; readonly values: unknown[]; readonly depths: number[] }

function reduce(table: Table, production: number, { states, values, depths }: Stack): void {
  const rule = RULES[production]
  if (rule === undefined) throw new Error(`parser: no production ${production}`)
  const first = values.length - rule.right.length
  let deepest = 0
  for (let i = first; i < depths.length; i++) deepest = Math.max(deepest, depths[i] ?? 0)
  const depth = deepest + (NESTING.has(rule.left) ? 1 : 0)
  if (depth > DEPTH_MAX) throw tooDeep()
  const result = rule.right.length === 1 && rule.action === pass ? values[first] : apply(rule, values.slice(first))
  values.length = first
  depths.length = first
  states.length = first + 1
  values.push(result)
  depths.push(depth)
  states.push(table.goto[(states[first] ?? 0) * table.nonterminalCount + (table.left[production] ?? 0)] ?? 0)
}

function terminalNumber(token: Token): number {
  const number = TERMINAL_NUMBERS.get(token.type)
  if (number === undefined) throw new Error(`lexer: ${token.type} is not a terminal`)
  return number
}

function unexpected(table: Table, state: number, token: Token): string {
  const row = table.action.subarray(state * table.terminalCount, (state + 1) * table.terminalCount)
  const expected = TERMINALS.filter((_name, t) => t !== 0 && (row[t] ?? 0) > 0)
  const list = expected.length > EXPECTED_MAX || expected.length === 0 ? '' : `, expecting ${expected.join(' or ')}`
  return `syntax error: unexpected ${token.type}${list}`
}

const tooDeep = (): SkaldError => parseError(`expression nested too deeply (limit ${DEPTH_MAX} levels)`)
const onlyMatchers = (): SkaldError => new SkaldError('query_parse', 'only label matchers are supported')
