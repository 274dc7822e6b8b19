/**
 * Makes the nodes of the syntax tree that need more than putting together: what can be wrong in them, and folding of literals.
 *
 * Called by the grammar's actions, so in the order in which a bottom-up parser finishes things. As in Loki, a bad matcher or parser pattern ends the parse
 * at once; a bad aggregation or operation is kept as a *fault* of its node, since a syntax error further on is told first. `validate.ts` reports faults.
 */
import type {
  BinaryOp, Expr, Grouping, LabelReplaceExpr, LiteralExpr, LogRange, Matcher, MatcherOp, MetricExpr, RangeAggregation, RangeOp, Stage, Unwrap, VectorAggregation, VectorExpr,
  VectorMatching, VectorOp,
} from './ast.ts'
import { parseError, type Quantity } from './lexer.ts'
import { patternError } from './pattern-syntax.ts'
import { regexError, regexParserError } from './regex.ts'

const faults = new WeakMap<object, string>()

/** What is wrong with a node that was parsed; undefined for a sound one. */
export const faultOf = (node: object): string | undefined => faults.get(node)

function faulty<T extends object>(node: T, message: string | null | undefined): T {
  if (message !== null && message !== undefined) faults.set(node, message)
  return node
}

export function labelMatcher(name: string, op: MatcherOp, value: string): Matcher {
  const error = op === '=~' || op === '!~' ? regexError(value) : null
  if (error !== null) throw parseError(error)
  return { name, op, value }
}

export function parserStage(kind: 'regexp' | 'pattern', pattern: string): Stage {
  const error = kind === 'regexp' ? regexParserError(pattern) : patternError(pattern)
  if (error !== null) throw parseError(`invalid ${kind} parser: ${error}`)
  return { kind, pattern }
}

export function literal(sign: string, text: string): LiteralExpr {
  const value = parseFloatGo(text)
  const read = typeof value === 'number' ? value : 0
  return faulty({ kind: 'literal', value: sign === '-' ? -read : read }, typeof value === 'number' ? null : `unable to parse literal as a float: ${value.error}`)
}

export function constant(text: string): VectorExpr {
  const value = parseFloatGo(text)
  return faulty({ kind: 'constant', value: typeof value === 'number' ? value : 0 }, typeof value === 'number' ? null : `unable to parse vectorExpr as a float: ${value.error}`)
}

/** Go's `strconv.ParseFloat` for what the lexer takes for a number. */
function parseFloatGo(text: string): number | { readonly error: string } {
  const failed = (reason: string) => ({ error: `strconv.ParseFloat: parsing "${text}": ${reason}` })
  if (!/^[\d.]+(?:e[+-]?\d+)?$/i.test(text)) return /^0x.*p/i.test(text) ? hexFloat(text) : failed('invalid syntax')
  const value = Number(text)
  return Number.isFinite(value) ? value : failed('value out of range')
}

/** `0x1.8p3` */
function hexFloat(text: string): number {
  const match = /^0x([\da-f_]*)\.?([\da-f_]*)p([+-]?\d+)$/i.exec(text.replaceAll('_', ''))
  const [, whole = '', fraction = '', power = '0'] = match ?? []
  return Number.parseInt(`${whole}${fraction}` || '0', 16) * 2 ** (Number(power) - 4 * fraction.length)
}

/** A range that is on its way into an aggregation. */
export type Ranged = LogRange

export const logRange = (matchers: Matcher[], stages: Stage[] | null, unwrap: Unwrap | null, range: Quantity, offset: Quantity | null): Ranged => ({
  log: { kind: 'log', matchers, stages: stages ?? [] }, unwrap, rangeNs: range.value, offsetNs: offset?.value ?? 0,
})

const GROUPABLE: ReadonlySet<RangeOp> = new Set([
  'avg_over_time', 'stddev_over_time', 'stdvar_over_time', 'quantile_over_time', 'max_over_time', 'min_over_time', 'first_over_time', 'last_over_time',
])
const WITHOUT_UNWRAP: ReadonlySet<RangeOp> = new Set(['bytes_over_time', 'bytes_rate', 'count_over_time', 'rate', 'absent_over_time'])
const NEVER_UNWRAPPED: ReadonlySet<RangeOp> = new Set(['bytes_over_time', 'bytes_rate', 'count_over_time'])

export function rangeAggregation(op: RangeOp, parameter: string | null, range: LogRange, grouping: Grouping | null): RangeAggregation {
  const value = parameter === null ? null : parseFloatGo(parameter)
  const node: RangeAggregation = { kind: 'range', op, parameter: typeof value === 'number' ? value : null, range, grouping }
  return faulty(node, rangeFault(op, parameter, value, range, grouping))
}

function rangeFault(op: RangeOp, parameter: string | null, value: number | { readonly error: string } | null, range: LogRange, grouping: Grouping | null): string | null {
  if (parameter !== null && op !== 'quantile_over_time') return `parameter ${parameter} not supported for operation ${op}`
  if (value !== null && typeof value !== 'number') return `invalid parameter for operation ${op}: ${value.error}`
  if (parameter === null && op === 'quantile_over_time') return `parameter required for operation ${op}`
  if (grouping !== null && !GROUPABLE.has(op)) return `grouping not allowed for ${op} aggregation`
  if (range.unwrap !== null) return NEVER_UNWRAPPED.has(op) ? `invalid aggregation ${op} with unwrap` : null
  return WITHOUT_UNWRAP.has(op) ? null : `invalid aggregation ${op} without unwrap`
}

export function vectorAggregation(op: VectorOp, parameter: string | null, inner: MetricExpr, grouping: Grouping | null): VectorAggregation {
  const counted = op === 'topk' || op === 'bottomk' || op === 'approx_topk'
  const node: VectorAggregation = { kind: 'vector', op, parameter: counted && parameter !== null ? Number(parameter) : null, grouping, inner }
  return faulty(node, counted ? countFault(op, parameter) : parameter === null ? null : `unsupported parameter for operation ${op}(${parameter},`)
}

function countFault(op: VectorOp, parameter: string | null): string | null {
  if (parameter === null) return `parameter required for operation ${op}`
  if (!/^\d+$/.test(parameter) || Number(parameter) >= 2 ** 63) return `invalid parameter ${op}(${parameter},`
  return Number(parameter) > 0 ? null : `invalid parameter (must be greater than 0) ${op}(${parameter}`
}

export function labelReplace(inner: MetricExpr, target: string, replacement: string, source: string, pattern: string): LabelReplaceExpr {
  const error = regexError(`^(?:${pattern})$`)
  return faulty({ kind: 'labelReplace', inner, target, replacement, source, pattern }, error === null ? null : `invalid regex in label_replace: ${error}`)
}

const SET_OPERATORS: ReadonlySet<BinaryOp> = new Set(['and', 'or', 'unless'])

export function binary(op: BinaryOp, returnBool: boolean, matching: VectorMatching, left: Expr, right: Expr): MetricExpr {
  const fault = legFault(op, 'left', left) ?? legFault(op, 'right', right) ?? literalFault(op, 'left', left) ?? literalFault(op, 'right', right)
  const isSet = SET_OPERATORS.has(op)
  const card = isSet && matching.card === 'one-to-one' ? 'many-to-many' : matching.card
  if (fault === null && left.kind === 'literal' && right.kind === 'literal') return folded(op, left, right)
  // A leg that is a log query is a fault, so the cast is never looked behind.
  return faulty({ kind: 'binary', op, returnBool, matching: { ...matching, card }, left: left as MetricExpr, right: right as MetricExpr }, fault)
}

function legFault(op: BinaryOp, side: 'left' | 'right', leg: Expr): string | null {
  if (leg.kind !== 'log') return null
  return `unexpected type for ${side} leg of binary operation (${op}): ${leg.stages.length === 0 ? '*syntax.MatchersExpr' : '*syntax.PipelineExpr'}`
}

function literalFault(op: BinaryOp, side: 'left' | 'right', leg: Expr): string | null {
  if (!SET_OPERATORS.has(op) || leg.kind !== 'literal') return null
  return `unexpected literal for ${side} leg of logical/set binary operation (${op}): ${leg.value.toFixed(6)}`
}

function folded(op: BinaryOp, left: LiteralExpr, right: LiteralExpr): LiteralExpr {
  return faulty({ kind: 'literal', value: fold(op, left.value, right.value) }, faultOf(left) ?? faultOf(right))
}

/** Comparisons of literals give 0 or 1, with `bool` or without. */
function fold(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+': return a + b
    case '-': return a - b
    case '*': return a * b
    case '/': return b === 0 ? NaN : a / b
    case '%': return b === 0 ? NaN : a % b
    case '^': return a ** b
    case '==': return a === b ? 1 : 0
    case '!=': return a !== b ? 1 : 0
    case '>': return a > b ? 1 : 0
    case '>=': return a >= b ? 1 : 0
    case '<': return a < b ? 1 : 0
    case '<=': return a <= b ? 1 : 0
    case 'and': case 'or': case 'unless': throw new Error(`set operator ${op} between literals is a fault`)
  }
}

/** Loki 3.7 has `variants(…) of (…)` switched off by default and drops it later; it is read and refused. */
export function refuseVariants(): never {
  throw parseError('multi variant queries are disabled')
}
