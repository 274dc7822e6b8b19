/**
 * The parameters of the query endpoints, in Loki's forms and with its messages (400). Used by the HTTP and NATS query endpoints; reads no clock, `nowNs` comes in.
 * Parameters arrive as a function from name to first value, '' when it is missing.
 */
import { SkaldError } from '../runtime/errors.ts'
import { readPrometheusDuration } from './logql/durations.ts'
import { goQuote } from './logql/go-text.ts'
import type { TimeNs } from './model.ts'

export type GetParameter = (name: string) => string

export interface TimeBounds {
  readonly startNs: TimeNs
  readonly endNs: TimeNs
}

export interface RangeQueryParameters extends TimeBounds {
  readonly query: string
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  readonly stepNs: bigint
  /** Log queries: least distance between entries; 0: off. */
  readonly intervalNs: bigint
}

export interface InstantQueryParameters {
  readonly query: string
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  readonly timeNs: TimeNs
}

const DEFAULT_LIMIT = 100
const DEFAULT_SINCE_NS = 3_600_000_000_000n
/** A range without `step` gets about this many points. */
const DEFAULT_POINTS = 250n
const RESOLUTION_POINTS_MAX = 11_000n

const NS_PER_S = 1_000_000_000n
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

const refused = (message: string): SkaldError => new SkaldError('bad_request', message)

export function rangeQueryParameters(get: GetParameter, nowNs: TimeNs): RangeQueryParameters {
  const bounds = timeBounds(get, nowNs)
  if (bounds.endNs < bounds.startNs) throw refused('end timestamp must not be before or equal to start time')
  const limit = limitParameter(get('limit'))
  const direction = directionParameter(get('direction'))
  const stepNs = get('step') === '' ? defaultStep(bounds) : secondsOrDuration(get('step'))
  if (stepNs <= 0n) throw refused('zero or negative query resolution step widths are not accepted. Try a positive integer')
  const intervalNs = get('interval') === '' ? 0n : secondsOrDuration(get('interval'))
  if (intervalNs < 0n) throw refused('interval must be >= 0')
  return { query: get('query'), ...bounds, limit, direction, stepNs, intervalNs }
}

export function instantQueryParameters(get: GetParameter, nowNs: TimeNs): InstantQueryParameters {
  const limit = limitParameter(get('limit'))
  const timeNs = timeParameter(get('time'), nowNs)
  return { query: get('query'), limit, timeNs, direction: directionParameter(get('direction')) }
}

/** Only metric queries have points to count. */
export function checkResolution({ startNs, endNs, stepNs }: RangeQueryParameters): void {
  if ((endNs - startNs) / stepNs > RESOLUTION_POINTS_MAX) {
    throw refused('exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter')
  }
}

/** `start`, `end`, `since`: the last hour when nothing is said. */
export function timeBounds(get: GetParameter, nowNs: TimeNs): TimeBounds {
  const sinceNs = get('since') === '' ? DEFAULT_SINCE_NS : about('since', () => durationParameter(get('since')))
  const endNs = about('end', () => timeParameter(get('end'), nowNs))
  const latestNs = endNs < nowNs ? endNs : nowNs
  const startNs = about('start', () => timeParameter(get('start'), latestNs - sinceNs))
  return { startNs, endNs }
}

function about<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof SkaldError ? refused(`could not parse '${name}' parameter: ${error.message}`) : error
  }
}

/** Up to ten digits are seconds, more are nanoseconds; with a point, seconds to the millisecond; else RFC 3339. */
function timeParameter(text: string, missing: TimeNs): TimeNs {
  if (text === '') return missing
  if (text.includes('.') && FLOAT.test(text)) return floatSeconds(Number(text))
  if (/^[+-]?\d+$/.test(text)) {
    const value = BigInt(text)
    if (value > INT64_MAX || value < INT64_MIN) throw refused(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`)
    return text.length <= 10 ? value * NS_PER_S : value
  }
  const ns = rfc3339(text)
  if (ns === null) throw refused(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`)
  return ns
}

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

function floatSeconds(seconds: number): TimeNs {
  const whole = Math.trunc(seconds)
  return BigInt(whole) * NS_PER_S + BigInt(Math.round((seconds - whole) * 1000)) * 1_000_000n
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/

/** Nanoseconds, or null. */
export function rfc3339(text: string): TimeNs | null {
  const match = RFC3339.exec(text)
  if (match === null) return null
  const [, seconds = '', fraction = '', zone = ''] = match
  const ms = Date.parse(`${seconds}${zone}`)
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}

function durationParameter(text: string): bigint {
  const ns = readPrometheusDuration(text)
  if (typeof ns === 'number') return BigInt(ns)
  throw refused(ns.error)
}

/** `step` and `interval`: seconds as a number, or a duration. */
function secondsOrDuration(text: string): bigint {
  const invalid = `cannot parse ${goQuote(text)} to a valid duration`
  if (FLOAT.test(text)) {
    const ns = Number(text) * 1e9
    if (ns > Number(INT64_MAX) || ns < Number(INT64_MIN)) throw refused(`${invalid}. It overflows int64`)
    return BigInt(Math.trunc(ns))
  }
  const ns = readPrometheusDuration(text)
  if (typeof ns !== 'number') throw refused(invalid)
  return BigInt(ns)
}

function defaultStep({ startNs, endNs }: TimeBounds): bigint {
  const seconds = (endNs - startNs) / NS_PER_S / DEFAULT_POINTS
  return (seconds < 1n ? 1n : seconds) * NS_PER_S
}

export function limitParameter(text: string): number {
  if (text === '') return DEFAULT_LIMIT
  if (!/^[+-]?\d+$/.test(text)) throw refused(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`)
  const limit = Number(text)
  if (Math.abs(limit) >= 2 ** 63) throw refused(`strconv.Atoi: parsing ${goQuote(text)}: value out of range`)
  if (limit <= 0) throw refused('limit must be a positive value')
  return limit
}

function directionParameter(text: string): 'forward' | 'backward' {
  const direction = text.toLowerCase()
  if (direction === '' || direction === 'backward') return 'backward'
  if (direction === 'forward') return 'forward'
  throw refused(`invalid direction '${text}'`)
}
