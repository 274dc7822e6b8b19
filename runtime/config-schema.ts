/**
 * A configuration schema as data: groups of settings, each with its type, default and one sentence of documentation. `config.ts` loads values by it,
 * `config-docs.ts` prints it, and TypeScript derives the type of the loaded record from it. Pure; knows no key of Skald's.
 *
 * Forms are those of Loki's files: durations `1h30m`, `7d` (in milliseconds once loaded), sizes `256KB`, `1.5GB` (binary, in bytes once loaded).
 */

/** One key. `parse` takes a YAML value or the text of an environment variable, and throws `FormError` when it does not fit. */
export interface Setting<T> {
  readonly kind: 'setting'
  /** Shown in the documentation: `duration`, `size`, … */
  readonly type: string
  /** The expected form, in words: the end of "… expected". */
  readonly expected: string
  readonly default: T
  readonly doc: string
  readonly parse: (value: unknown) => T
  /** The default as one would write it in the file. */
  show(value: T): string
  /** False: an operator's file may carry it over, but nothing here acts on it. */
  readonly acts: boolean
}

export interface Group {
  readonly [key: string]: Setting<unknown> | Group
}

/** The loaded record: the same keys, with values for settings. */
export type ConfigOf<G> = { readonly [K in keyof G]: G[K] extends { readonly kind: 'setting'; readonly default: infer T } ? T : ConfigOf<G[K]> }

/** A value of the wrong form; the loader adds key and value. */
export class FormError extends Error {}

type Form<T> = Pick<Setting<T>, 'type' | 'expected' | 'parse' | 'show'>

function setting<T>(form: Form<T>, byDefault: T, doc: string): Setting<T> {
  return { kind: 'setting', ...form, default: byDefault, doc, acts: true }
}

/** Marks a setting that is accepted, checked and otherwise without effect. */
export function inert<T>(of: Setting<T>): Setting<T> {
  return { ...of, acts: false }
}

/** Takes fewer values than its form does: those that pass the check, which may throw `FormError` to say why. */
export function restricted<T>(of: Setting<T>, expected: string, isTaken: (value: T) => boolean): Setting<T> {
  const parse = (value: unknown): T => {
    const parsed = of.parse(value)
    return isTaken(parsed) ? parsed : refuse()
  }
  return { ...of, expected, parse }
}

const TEXT: Form<string> = {
  type: 'string',
  expected: 'text',
  parse: (value) => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : refuse()),
  show: (value) => JSON.stringify(value),
}

export const text = (byDefault: string, doc: string): Setting<string> => setting(TEXT, byDefault, doc)

export function integer(byDefault: number, doc: string, min = 0, max = Number.MAX_SAFE_INTEGER): Setting<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? (min === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${min}`) : ` from ${min} to ${max}`
  const parse = (value: unknown): number => {
    const n = toNumber(value)
    return Number.isSafeInteger(n) && n >= min && n <= max ? n : refuse()
  }
  return setting({ type: 'int', expected: `a whole number${range}`, parse, show: String }, byDefault, doc)
}

const FLOAT: Form<number> = { type: 'float', expected: 'a number of at least 0', parse: (value) => atLeastZero(toNumber(value)), show: String }

export const float = (byDefault: number, doc: string): Setting<number> => setting(FLOAT, byDefault, doc)

const FLAG: Form<boolean> = {
  type: 'boolean',
  expected: 'true or false',
  parse: (value) => (value === true || value === 'true' || value === '1' ? true : value === false || value === 'false' || value === '0' ? false : refuse()),
  show: String,
}

export const flag = (byDefault: boolean, doc: string): Setting<boolean> => setting(FLAG, byDefault, doc)

export function choice<const V extends string>(values: ReadonlyArray<V>, byDefault: NoInfer<V>, doc: string): Setting<V> {
  const parse = (value: unknown): V => values.find((v) => v === value) ?? refuse()
  return setting({ type: values.map((v) => v || '""').join(' \\| '), expected: `one of ${values.join(', ')}`, parse, show: (value) => value || '""' }, byDefault, doc)
}

const DURATION: Form<number> = { type: 'duration', expected: 'a duration such as 500ms, 10s, 1h30m or 7d', parse: parseDurationMs, show: showDuration }

/** Milliseconds once loaded. The default is written as in a file. */
export const duration = (byDefault: string, doc: string): Setting<number> => setting(DURATION, parseDurationMs(byDefault), doc)

const SIZE: Form<number> = { type: 'size', expected: 'a size in bytes such as 1048576, 256KB or 1.5GB', parse: parseBytes, show: showBytes }

/** Bytes once loaded; units are powers of 1024, as Loki takes them. */
export const size = (byDefault: string, doc: string): Setting<number> => setting(SIZE, parseBytes(byDefault), doc)

const TEXTS: Form<ReadonlyArray<string>> = {
  type: 'list',
  expected: 'a list of texts (in the environment: separated by commas)',
  parse: (value) => {
    if (typeof value === 'string') return value.split(',').map((part) => part.trim()).filter((part) => part !== '')
    return Array.isArray(value) ? value.map((item) => TEXT.parse(item)) : value === null ? [] : refuse()
  },
  show: (value) => `[${value.join(', ')}]`,
}

export const texts = (byDefault: ReadonlyArray<string>, doc: string): Setting<ReadonlyArray<string>> => setting(TEXTS, byDefault, doc)

/** Anything with a shape of its own: `check` narrows a YAML value (JSON text in the environment) or throws `FormError`. */
export function structure<T>(expected: string, byDefault: T, doc: string, check: (value: unknown) => T): Setting<T> {
  const parse = (value: unknown): T => check(typeof value === 'string' ? parseJson(value) : value)
  return setting({ type: 'structure', expected, parse, show: (value) => JSON.stringify(value) }, byDefault, doc)
}

/** Narrowing for `structure`: a map of text to whatever `each` makes of the value. */
export function mapOf<T>(each: (value: unknown, key: string) => T): (value: unknown) => Readonly<Record<string, T>> {
  return (value) => {
    if (value === null) return {}
    if (typeof value !== 'object' || Array.isArray(value)) return refuse()
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item, key)]))
  }
}

/** Narrowing for `structure`: a list of whatever `each` makes of the items. */
export function listOf<T>(each: (value: unknown) => T): (value: unknown) => ReadonlyArray<T> {
  return (value) => (value === null ? [] : Array.isArray(value) ? value.map(each) : refuse())
}

/** Narrowing for `structure`: a record read by a group, unknown keys refused. */
export function recordOf<G extends Group>(group: G): (value: unknown) => ConfigOf<G> {
  return (value) => {
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) return refuse()
    const given: Record<string, unknown> = { ...value }
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(group, key))
    if (unknown !== undefined) throw new FormError(`unknown key ${unknown}`)
    return Object.fromEntries(Object.entries(group).map(([key, item]) => [key, readItem(item, given[key])])) as ConfigOf<G>
  }
}

function readItem(item: Setting<unknown> | Group, value: unknown): unknown {
  if (!isSetting(item)) return recordOf(item)(value ?? null)
  return value === undefined ? item.default : item.parse(value)
}

export function isSetting(item: Setting<unknown> | Group): item is Setting<unknown> {
  return item['kind'] === 'setting'
}

/** The record of defaults of a group. */
export function defaultsOf<G extends Group>(group: G): ConfigOf<G> {
  return recordOf(group)(null)
}

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 }
const DURATION_PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w|y)/gy

/** `1h30m` -> ms. Bare 0 is a duration; any other number lacks its unit. */
export function parseDurationMs(value: unknown): number {
  if (value === 0 || value === '0' || value === '') return 0
  if (typeof value !== 'string') return refuse()
  let ms = 0
  let end = 0
  DURATION_PART.lastIndex = 0
  for (let part = DURATION_PART.exec(value); part !== null; part = DURATION_PART.exec(value)) {
    ms += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? 0)
    end = DURATION_PART.lastIndex
  }
  return end === value.length && end > 0 ? ms : refuse()
}

export function showDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let shown = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / (UNIT_MS[unit] ?? 1))
    if (count > 0) shown += `${count}${unit}`
    rest -= count * (UNIT_MS[unit] ?? 1)
  }
  return shown
}

const SIZE_FORM = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i
const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

export function parseBytes(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? atLeastZero(value) : refuse()
  const match = typeof value === 'string' ? SIZE_FORM.exec(value.trim()) : null
  if (match === null) return refuse()
  const bytes = Number(match[1]) * (UNIT_BYTES[(match[2] ?? '').toLowerCase()] ?? 1)
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : refuse()
}

export function showBytes(bytes: number): string {
  for (const unit of ['t', 'g', 'm', 'k'] as const) {
    const scaled = bytes / (UNIT_BYTES[unit] ?? 1)
    if (scaled >= 1 && Number.isInteger(scaled)) return `${scaled}${unit.toUpperCase()}B`
  }
  return String(bytes)
}

function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
}

function atLeastZero(n: number): number {
  return Number.isFinite(n) && n >= 0 ? n : refuse()
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return refuse()
  }
}

/** Ends a parse: the value does not have the expected form. */
export function refuse(): never {
  throw new FormError('')
}
