/** Times as the command line takes them, in nanoseconds: `now`, `-1h30m` before now, RFC 3339, Unix seconds, or nanoseconds. */
import { parseDurationMs } from '../runtime/config-schema.ts'
import { UsageError } from './command.ts'

const NS_PER_MS = 1_000_000n
/** Unix numbers of more digits are nanoseconds, as Loki's API takes them. */
const SECONDS_DIGITS_MAX = 10
const RFC3339 = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/

export function parseTimeNs(text: string, nowMs: number): bigint {
  if (text === 'now') return BigInt(Math.floor(nowMs)) * NS_PER_MS
  if (/^\d+$/.test(text)) return text.length > SECONDS_DIGITS_MAX ? BigInt(text) : BigInt(text) * 1_000_000_000n
  if (text.startsWith('-')) return BigInt(Math.floor(nowMs - durationMs(text.slice(1)))) * NS_PER_MS
  const match = RFC3339.exec(text)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[4] ?? 'Z'}`)
  if (Number.isNaN(ms)) throw new UsageError(`${text} is no time; expected now, -1h30m, 2026-01-31T10:00:00Z, or Unix seconds or nanoseconds`)
  return BigInt(ms) * NS_PER_MS + BigInt((match?.[3] ?? '').padEnd(9, '0'))
}

export function durationMs(text: string): number {
  try {
    return parseDurationMs(text)
  } catch {
    throw new UsageError(`${text} is no duration; expected a form such as 30s, 15m or 1h30m`)
  }
}

/** RFC 3339 with nanoseconds, without trailing zeros. */
export function showTimeNs(ns: bigint): string {
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '').padEnd(3, '0')
  return `${new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}
