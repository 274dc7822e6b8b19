/**
 * Durations and byte sizes as LogQL spells them: Prometheus durations (`1d2h`), Go durations (`1.5h`) and humanised sizes (`1.5KiB`).
 * Used by the lexer, label filters, unwrap conversions, template functions and the printer. Nanoseconds and bytes are doubles; never throws.
 */
import { goQuote } from './go-text.ts'

/** What Go's int64 nanoseconds can hold. */
const DURATION_NS_MAX = 2 ** 63

export const GO_UNITS_NS: ReadonlyMap<string, number> = new Map([
  ['ns', 1], ['us', 1e3], ['µs', 1e3], ['μs', 1e3], ['ms', 1e6], ['s', 1e9], ['m', 60e9], ['h', 3600e9],
])

/** Go's `time.ParseDuration`: `-1.5h`, `1m30s`, `0`. Nanoseconds, or null when it is not one. */
export function parseGoDuration(text: string): number | null {
  const negative = text.startsWith('-')
  const rest = negative || text.startsWith('+') ? text.slice(1) : text
  if (rest === '0') return 0
  if (rest === '') return null
  const part = /(\d*)(?:\.(\d*))?([^\d.]+)/y
  let ns = 0
  while (part.lastIndex < rest.length) {
    const match = part.exec(rest)
    if (match === null) return null
    const [, whole = '', fraction = '', unit = ''] = match
    const unitNs = GO_UNITS_NS.get(unit)
    if (unitNs === undefined || whole + fraction === '') return null
    ns += Number(whole || '0') * unitNs + fractionNs(fraction, unitNs)
    if (ns > DURATION_NS_MAX || (ns === DURATION_NS_MAX && !negative)) return null
  }
  return negative && ns !== 0 ? -ns : ns
}

/** Whole nanoseconds of `0.<digits>` of a unit, cut off as Go does. */
function fractionNs(digits: string, unitNs: number): number {
  if (digits === '') return 0
  const kept = digits.slice(0, 15)
  return Math.trunc((Number(kept) * unitNs) / 10 ** kept.length)
}

/** Largest first: a duration must name them in this order, each once. */
const PROMETHEUS_UNITS: ReadonlyArray<readonly [unit: string, ns: number]> = [
  ['y', 365 * 86_400e9], ['w', 7 * 86_400e9], ['d', 86_400e9], ['h', 3600e9], ['m', 60e9], ['s', 1e9], ['ms', 1e6],
]

/** Nanoseconds, or the text of the error a user is shown. */
export function readPrometheusDuration(text: string): number | { readonly error: string } {
  if (text === '0') return 0
  if (text === '') return { error: 'empty duration string' }
  const invalid = { error: `not a valid duration string: ${goQuote(text)}` }
  const part = /(\d+)(\D+)/y
  let ns = 0
  let position = -1
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return invalid
    const [, digits = '', unit = ''] = match
    if (Number(digits) >= 2 ** 64) return invalid
    const index = PROMETHEUS_UNITS.findIndex(([name]) => name === unit)
    if (index === -1) return { error: `unknown unit ${goQuote(unit)} in duration ${goQuote(text)}` }
    if (index <= position) return invalid
    position = index
    ns += Number(digits) * (PROMETHEUS_UNITS[index]?.[1] ?? 0)
    if (ns >= DURATION_NS_MAX) return { error: 'duration out of range' }
  }
  return ns
}

/** Prometheus' duration (`5m`, `1d12h`), in nanoseconds; null when it is not one. */
export function parsePrometheusDuration(text: string): number | null {
  const read = readPrometheusDuration(text)
  return typeof read === 'number' ? read : null
}

/** A duration literal of LogQL: Prometheus' form, else Go's. */
export const parseDuration = (text: string): number | null => parsePrometheusDuration(text) ?? parseGoDuration(text)

/** Bytes; names in small letters. */
export const SIZE_UNITS: ReadonlyMap<string, number> = new Map(
  ['', 'k', 'm', 'g', 't', 'p', 'e'].flatMap((prefix, power): Array<[string, number]> =>
    prefix === ''
      ? [['', 1], ['b', 1]]
      : [[prefix, 1000 ** power], [`${prefix}b`, 1000 ** power], [`${prefix}i`, 1024 ** power], [`${prefix}ib`, 1024 ** power]],
  ),
)

/** A humanised size (`42`, `1.5 kB`, `2MiB`; units in any case), in whole bytes; null when it is not one or passes 64 bits. */
export function parseBytes(text: string): number | null {
  const match = /^([\d.,]*)([^]*)$/.exec(text)
  const number = (match?.[1] ?? '').replaceAll(',', '')
  if (!/^(?:\d+\.?\d*|\.\d+)$/.test(number)) return null
  const unit = SIZE_UNITS.get((match?.[2] ?? '').trim().toLowerCase())
  if (unit === undefined) return null
  const bytes = Number(number) * unit
  return bytes >= 2 ** 64 ? null : Math.trunc(bytes)
}

/** As Go prints a `time.Duration`: `1h0m0s`, `1.5s`, `300ms`, `0s`. */
export function formatGoDuration(ns: number): string {
  if (ns === 0) return '0s'
  if (ns < 0) return `-${formatGoDuration(-ns)}`
  if (ns < 1e3) return `${ns}ns`
  if (ns < 1e6) return `${decimal(ns, 3)}µs`
  if (ns < 1e9) return `${decimal(ns, 6)}ms`
  const total = BigInt(Math.trunc(ns))
  const minutes = total / 60_000_000_000n
  const seconds = `${decimal(Number(total % 60_000_000_000n), 9)}s`
  if (minutes === 0n) return seconds
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

/** `value / 10^places` without trailing zeros. */
function decimal(value: number, places: number): string {
  const digits = String(Math.trunc(value)).padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return digits.slice(0, -places) + (fraction === '' ? '' : `.${fraction}`)
}

/** As Prometheus prints a duration: whole milliseconds in the fewest units, years and weeks only when they fit exactly. */
export function formatPrometheusDuration(ns: number): string {
  let ms = Math.trunc(Math.abs(ns) / 1e6)
  if (ms === 0) return '0s'
  let text = ns < 0 ? '-' : ''
  for (const [unit, unitNs] of PROMETHEUS_UNITS) {
    const unitMs = unitNs / 1e6
    const exactOnly = unit === 'y' || unit === 'w'
    if (ms < unitMs || (exactOnly && ms % unitMs !== 0)) continue
    text += `${Math.trunc(ms / unitMs)}${unit}`
    ms %= unitMs
  }
  return text
}

/** As humanize prints a size, with decimal units: `82 B`, `1.0 kB`, `83 MB`. */
export function formatBytes(bytes: number): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']
  if (bytes < 10) return `${Math.trunc(bytes)} B`
  const exponent = Math.min(Math.floor(Math.log(bytes) / Math.log(1000)), names.length - 1)
  const value = Math.floor((bytes / 1000 ** exponent) * 10 + 0.5) / 10
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${names[exponent] ?? 'B'}`
}
