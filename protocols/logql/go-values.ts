/**
 * Numbers, durations and sizes as label values spell them, read as Go reads them (`strconv.ParseFloat`, `time.ParseDuration`, and the byte sizes of
 * go-humanize). Used by label filters, unwrap and templates. A value that cannot be read comes back as the text of Go's error, so no exception is
 * thrown per line.
 */
import { GO_UNITS_NS, SIZE_UNITS } from './durations.ts'
import { goQuote } from './go-text.ts'

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
/** Underscores between digits are Go's way to group them. */
const GROUPED = /^(?!.*__)(?!.*_(?!\d))(?!.*(?<!\d)_)[\d._eE+-]+$/
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?\d+)$/
const SPECIAL: ReadonlyMap<string, number> = new Map(Object.entries({ inf: Infinity, '+inf': Infinity, '-inf': -Infinity, infinity: Infinity, '+infinity': Infinity, '-infinity': -Infinity, nan: NaN }))

export function parseFloatText(text: string): number | string {
  const plain = GROUPED.test(text) ? text.replaceAll('_', '') : text
  if (DECIMAL.test(plain)) {
    const value = Number(plain)
    return Number.isFinite(value) ? value : `strconv.ParseFloat: parsing ${goQuote(text)}: value out of range`
  }
  const special = SPECIAL.get(text.toLowerCase())
  if (special !== undefined) return special
  const hex = HEXADECIMAL.exec(text)
  if (hex !== null) {
    const [, sign, whole = '', fraction = '', exponent] = hex
    const mantissa = Number.parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length)
    if (!Number.isNaN(mantissa)) return sign === '-' ? -mantissa : mantissa
  }
  return `strconv.ParseFloat: parsing ${goQuote(text)}: invalid syntax`
}

const DURATION_PART = /(\d*)(\.\d*)?([^\d.]*)/y
const DURATION_NS_MAX = 2 ** 63

/** How package time quotes: beyond printable ASCII every byte is hexadecimal. */
function timeQuote(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replace(/["\\]/g, '\\$&').replace(/[\u0000-\u001f]|[^\u0000-\u007f]/gu, (char) => Buffer.from(char).toString('hex').replace(/../g, '\\x$&'))
  return `"${escaped}"`
}

/** Nanoseconds. */
export function parseDurationText(text: string): number | string {
  const negative = text.startsWith('-')
  const body = negative || text.startsWith('+') ? text.slice(1) : text
  if (body === '0') return 0
  const invalid = `time: invalid duration ${timeQuote(text)}`
  if (body === '') return invalid
  let total = 0
  DURATION_PART.lastIndex = 0
  while (DURATION_PART.lastIndex < body.length) {
    const part = DURATION_PART.exec(body)!
    const [, whole = '', fraction = '', unit = ''] = part
    if (whole === '' && (fraction === '' || fraction === '.')) return invalid
    if (Number(whole) > DURATION_NS_MAX) return invalid
    if (unit === '') return `time: missing unit in duration ${timeQuote(text)}`
    const scale = GO_UNITS_NS.get(unit)
    if (scale === undefined) return `time: unknown unit ${timeQuote(unit)} in duration ${timeQuote(text)}`
    total += Number(whole) * scale
    if (fraction.length > 1) total += Math.trunc(Number(`0${fraction}`) * scale)
    if (total >= DURATION_NS_MAX) return invalid
  }
  return negative ? -total : total
}

export function parseBytesText(text: string): number | string {
  const digits = /^[\p{Nd}.,]*/u.exec(text)![0]
  const value = parseFloatText(digits.replaceAll(',', ''))
  if (typeof value === 'string') return value
  const unit = text.slice(digits.length).trim().toLowerCase()
  const scale = SIZE_UNITS.get(unit)
  if (scale === undefined) return `unhandled size name: ${unit}`
  return value * scale >= 2 ** 64 ? `too large: ${text}` : Math.trunc(value * scale)
}

const MINUS = 0x2d
const POINT = 0x2e
const SAFE_DIGITS = 15
const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i)

/** `-12.5` straight from bytes where that is exact: at most 15 digits. NaN: read it the long way. */
export function plainDecimal(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start
  const first = at
  if (end - at > SAFE_DIGITS + 1) return NaN
  let value = 0
  let decimals = -1
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit
      if (decimals >= 0) decimals++
    } else if (bytes[at] === POINT && decimals === -1 && at > first) decimals = 0
    else return NaN
  }
  if (at === first || at - first - (decimals >= 0 ? 1 : 0) > SAFE_DIGITS) return NaN
  if (decimals > 0) value /= POWERS[decimals]!
  return first === start ? value : -value
}
