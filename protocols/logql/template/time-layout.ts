/** Go's time layouts: a reference time written the way the text should look. Formatting and reading; used by the time functions of templates. */
import { civilOf, type Civil, fixedZone, type GoTime, goTime, offsetText, zoneAt } from './time.ts'

export const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Longest first where one begins another. */
const ELEMENT =
  /January|Jan|Monday|Mon|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,]0+(?!\d)|[.,]9+(?!\d)|__2|_2(?!006)|002|01|02|03|04|05|06|15|PM|pm|1|2|3|4|5/g

interface Part {
  readonly literal: string
  /** '' at the end. */
  readonly element: string
}

function partsOf(layout: string): Part[] {
  const parts: Part[] = []
  let from = 0
  for (const found of layout.matchAll(ELEMENT)) {
    parts.push({ literal: layout.slice(from, found.index), element: found[0] })
    from = found.index + found[0].length
  }
  parts.push({ literal: layout.slice(from), element: '' })
  return parts
}

const pad = (value: number, width: number, fill = '0'): string => String(value).padStart(width, fill)
const hour12 = (date: Date): number => date.getUTCHours() % 12 || 12
const yearDay = (date: Date): number => Math.floor((Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1

const FORMATS: Readonly<Record<string, (civil: Civil) => string>> = {
  January: ({ date }) => MONTHS[date.getUTCMonth()]!,
  Jan: ({ date }) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  Monday: ({ date }) => DAYS[date.getUTCDay()]!,
  Mon: ({ date }) => DAYS[date.getUTCDay()]!.slice(0, 3),
  MST: ({ zone }) => zone.name,
  '2006': ({ date }) => pad(date.getUTCFullYear(), 4),
  '06': ({ date }) => pad(date.getUTCFullYear() % 100, 2),
  '01': ({ date }) => pad(date.getUTCMonth() + 1, 2),
  '1': ({ date }) => String(date.getUTCMonth() + 1),
  '02': ({ date }) => pad(date.getUTCDate(), 2),
  _2: ({ date }) => pad(date.getUTCDate(), 2, ' '),
  '2': ({ date }) => String(date.getUTCDate()),
  '002': ({ date }) => pad(yearDay(date), 3),
  __2: ({ date }) => pad(yearDay(date), 3, ' '),
  '15': ({ date }) => pad(date.getUTCHours(), 2),
  '03': ({ date }) => pad(hour12(date), 2),
  '3': ({ date }) => String(hour12(date)),
  '04': ({ date }) => pad(date.getUTCMinutes(), 2),
  '4': ({ date }) => String(date.getUTCMinutes()),
  '05': ({ date }) => pad(date.getUTCSeconds(), 2),
  '5': ({ date }) => String(date.getUTCSeconds()),
  PM: ({ date }) => (date.getUTCHours() >= 12 ? 'PM' : 'AM'),
  pm: ({ date }) => (date.getUTCHours() >= 12 ? 'pm' : 'am'),
}

function formatElement(element: string, civil: Civil): string {
  const known = FORMATS[element]
  if (known !== undefined) return known(civil)
  if (/^[.,]/.test(element)) return fractionText(element, civil.nanos)
  if (element.startsWith('Z') && civil.zone.offsetS === 0) return 'Z'
  const shape = element.slice(1)
  if (shape === '07') return offsetText(civil.zone.offsetS, '').slice(0, 3)
  return offsetText(civil.zone.offsetS, shape.includes(':') ? ':' : '', shape.replaceAll(':', '').length === 6)
}

function fractionText(element: string, nanos: number): string {
  const digits = pad(nanos, 9).padEnd(element.length - 1, '0').slice(0, element.length - 1)
  if (element[1] === '0') return element[0] + digits
  const trimmed = digits.replace(/0+$/, '')
  return trimmed === '' ? '' : element[0] + trimmed
}

export function formatTime(time: GoTime, layout: string): string {
  const civil = civilOf(time)
  return partsOf(layout).map(({ literal, element }) => literal + (element === '' ? '' : formatElement(element, civil))).join('')
}

interface Read {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  nanos: number
  afternoon: boolean | null
  offsetS: number | null
  zoneName: string
  utc: boolean
}

const PATTERNS: Readonly<Record<string, RegExp>> = {
  '2006': /\d{4}/y, '06': /\d{2}/y, '01': /\d{2}/y, '1': /\d{1,2}/y, '02': /\d{2}/y, '2': /\d{1,2}/y, _2: /[ \d]?\d/y, '15': /\d{2}/y, '03': /\d{2}/y, '3': /\d{1,2}/y,
  '04': /\d{2}/y, '4': /\d{1,2}/y, '05': /\d{2}/y, '5': /\d{1,2}/y, PM: /AM|PM/y, pm: /am|pm/y, MST: /[A-Z]{3,5}|[+-]\d{2}/y, '002': /\d{3}/y, __2: /[ \d]{2}\d/y,
  January: /[A-Za-z]+/y, Jan: /[A-Za-z]{3}/y, Monday: /[A-Za-z]+/y, Mon: /[A-Za-z]{3}/y,
}
const OFFSET = /Z|[+-]\d{2}(?::?\d{2}){0,2}/y
const FRACTION = /[.,]\d+/y

/** null when the text does not fit. Times without an offset are in `zone`. */
export function parseTime(layout: string, text: string, zone: string): GoTime | null {
  const read: Read = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, afternoon: null, offsetS: null, zoneName: '', utc: false }
  let at = 0
  const parts = partsOf(layout)
  for (const [i, { literal, element }] of parts.entries()) {
    const following = parts[i + 1]
    const fractionFollows = following?.literal === '' && /^[.,]/.test(following.element)
    if (!text.startsWith(literal, at)) return null
    at += literal.length
    if (element === '') break
    const taken = readElement(element, text, at, read, fractionFollows)
    if (taken === null) return null
    at += taken
  }
  return at === text.length ? assemble(read, zone) : null
}

/** Seconds take a fraction along that the layout does not mention. */
function readElement(element: string, text: string, at: number, read: Read, fractionFollows: boolean): number | null {
  const pattern = PATTERNS[element] ?? (/^[.,]/.test(element) ? FRACTION : OFFSET)
  pattern.lastIndex = at
  const found = pattern.exec(text)?.[0]
  if (found === undefined) return element[1] === '9' ? 0 : null
  if (!store(element, found, read)) return null
  if ((element !== '05' && element !== '5') || fractionFollows) return found.length
  FRACTION.lastIndex = at + found.length
  const fraction = FRACTION.exec(text)?.[0] ?? ''
  if (fraction !== '') read.nanos = Number(fraction.slice(1, 10).padEnd(9, '0'))
  return found.length + fraction.length
}

function store(element: string, found: string, read: Read): boolean {
  const number = Number(found)
  switch (element) {
    case '2006': read.year = number; return true
    case '06': read.year = number + (number >= 69 ? 1900 : 2000); return true
    case '01': case '1': read.month = number; return number >= 1 && number <= 12
    case 'January': case 'Jan': {
      const length = element === 'Jan' ? 3 : Infinity
      read.month = MONTHS.findIndex((month) => month.slice(0, length).toLowerCase() === found.toLowerCase()) + 1
      return read.month > 0
    }
    case '02': case '2': case '_2': read.day = number; return number >= 1 && number <= 31
    case '15': case '03': case '3': read.hour = number; return number < 24
    case '04': case '4': read.minute = number; return number < 60
    case '05': case '5': read.second = number; return number < 60
    case 'PM': case 'pm': read.afternoon = found.toLowerCase() === 'pm'; return true
    case 'MST': read.zoneName = found; return true
    case 'Monday': case 'Mon': case '002': case '__2': return true
    default:
      if (/^[.,]/.test(element)) read.nanos = Number(found.slice(1, 10).padEnd(9, '0'))
      else {
        read.offsetS = readOffset(found)
        read.utc = found === 'Z'
      }
      return true
  }
}

function readOffset(text: string): number {
  if (text === 'Z') return 0
  const digits = text.slice(1).replaceAll(':', '').padEnd(6, '0')
  const size = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6))
  return text.startsWith('-') ? -size : size
}

function assemble(read: Read, zone: string): GoTime | null {
  const hour = read.afternoon === null ? read.hour : (read.hour % 12) + (read.afternoon ? 12 : 0)
  const date = new Date(0)
  date.setUTCFullYear(read.year, read.month - 1, read.day)
  if (date.getUTCMonth() !== read.month - 1) return null
  date.setUTCHours(hour, read.minute, read.second)
  const time = (offsetS: number, where: string): GoTime => goTime((BigInt(date.getTime() / 1000) - BigInt(offsetS)) * 1_000_000_000n + BigInt(read.nanos), where)
  if (read.utc || read.zoneName === 'UTC') return time(read.offsetS ?? 0, 'UTC')
  const guess = zoneAt(zone, date.getTime())
  if (guess === null) return null
  const local = zoneAt(zone, date.getTime() - (read.offsetS ?? guess.offsetS) * 1000) ?? guess
  if (read.offsetS !== null) {
    const isLocal = read.offsetS === local.offsetS && (read.zoneName === '' || read.zoneName === local.name)
    return time(read.offsetS, isLocal ? zone : fixedZone(read.offsetS, read.zoneName))
  }
  if (read.zoneName === '' || read.zoneName === local.name) return time(local.offsetS, zone)
  const named = [0, 6].map((month) => zoneAt(zone, Date.UTC(read.year, month, 1))).find((one) => one?.name === read.zoneName)
  // A name says nothing of the offset where the zone does not know it.
  return named === null || named === undefined ? time(0, fixedZone(0, read.zoneName)) : time(named.offsetS, zone)
}
