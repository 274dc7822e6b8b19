/** Template functions on numbers (sprig's), and Loki's `bytes` and `duration`. */
import { parseBytesText, parseDurationText, parseFloatText } from '../go-values.ts'
import { decimalFold, type DecimalOp } from './decimal.ts'
import { fn, text, type TemplateFunction } from './function.ts'
import { type GoValue, Int64, TemplateError } from './values.ts'

const INT_MIN = -(2n ** 63n)
const INT_MAX = 2n ** 63n - 1n

/** sprig's `toInt64`: what is no number is 0. */
function toInt(value: GoValue): bigint {
  switch (typeof value) {
    case 'bigint': return value
    case 'number': return Number.isFinite(value) ? clamp(BigInt(Math.trunc(value))) : INT_MIN
    case 'boolean': return value ? 1n : 0n
    case 'string': return intOfText(value)
    default: return value instanceof Int64 ? value.value : 0n
  }
}

const clamp = (value: bigint): bigint => (value > INT_MAX || value < INT_MIN ? INT_MIN : value)

function intOfText(value: string): bigint {
  const whole = value.replace(/\.0*$/, '')
  const found = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d{0,18})$/.exec(whole)
  if (found === null) return 0n
  const digits = found[2]!
  const size = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits)
  const signed = found[1] === '-' ? -size : size
  return signed > INT_MAX || signed < INT_MIN ? 0n : signed
}

function toFloat(value: GoValue): number {
  switch (typeof value) {
    case 'number': return value
    case 'bigint': return Number(value)
    case 'boolean': return value ? 1 : 0
    case 'string': {
      const parsed = parseFloatText(value)
      return typeof parsed === 'number' ? parsed : 0
    }
    default: return value instanceof Int64 ? Number(value.value) : 0
  }
}

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value)
const fold = (op: (a: bigint, b: bigint) => bigint) => (args: ReadonlyArray<GoValue>): Int64 => new Int64(args.map(toInt).reduce((a, b) => wrap(op(a, b))))
const decimal = (op: DecimalOp) => (args: ReadonlyArray<GoValue>): number => decimalFold(op, args.map(toFloat))

function nonZero(divisor: bigint): bigint {
  if (divisor === 0n) throw new TemplateError('runtime error: integer divide by zero')
  return divisor
}

function round(args: ReadonlyArray<GoValue>): number {
  const [value = 0, places = 0n, on] = args
  const roundOn = on === undefined ? 0.5 : toFloat(on)
  const power = 10 ** Number(places)
  const digit = power * toFloat(value)
  return (digit - Math.trunc(digit) >= roundOn ? Math.ceil(digit) : Math.floor(digit)) / power
}

function parsed(parse: (value: string) => number | string, value: string): number {
  const result = parse(value)
  if (typeof result === 'string') throw new TemplateError(result)
  return result
}

const seconds = text(1, ([value = '']) => parsed(parseDurationText, value) / 1e9)

export const MATH_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  int: fn(['any'], ([value = null]) => toInt(value)),
  float64: fn(['any'], ([value = null]) => toFloat(value)),
  add: fn([], (args) => (args.length === 0 ? new Int64(0n) : fold((a, b) => a + b)(args)), 'any'),
  sub: fn(['any', 'any'], fold((a, b) => a - b)),
  mul: fn(['any'], fold((a, b) => a * b), 'any'),
  div: fn(['any', 'any'], fold((a, b) => a / nonZero(b))),
  mod: fn(['any', 'any'], fold((a, b) => a % nonZero(b))),
  addf: fn([], (args) => (args.length === 0 ? 0 : decimal('add')(args)), 'any'),
  subf: fn(['any'], decimal('sub'), 'any'),
  mulf: fn(['any'], decimal('mul'), 'any'),
  divf: fn(['any'], decimal('div'), 'any'),
  max: fn(['any'], fold((a, b) => (a > b ? a : b)), 'any'),
  min: fn(['any'], fold((a, b) => (a < b ? a : b)), 'any'),
  maxf: fn(['any'], (args) => Math.max(...args.map(toFloat)), 'any'),
  minf: fn(['any'], (args) => Math.min(...args.map(toFloat)), 'any'),
  ceil: fn(['any'], ([value = null]) => Math.ceil(toFloat(value))),
  floor: fn(['any'], ([value = null]) => Math.floor(toFloat(value))),
  round: fn(['any', 'int'], round, 'float'),
  bytes: text(1, ([value = '']) => parsed(parseBytesText, value)),
  duration: seconds,
  duration_seconds: seconds,
}
