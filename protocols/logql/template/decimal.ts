/** Sums and products of float64 as decimal numbers, so that `addf 0.1 0.2` is 0.3: what sprig's float functions do. */
import { floatG, TemplateError } from './values.ts'

interface Decimal {
  readonly mantissa: bigint
  /** Power of ten. */
  readonly exponent: number
}

/** Digits after the point that a quotient keeps. */
const DIVISION_DIGITS = 16

function decimalOf(value: number): Decimal {
  const [digits = '0', exponent = '0'] = value.toExponential().split('e')
  const [whole = '0', fraction = ''] = digits.split('.')
  return { mantissa: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length }
}

const numberOf = ({ mantissa, exponent }: Decimal): number => Number(`${mantissa}e${exponent}`)

function aligned(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent)
  return [a.mantissa * 10n ** BigInt(a.exponent - exponent), b.mantissa * 10n ** BigInt(b.exponent - exponent), exponent]
}

export type DecimalOp = 'add' | 'sub' | 'mul' | 'div'

export function decimalFold(op: DecimalOp, values: ReadonlyArray<number>): number {
  const endless = values.find((value) => !Number.isFinite(value))
  if (endless !== undefined) throw new TemplateError(`Cannot create a Decimal from ${floatG(endless)}`)
  const [first = 0, ...rest] = values
  return numberOf(rest.reduce((sum, value) => apply(op, sum, decimalOf(value)), decimalOf(first)))
}

function apply(op: DecimalOp, a: Decimal, b: Decimal): Decimal {
  switch (op) {
    case 'add':
    case 'sub': {
      const [x, y, exponent] = aligned(a, b)
      return { mantissa: op === 'add' ? x + y : x - y, exponent }
    }
    case 'mul':
      return { mantissa: a.mantissa * b.mantissa, exponent: a.exponent + b.exponent }
    case 'div':
      return divide(a, b)
  }
}

function divide(a: Decimal, b: Decimal): Decimal {
  if (b.mantissa === 0n) throw new TemplateError('decimal division by 0')
  const [x, y] = aligned(a, b)
  const scaled = x * 10n ** BigInt(DIVISION_DIGITS + 1)
  const quotient = scaled / y
  const half = quotient < 0n ? -5n : 5n
  return { mantissa: (quotient + half) / 10n, exponent: -DIVISION_DIGITS }
}
