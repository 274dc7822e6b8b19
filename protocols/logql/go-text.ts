/**
 * How Go prints floats and quoted strings: answers and error messages carry its forms. Pure; used by the encoder, error texts and templates' callers.
 */

/** `strconv.FormatFloat(v, 'f', -1, 64)`: shortest digits that read back the same, never an exponent. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const at = text.indexOf('e')
  return at === -1 ? text : withoutExponent(text.slice(0, at), Number(text.slice(at + 1)))
}

function withoutExponent(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = (negative ? mantissa.slice(1) : mantissa).split('.')
  const digits = whole + fraction
  const point = whole.length + exponent
  const body =
    point <= 0 ? `0.${'0'.repeat(-point)}${digits}` : point >= digits.length ? digits + '0'.repeat(point - digits.length) : `${digits.slice(0, point)}.${digits.slice(point)}`
  return negative ? `-${body}` : body
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v',
}
const UNPRINTABLE = /["\\]|\p{C}|(?! )\p{Z}/gu

/** `strconv.Quote`: printable Unicode stays as it is. */
export function goQuote(text: string): string {
  return `"${text.replace(UNPRINTABLE, escapeOne)}"`
}

function escapeOne(char: string): string {
  const short = SHORT_ESCAPES[char]
  if (short !== undefined) return short
  const code = char.codePointAt(0) ?? 0
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}
