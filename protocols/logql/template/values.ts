/**
 * The values that templates compute with, and how Go tells, tests and prints them. Go's int is bigint here, float64 is number, nil is null (also what a
 * missing key gives). int64 is a class of its own, since a function that takes an int refuses one.
 */
import type { GoTime } from './time.ts'
import { isGoTime, timeText } from './time.ts'

/** The labels of the row, as `map[string]string`: a missing key is the empty string. */
export interface LabelMap {
  readonly kind: 'labels'
  get(name: string): string | undefined
  entries(): ReadonlyArray<readonly [string, string]>
}

/** What sprig's integer functions and the methods of times return. */
export class Int64 {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = BigInt.asIntN(64, value)
  }
}

export type GoValue = string | bigint | Int64 | number | boolean | null | GoTime | LabelMap | ReadonlyArray<GoValue> | ReadonlyMap<string, GoValue>

/** A template failed while it ran; the evaluator adds the place. */
export class TemplateError extends Error {}

export const isList = (value: GoValue): value is ReadonlyArray<GoValue> => Array.isArray(value)
/** The number of an int or int64; null: another type. */
export const integerOf = (value: GoValue): bigint | null => (typeof value === 'bigint' ? value : value instanceof Int64 ? value.value : null)
export const isMap = (value: GoValue): value is ReadonlyMap<string, GoValue> => value instanceof Map
export const isLabelMap = (value: GoValue): value is LabelMap => typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'labels'

/** Go's name of the value's type. */
export function typeName(value: GoValue): string {
  switch (typeof value) {
    case 'string': return 'string'
    case 'bigint': return 'int'
    case 'number': return 'float64'
    case 'boolean': return 'bool'
    default:
      if (value === null) return '<nil>'
      if (value instanceof Int64) return 'int64'
      if (isList(value)) return '[]interface {}'
      if (isMap(value)) return 'map[string]interface {}'
      return isLabelMap(value) ? 'map[string]string' : 'time.Time'
  }
}

/** What `if`, `and`, `or`, `not` take for true. */
export function isTrue(value: GoValue): boolean {
  switch (typeof value) {
    case 'string': return value !== ''
    case 'bigint': return value !== 0n
    case 'number': return value !== 0
    case 'boolean': return value
    default:
      if (value === null) return false
      if (value instanceof Int64) return value.value !== 0n
      if (isList(value)) return value.length > 0
      if (isMap(value)) return value.size > 0
      return isLabelMap(value) ? value.entries().length > 0 : true
  }
}

export function sortedEntries(value: ReadonlyMap<string, GoValue> | LabelMap): Array<readonly [string, GoValue]> {
  const entries: Array<readonly [string, GoValue]> = isLabelMap(value) ? [...value.entries()] : [...value]
  return entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** `%v`: what an action prints, but for nil. */
export function plainText(value: GoValue): string {
  switch (typeof value) {
    case 'string': return value
    case 'bigint': return value.toString()
    case 'number': return floatG(value)
    case 'boolean': return String(value)
    default:
      if (value === null) return '<nil>'
      if (value instanceof Int64) return value.value.toString()
      if (isList(value)) return `[${value.map(plainText).join(' ')}]`
      if (isGoTime(value)) return timeText(value)
      return `map[${sortedEntries(value).map(([key, one]) => `${key}:${plainText(one)}`).join(' ')}]`
  }
}

/** `strconv.FormatFloat(v, 'g', -1, 64)`: an exponent from 1e+06 up and below 1e-4, as `%v` prints. */
export function floatG(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < PLAIN_EXPONENT_MAX) return plainDecimalText(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

const PLAIN_EXPONENT_MAX = 6

function plainDecimalText(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text
}

/** Length in bytes of UTF-8: what Go calls the length of a string. */
export const byteLength = (text: string): number => Buffer.byteLength(text)
