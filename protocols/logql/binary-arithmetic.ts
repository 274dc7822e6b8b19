/** Binary operators on two numbers, shared by the planner (literals) and the evaluator. x / 0 and x % 0 are NaN, as in Loki. */
import type { BinaryOp, CompareOp } from './ast.ts'

type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^'

const ARITHMETIC: Readonly<Record<ArithmeticOp, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0 ? NaN : a / b),
  '%': (a, b) => (b === 0 ? NaN : a % b),
  '^': power,
}

const COMPARISON: Readonly<Record<CompareOp, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
}

/** Go's math.Pow: 1 to any power is 1, NaN too, and so is -1 to an infinite one. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent))) return 1
  return base ** exponent
}

export const isComparison = (op: BinaryOp): op is CompareOp => Object.hasOwn(COMPARISON, op)
export const isSetOperation = (op: BinaryOp): op is 'and' | 'or' | 'unless' => op === 'and' || op === 'or' || op === 'unless'

export const comparison = (op: CompareOp): ((a: number, b: number) => boolean) => COMPARISON[op]
export const arithmetic = (op: Exclude<BinaryOp, CompareOp | 'and' | 'or' | 'unless'>): ((a: number, b: number) => number) => ARITHMETIC[op]

/** Of two literals: comparisons give 1 or 0, with or without `bool`. */
export function scalarResult(op: BinaryOp, a: number, b: number): number {
  if (isSetOperation(op)) throw new Error(`set operation ${op} on literals must be refused by the parser`)
  return isComparison(op) ? Number(comparison(op)(a, b)) : arithmetic(op)(a, b)
}
