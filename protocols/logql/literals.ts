/**
 * Go's string, character and number literals as its `text/scanner` reads them: where one ends, what is wrong with it, what it stands for.
 * Used by the lexer, so that odd literals are refused with the words that Loki's users see. Pure.
 */

interface Scanned { readonly end: number; readonly error: string | null }

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', "'": "'", '"': '"' }
const ESCAPE = /\\(?:[abfnrtv\\'"]|[0-7]{3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})/y

/** From the opening quote. `length` counts characters and escapes. */
export function scanString(text: string, start: number, quote: '"' | "'" | '`'): Scanned & { readonly length: number } {
  if (quote === '`') {
    const end = text.indexOf('`', start + 1)
    return { end: end + 1, error: end === -1 ? 'literal not terminated' : null, length: end - start - 1 }
  }
  let at = start + 1
  for (let length = 0; ; length++) {
    const char = text[at]
    if (char === quote) return { end: at + 1, error: null, length }
    if (char === undefined || char === '\n') return { end: at, error: 'literal not terminated', length }
    if (char === '\\') {
      ESCAPE.lastIndex = at
      const escape = ESCAPE.exec(text)?.[0] ?? ''
      const otherQuote = quote === '"' ? "\\'" : '\\"'
      if (escape === '' || escape === otherQuote) return { end: at, error: 'invalid char escape', length }
      at += escape.length
    } else at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  }
}

/** What a complete string literal stands for; null when an escape names no character. `\xff` and `\377` are bytes of UTF-8. */
export function unquote(literal: string): string | null {
  const body = literal.slice(1, -1)
  if (literal.startsWith('`')) return body.replaceAll('\r', '')
  if (!body.includes('\\')) return body
  const otherQuote = literal.startsWith('"') ? "\\'" : '\\"'
  const parts: Buffer[] = []
  let at = 0
  while (at < body.length) {
    const backslash = body.indexOf('\\', at)
    const plainEnd = backslash === -1 ? body.length : backslash
    parts.push(Buffer.from(body.slice(at, plainEnd)))
    at = plainEnd
    if (backslash === -1) break
    ESCAPE.lastIndex = at
    const escape = ESCAPE.exec(body)?.[0]
    const bytes = escape === undefined || escape === otherQuote ? null : unescape(escape)
    if (escape === undefined || bytes === null) return null
    parts.push(bytes)
    at += escape.length
  }
  return Buffer.concat(parts).toString()
}

function unescape(escape: string): Buffer | null {
  const kind = escape[1] ?? ''
  const simple = ESCAPES[kind]
  if (simple !== undefined) return Buffer.from(simple)
  if (kind === 'x') return Buffer.of(Number.parseInt(escape.slice(2), 16))
  if (kind === 'u' || kind === 'U') {
    const code = Number.parseInt(escape.slice(2), 16)
    return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? null : Buffer.from(String.fromCodePoint(code))
  }
  const byte = Number.parseInt(escape.slice(1), 8)
  return byte > 255 ? null : Buffer.of(byte)
}

const PREFIXES: Readonly<Record<string, { readonly name: string; readonly base: number }>> = {
  x: { name: 'hexadecimal literal', base: 16 }, o: { name: 'octal literal', base: 8 }, b: { name: 'binary literal', base: 2 },
}

/** Where a number ends, and the error Go's scanner gives for it: prefixes, `_`, exponents. */
export function scanNumber(text: string, start: number): Scanned {
  const prefix = /0([xobXOB])/y
  prefix.lastIndex = start
  const letter = prefix.exec(text)?.[1]?.toLowerCase() ?? ''
  const kind = PREFIXES[letter] ?? { name: 'decimal literal', base: 10 }
  const mantissa = new RegExp(kind.base === 16 ? '[\\da-fA-F_]*(\\.[\\da-fA-F_]*)?' : '[\\d_]*(\\.[\\d_]*)?', 'y')
  mantissa.lastIndex = start + (letter === '' ? 0 : 2)
  const match = mantissa.exec(text)
  const digits = match?.[0] ?? ''
  const pointed = match?.[1] !== undefined
  const end = mantissa.lastIndex
  const exponent = /([eEpP])([+-]?)([\d_]*)/y
  exponent.lastIndex = end
  const power = exponent.exec(text)
  const literal = text.slice(start, power === null ? end : exponent.lastIndex)
  return { end: start + literal.length, error: numberError(kind, letter, digits, pointed, power, literal) }
}

function numberError(
  kind: { name: string; base: number }, letter: string, digits: string, pointed: boolean, power: RegExpExecArray | null, literal: string,
): string | null {
  if (pointed && (letter === 'o' || letter === 'b')) return `invalid radix point in ${kind.name}`
  if (!/[\da-fA-F]/.test(digits)) return `${kind.name} has no digits`
  if (power !== null) {
    const [, mark = '', , ten = ''] = power
    if (/e/i.test(mark) && letter !== '') return `'${mark}' exponent requires decimal mantissa`
    if (/p/i.test(mark) && letter !== 'x') return `'${mark}' exponent requires hexadecimal mantissa`
    if (!/\d/.test(ten)) return 'exponent has no digits'
  } else if (letter === 'x' && pointed) return "hexadecimal mantissa requires a 'p' exponent"
  const octal = letter === '' && digits.startsWith('0') && !pointed && power === null
  const base = octal ? 8 : kind.base
  const invalid = base < 10 ? [...digits].find((digit) => /\d/.test(digit) && Number(digit) >= base) : undefined
  if (invalid !== undefined) return `invalid digit '${invalid}' in ${octal ? 'octal literal' : kind.name}`
  return misplacedSeparator(literal, letter) ? "'_' must separate successive digits" : null
}

/** An underscore must stand between digits; the base prefix counts as one, and so does the 0 of old octals. */
function misplacedSeparator(literal: string, letter: string): boolean {
  const body = letter === '' ? literal : `0${literal.slice(2)}`
  return /_(?![\da-fA-F])|(?<![\da-fA-F])_/.test(body)
}
