/**
 * Times in templates: an instant with a zone, printed and read by Go's layouts (`2006-01-02 15:04:05`). Zones are IANA names; `Local` is UTC, so that
 * answers do not depend on the node. Pure: `now` comes from outside.
 */

export interface GoTime {
  readonly kind: 'time'
  /** Nanoseconds since 1970. */
  readonly ns: bigint
  readonly zone: string
}

export const isGoTime = (value: unknown): value is GoTime => typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'time'

export const goTime = (ns: bigint, zone = 'UTC'): GoTime => ({ kind: 'time', ns, zone })
/** Go's zero time, 1 January of the year 1. */
export const ZERO_TIME = goTime(-62_135_596_800n * 1_000_000_000n)

export interface ZoneInfo {
  readonly offsetS: number
  readonly name: string
}

const formatters = new Map<string, Intl.DateTimeFormat | null>()

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  let formatter = formatters.get(zone)
  if (formatter === undefined) {
    try {
      formatter = new Intl.DateTimeFormat('en-US', {
        timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
      })
    } catch {
      formatter = null
    }
    formatters.set(zone, formatter)
  }
  return formatter
}

const FIXED = /^fixed (-?\d+) (.*)$/

/** A zone that is only an offset, and a name if there was one. */
export const fixedZone = (offsetS: number, name: string): string => `fixed ${offsetS} ${name}`

/** null: no such zone. '' and `Local` are UTC. */
export function zoneAt(zone: string, epochMs: number): ZoneInfo | null {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return { offsetS: 0, name: 'UTC' }
  const fixed = FIXED.exec(zone)
  if (fixed !== null) return { offsetS: Number(fixed[1]), name: fixed[2] === '' ? offsetText(Number(fixed[1]), '') : fixed[2]! }
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(zone)) return null
  const offsetS = offsetAt(zone, epochMs)
  return offsetS === null ? null : { offsetS, name: nameAt(zone, epochMs, offsetS) }
}

function offsetAt(zone: string, epochMs: number): number | null {
  const formatter = formatterOf(zone)
  if (formatter === null || !Number.isFinite(epochMs) || Math.abs(epochMs) > 8.64e15) return null
  const parts = Object.fromEntries(formatter.formatToParts(epochMs).map(({ type, value }) => [type, value]))
  const local = Date.UTC(Number(parts['year']), Number(parts['month']) - 1, Number(parts['day']), Number(parts['hour']), Number(parts['minute']), Number(parts['second']))
  return Math.round((local - Math.floor(epochMs / 1000) * 1000) / 1000)
}

/** English names differ by country; the first of these that has a name for the zone gives it. */
const NAMING_LOCALES = ['en-US', 'en-CA', 'en-GB', 'en-AU', 'en-NZ', 'en-ZA']
/** What none of them names: standard time, summer time. */
const NAMES: Readonly<Record<string, readonly [standard: string, summer: string]>> = {
  'Asia/Calcutta': ['IST', 'IST'], 'Asia/Hong_Kong': ['HKT', 'HKT'], 'Asia/Jakarta': ['WIB', 'WIB'], 'Asia/Jerusalem': ['IST', 'IDT'], 'Asia/Karachi': ['PKT', 'PKT'],
  'Asia/Kolkata': ['IST', 'IST'], 'Asia/Manila': ['PST', 'PST'], 'Asia/Seoul': ['KST', 'KST'], 'Asia/Shanghai': ['CST', 'CST'], 'Asia/Taipei': ['CST', 'CST'],
  'Asia/Tel_Aviv': ['IST', 'IDT'], 'Asia/Tokyo': ['JST', 'JST'], 'Europe/Dublin': ['GMT', 'IST'], 'Europe/Moscow': ['MSK', 'MSK'],
}
const namers = new Map<string, ReadonlyArray<Intl.DateTimeFormat>>()

/** `EST`, `CEST`, `JST`; zones without letters of their own in the time zone database go by their offset: `+03`. */
function nameAt(zone: string, epochMs: number, offsetS: number): string {
  const letters = NAMES[zone]
  if (letters !== undefined) return letters[offsetS > standardOffsetS(zone, epochMs) ? 1 : 0]
  let namersOfZone = namers.get(zone)
  if (namersOfZone === undefined) {
    namersOfZone = NAMING_LOCALES.map((locale) => new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: 'short' }))
    namers.set(zone, namersOfZone)
  }
  for (const namer of namersOfZone) {
    const name = namer.formatToParts(epochMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    if (/^(?!GST$)[A-Z]+$/.test(name)) return name
  }
  return offsetText(offsetS, '').replace(/00$/, '')
}

/** The lesser of the offsets in January and July of that year. */
function standardOffsetS(zone: string, epochMs: number): number {
  const year = new Date(epochMs).getUTCFullYear()
  return Math.min(...[0, 6].map((month) => offsetAt(zone, Date.UTC(year, month, 1)) ?? 0))
}

const two = (value: number): string => String(value).padStart(2, '0')

export function offsetText(offsetS: number, separator: string, seconds = false): string {
  const size = Math.abs(offsetS)
  const minutes = Math.floor(size / 60)
  const text = `${offsetS < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`
  return seconds ? `${text}${separator}${two(size % 60)}` : text
}

const floorDivide = (a: bigint, b: bigint): bigint => (a >= 0n ? a / b : -((-a + b - 1n) / b))
/** Beyond what JavaScript's calendar holds, the nearest that it does. */
const clampMs = (ms: number): number => Math.min(8.64e15, Math.max(-8.64e15, ms))

export interface Civil {
  readonly date: Date
  readonly nanos: number
  readonly zone: ZoneInfo
}

export function civilOf({ ns, zone }: GoTime): Civil {
  const epochS = floorDivide(ns, 1_000_000_000n)
  const epochMs = clampMs(Number(epochS) * 1000)
  const info = zoneAt(zone, epochMs) ?? { offsetS: 0, name: 'UTC' }
  return { date: new Date(clampMs(epochMs + info.offsetS * 1000)), nanos: Number(ns - epochS * 1_000_000_000n), zone: info }
}

/** `time.Time.String()`. */
export function timeText(time: GoTime): string {
  const { date, nanos, zone } = civilOf(time)
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}${fraction}`
  return `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${clock} ${offsetText(zone.offsetS, '')} ${zone.name}`
}
