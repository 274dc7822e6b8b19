/**
 * Finds the time that a line begins with, or names in a JSON or logfmt field near its front. Used by `batches.ts` for `--timestamp-from line`; a line without one is not an error.
 * Forms: RFC 3339 and its relatives, Apache's, syslog's (which lacks the year), Unix seconds to nanoseconds.
 */

export interface LineTime {
  readonly seconds: number
  readonly nanos: number
}

/** Named fields are looked for in this much of a line, a bare time near its beginning only: further on it is what the line is about. */
const FIELD_BYTES = 400
const FRONT_CHARS = 64

const ISO = /(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/
const FIELD = /["\s{,](?:ts|time|timestamp|@timestamp|t)"?\s*[:=]\s*"?([\dT:. +Z,/-]{10,40})/
const APACHE = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]/
const SYSLOG = /^(?:<\d{1,3}>)?([A-Z][a-z]{2}) [ \d](\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?/
const SYSLOG_DAY = /^(?:<\d{1,3}>)?[A-Z][a-z]{2} ([ \d]\d)/
const UNIX = /^\[?(\d{10})(?:\.?(\d{1,9}))?\b/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Null: the line has no time of its own. `yearOf`: Unix ms from which a form without a year takes it (the file's). Times without zone are UTC. */
export function lineTime(bytes: Buffer, from: number, to: number, yearOfMs: number): LineTime | null {
  const text = bytes.toString('latin1', from, Math.min(to, from + FIELD_BYTES))
  const front = text.slice(0, FRONT_CHARS)
  const field = FIELD.exec(text)?.[1]
  return isoTime(front) ?? apacheTime(text) ?? syslogTime(front, yearOfMs) ?? unixTime(front) ?? (field === undefined ? null : (isoTime(field) ?? unixTime(field)))
}

function isoTime(front: string): LineTime | null {
  const m = ISO.exec(front)
  return m === null ? null : atZone(Date.UTC(num(m[1]), num(m[2]) - 1, num(m[3]), num(m[4]), num(m[5]), num(m[6])), m[8], m[7])
}

function apacheTime(front: string): LineTime | null {
  const m = APACHE.exec(front)
  return m === null ? null : atZone(Date.UTC(num(m[3]), MONTHS.indexOf(m[2] ?? ''), num(m[1]), num(m[4]), num(m[5]), num(m[6])), m[7], undefined)
}

function syslogTime(front: string, yearOfMs: number): LineTime | null {
  const m = SYSLOG.exec(front)
  const month = m === null ? -1 : MONTHS.indexOf(m[1] ?? '')
  if (m === null || month === -1) return null
  const day = num(SYSLOG_DAY.exec(front)?.[1])
  const inYear = (year: number): number => Date.UTC(year, month, day, num(m[3]), num(m[4]), num(m[5]))
  const year = new Date(yearOfMs).getUTCFullYear()
  // A December line in a file last written in January is of the year before.
  const ms = inYear(year) > yearOfMs + 86_400_000 ? inYear(year - 1) : inYear(year)
  return atZone(ms, undefined, m[6])
}

function unixTime(front: string): LineTime | null {
  const m = UNIX.exec(front)
  return m === null ? null : { seconds: num(m[1]), nanos: nanosOf(m[2]) }
}

function atZone(utcMs: number, zone: string | undefined, fraction: string | undefined): LineTime | null {
  if (Number.isNaN(utcMs)) return null
  const offset = zone === undefined || zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (num(zone.slice(1, 3)) * 3600 + num(zone.slice(-2)) * 60)
  return { seconds: utcMs / 1000 - offset, nanos: nanosOf(fraction) }
}

function nanosOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'))
}

function num(text: string | undefined): number {
  return Number(text)
}
