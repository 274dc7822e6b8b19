/** Go's own template functions, `default` and `fromJson`. `and` and `or` are in the evaluator. */
import { type CallContext, fn, type TemplateFunction } from './function.ts'
import { sprint, sprintf, sprintln } from './printf.ts'
import { isGoTime } from './time.ts'
import { type GoValue, Int64, integerOf, isLabelMap, isList, isMap, isTrue, plainText, TemplateError, typeName } from './values.ts'

/** Nesting of JSON that `fromJson` reads: the printer recurses. */
const JSON_DEPTH_MAX = 100

type Basic = 'string' | 'int' | 'float' | 'bool' | 'complex'

function basicKind(value: GoValue): Basic | null {
  switch (typeof value) {
    case 'string': return 'string'
    case 'bigint': return 'int'
    case 'number': return 'float'
    case 'boolean': return 'bool'
    default: return value instanceof Int64 ? 'int' : null
  }
}

function equal(a: GoValue, b: GoValue): boolean {
  if (a === null || b === null) return a === b
  const kind = basicKind(a)
  if (kind !== basicKind(b)) throw new TemplateError('incompatible types for comparison')
  if (kind === 'int') return integerOf(a) === integerOf(b)
  if (kind !== null) return a === b
  if (isGoTime(a) && isGoTime(b)) return a.ns === b.ns
  const [one, other] = [typeName(a), typeName(b)]
  if (one !== other) throw new TemplateError(`non-comparable types ${plainText(a)}: ${one}, ${other}: ${plainText(b)}`)
  throw new TemplateError(`non-comparable type ${plainText(b)}: ${other}`)
}

function less(a: GoValue, b: GoValue): boolean {
  const kind = basicKind(a)
  if (kind === null || basicKind(b) === null) throw new TemplateError('invalid type for comparison')
  if (kind !== basicKind(b)) throw new TemplateError('incompatible types for comparison')
  if (kind === 'bool') throw new TemplateError('invalid type for comparison')
  if (kind === 'int') return integerOf(a)! < integerOf(b)!
  return typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b as string)) < 0 : (a as number) < (b as number)
}

function equalsAny(args: ReadonlyArray<GoValue>): boolean {
  const [first = null, ...others] = args
  if (others.length === 0) throw new TemplateError('missing argument for comparison')
  return others.some((other) => equal(first, other))
}

/** No value that a template can reach is a function. */
function callFunction([value = null]: ReadonlyArray<GoValue>): never {
  throw new TemplateError(value === null ? 'call of nil' : `non-function of type ${typeName(value)}`)
}

function length(value: GoValue): bigint {
  if (value === null) throw new TemplateError('reflect: call of reflect.Value.Type on zero Value')
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
  if (isList(value)) return BigInt(value.length)
  if (isMap(value)) return BigInt(value.size)
  if (isLabelMap(value)) return BigInt(value.entries().length)
  throw new TemplateError(`len of type ${typeName(value)}`)
}

function index(args: ReadonlyArray<GoValue>): GoValue {
  const [first = null, ...keys] = args
  if (first === null) throw new TemplateError('index of untyped nil')
  return keys.reduce(at, first)
}

function at(value: GoValue, key: GoValue): GoValue {
  if (value === null) throw new TemplateError('index of nil pointer')
  if (isMap(value) || isLabelMap(value)) {
    if (key === null) throw new TemplateError('value is nil; should be of type string')
    if (typeof key !== 'string') throw new TemplateError(`value has type ${typeName(key)}; should be string`)
    return value.get(key) ?? (isLabelMap(value) ? '' : null)
  }
  if (isList(value)) return elementAt(value, indexOf(key, value.length), 'slice')
  if (typeof value === 'string') return BigInt(elementAt(Buffer.from(value), indexOf(key, Buffer.byteLength(value)), 'string'))
  throw new TemplateError(`can't index item of type ${typeName(value)}`)
}

/** Go lets the place after the last one through here, and finds out when it gets there. */
function elementAt<T>(items: ArrayLike<T>, index: number, what: string): T {
  const item = items[index]
  if (item === undefined) throw new TemplateError(`reflect: ${what} index out of range`)
  return item
}

function indexOf(key: GoValue, size: number): number {
  if (key === null) throw new TemplateError('cannot index slice/array with nil')
  const index = integerOf(key)
  if (index === null) throw new TemplateError(`cannot index slice/array with type ${typeName(key)}`)
  if (index < 0n || index > BigInt(size)) throw new TemplateError(`index out of range: ${index}`)
  return Number(index)
}

function slice(args: ReadonlyArray<GoValue>): GoValue {
  const [value = null, ...bounds] = args
  if (value === null) throw new TemplateError('slice of untyped nil')
  if (bounds.length > 3) throw new TemplateError(`too many slice indexes: ${bounds.length}`)
  const isText = typeof value === 'string'
  if (isText && bounds.length === 3) throw new TemplateError('cannot 3-index slice a string')
  if (!isText && !isList(value)) throw new TemplateError(`can't slice item of type ${typeName(value)}`)
  const size = isText ? Buffer.byteLength(value) : value.length
  const [from = 0, to = size, most = size] = bounds.map((bound) => indexOf(bound, size))
  if (from > to) throw new TemplateError(`invalid slice index: ${from} > ${to}`)
  if (to > most) throw new TemplateError(`invalid slice index: ${to} > ${most}`)
  return isText ? Buffer.from(value).toString('utf8', from, to) : value.slice(from, to)
}

function fromJson(text: string): GoValue {
  try {
    return jsonValue(JSON.parse(text), 0)
  } catch {
    return null
  }
}

function jsonValue(value: unknown, depth: number): GoValue {
  if (depth > JSON_DEPTH_MAX) throw new TemplateError('json nested too deep')
  if (Array.isArray(value)) return value.map((one) => jsonValue(one, depth + 1))
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value).map(([key, one]) => [key, jsonValue(one, depth + 1)]))
  return value as string | number | boolean | null
}

const HTML: Readonly<Record<string, string>> = { '"': '&#34;', "'": '&#39;', '&': '&amp;', '<': '&lt;', '>': '&gt;', '\0': '\uFFFD' }
const JS: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"', '<': '\\u003C', '>': '\\u003E', '&': '\\u0026', '=': '\\u003D' }
const hex4 = (c: string): string => `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
/** What `html`, `js` and `urlquery` take: all arguments printed as an action prints them. */
const printed = (args: ReadonlyArray<GoValue>, { budget }: CallContext): string => sprint(args.map((arg) => arg ?? '<no value>'), budget)
const compare = (test: (a: GoValue, b: GoValue) => boolean): TemplateFunction => fn(['any', 'any'], ([a = null, b = null]) => test(a, b))

export const BUILTIN_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  not: fn(['any'], ([value = null]) => !isTrue(value)),
  eq: fn(['any'], equalsAny, 'any'),
  ne: compare((a, b) => !equal(a, b)),
  lt: compare(less),
  le: compare((a, b) => less(a, b) || equal(a, b)),
  gt: compare((a, b) => !less(a, b) && !equal(a, b)),
  ge: compare((a, b) => !less(a, b)),
  call: fn(['any'], callFunction, 'any'),
  len: fn(['any'], ([value = null]) => length(value)),
  index: fn(['any'], index, 'any'),
  slice: fn(['any'], slice, 'any'),
  print: fn([], (args, { budget }) => sprint(args, budget), 'any'),
  println: fn([], (args, { budget }) => sprintln(args, budget), 'any'),
  printf: fn(['string'], ([format, ...args], { budget }) => sprintf(format as string, args, budget), 'any'),
  // oxlint-disable-next-line no-control-regex
  html: fn([], (args, context) => printed(args, context).replace(/["'&<>\0]/g, (c) => HTML[c]!), 'any'),
  // oxlint-disable-next-line no-control-regex
  js: fn([], (args, context) => printed(args, context).replace(/[\\'"<>&=\u0000-\u001f]/g, (c) => JS[c] ?? hex4(c)), 'any'),
  urlquery: fn([], (args, context) => encodeURIComponent(printed(args, context).toWellFormed()).replace(/%20/g, '+').replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`), 'any'),
  default: fn(['any'], ([fallback = null, value = null]) => (isTrue(value) ? value : fallback), 'any'),
  fromJson: fn(['string'], ([text]) => fromJson(text as string)),
}
