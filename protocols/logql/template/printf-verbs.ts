/** One value under one verb of Go's `fmt`: flags, width, precision, and what is printed for a verb that does not fit. Used by `printf.ts`. */
import { goQuote } from '../go-text.ts'
import { isGoTime } from './time.ts'
import { floatG, type GoValue, integerOf, isLabelMap, isList, isMap, plainText, sortedEntries, typeName } from './values.ts'

export interface Spec {
  /** Of `-+# 0`, and `V` for the `#` of `%#v`. */
  readonly flags: string
  readonly width: number
  /** -1: none. */
  readonly precision: number
  readonly verb: string
}

/** Digits of a number are not bounded by its value. */
const PRECISION_MAX = 100

export function formatValue(asked: Spec, value: GoValue): string {
  // `%+v` and `%#v` ask for the names of fields and for Go syntax, not for signs and prefixes.
  const spec = asked.verb === 'v' ? { ...asked, flags: asked.flags.replaceAll('+', '').replaceAll('#', 'V') } : asked
  if (spec.verb === 'T') return padText({ ...spec, verb: 's', precision: -1 }, typeName(value))
  if (value === null) return spec.verb === 'v' ? padText(spec, '<nil>') : `%!${spec.verb}(<nil>)`
  if (isList(value)) return `[${value.map((item) => element(spec, item)).join(' ')}]`
  if (isMap(value) || isLabelMap(value)) return `map[${sortedEntries(value).map(([key, one]) => `${element(spec, key)}:${element(spec, one)}`).join(' ')}]`
  const text = known(spec, value)
  return text ?? bad(spec, value)
}

/** In a list or map nil prints as itself, whatever the verb. */
const element = (spec: Spec, value: GoValue): string => (value === null ? '<nil>' : formatValue(spec, value))

/** null: the verb is not for this type. */
function known(spec: Spec, value: GoValue): string | null {
  if (typeof value === 'string') return string(spec, value)
  if (typeof value === 'number') return float(spec, value)
  if (typeof value === 'boolean') return spec.verb === 't' || spec.verb === 'v' ? padText(spec, String(value)) : null
  const whole = integerOf(value)
  if (whole !== null) return integer(spec, whole)
  return isGoTime(value) ? string(spec, plainText(value)) : null
}

/** The value itself follows as under `%v`, with the width and precision that were asked for. */
function bad(spec: Spec, value: GoValue): string {
  return `%!${spec.verb}(${typeName(value)}=${formatValue({ ...spec, flags: spec.flags.replaceAll('#', ''), verb: 'v' }, value)})`
}

// ---- strings

function string(spec: Spec, value: string): string | null {
  const { verb, precision, flags } = spec
  const cut = precision === -1 ? value : [...value].slice(0, precision).join('')
  switch (verb) {
    case 'v': return padText(spec, flags.includes('V') ? goQuote(cut) : cut)
    case 's': return padText(spec, cut)
    case 'q': return padText(spec, flags.includes('#') && !/[`\p{Cc}]/u.test(cut) ? `\`${cut}\`` : goQuote(cut))
    case 'x': return padText(spec, hexText(spec, value))
    case 'X': return padText(spec, hexText(spec, value).toUpperCase())
    default: return null
  }
}

function hexText({ flags, precision }: Spec, value: string): string {
  const bytes = Buffer.from(value)
  const shown = precision === -1 ? bytes : bytes.subarray(0, precision)
  if (shown.length === 0) return ''
  const prefix = flags.includes('#') ? '0x' : ''
  if (!flags.includes(' ')) return prefix + shown.toString('hex')
  return [...shown].map((byte) => prefix + byte.toString(16).padStart(2, '0')).join(' ')
}

/** Text to the width; zeros only where asked for. */
function padText({ flags, width }: Spec, text: string): string {
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  return (flags.includes('0') ? '0' : ' ').repeat(missing) + text
}

// ---- integers

function integer(spec: Spec, value: bigint): string | null {
  const size = value < 0n ? -value : value
  const sharp = spec.flags.includes('#')
  const based = (base: number, prefix: string): string => whole(spec, value, sharp ? prefix : '', size.toString(base))
  switch (spec.verb) {
    case 'v': case 'd': return whole(spec, value, '', size.toString())
    case 'b': return based(2, '0b')
    case 'o': return based(8, '0')
    case 'O': return whole(spec, value, '0o', size.toString(8))
    case 'x': return based(16, '0x')
    case 'X': return whole(spec, value, sharp ? '0X' : '', size.toString(16).toUpperCase())
    case 'c': return padText(spec, codePoint(value))
    case 'q': return padText(spec, quotedRune(value))
    case 'U': return padText({ ...spec, flags: spec.flags.replaceAll('0', '') }, `U+${size.toString(16).toUpperCase().padStart(Math.max(4, Math.min(spec.precision, PRECISION_MAX)), '0')}${sharp ? ` '${codePoint(value)}'` : ''}`)
    default: return null
  }
}

/** Zeros to the width go between the sign and the digits, unless a precision says how many digits there are. */
function whole(spec: Spec, value: bigint, prefix: string, digits: string): string {
  const sign = signOf(spec, value < 0n)
  const zeros = spec.flags.includes('0') && !spec.flags.includes('-') && spec.precision === -1
  if (spec.precision === 0 && value === 0n) return padText({ ...spec, flags: spec.flags.replaceAll('0', '') }, '')
  const wanted = zeros ? spec.width - sign.length : Math.min(spec.precision, PRECISION_MAX)
  return padText({ ...spec, flags: spec.flags.replaceAll('0', '') }, sign + prefix + digits.padStart(wanted, '0'))
}

const signOf = ({ flags }: Spec, negative: boolean): string => (negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '')
const codePoint = (value: bigint): string => (value >= 0n && value <= 0x10ffffn ? String.fromCodePoint(Number(value)) : '\uFFFD')
const quotedRune = (value: bigint): string => {
  const inner = goQuote(codePoint(value)).slice(1, -1)
  return `'${inner === '\\"' ? '"' : inner === "'" ? "\\'" : inner}'`
}

// ---- floats

function float(spec: Spec, value: number): string | null {
  const text = floatText(spec, value)
  if (text === null) return null
  const negative = value < 0 || Object.is(value, -0)
  const finite = Number.isFinite(value)
  const sign = Number.isNaN(value) ? (spec.flags.includes('+') ? '+' : signOf(spec, false)) : value === Infinity ? '+' : signOf(spec, negative)
  const missing = spec.width - sign.length - text.length
  if (finite && spec.flags.includes('0') && !spec.flags.includes('-') && missing > 0) return sign + '0'.repeat(missing) + text
  return padText({ ...spec, flags: spec.flags.replaceAll('0', '') }, sign + text)
}

/** Without sign. */
function floatText({ verb, precision, flags }: Spec, value: number): string | null {
  if (!'vgGfFeE'.includes(verb)) return null
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : 'Inf'
  const size = Math.abs(value)
  const places = Math.min(precision === -1 ? 6 : precision, PRECISION_MAX)
  switch (verb) {
    case 'f': case 'F': return fixedText(size, places)
    case 'e': case 'E': {
      const text = size.toExponential(places).replace(/e([+-])(\d)$/, 'e$10$2')
      return verb === 'E' ? text.toUpperCase() : text
    }
    default: {
      const text = precision === -1 ? (flags.includes('V') && size < 1e21 && size >= 1e-4 ? String(size) : floatG(size)) : floatWithDigits(size, places)
      return verb === 'G' ? text.toUpperCase() : text
    }
  }
}

/** As `toFixed`, but a number halfway between two goes to the even one, and large ones have all their digits. */
function fixedText(value: number, precision: number): string {
  if (value >= 1e21) return BigInt(value).toString() + (precision === 0 ? '' : `.${'0'.repeat(precision)}`)
  const text = value.toFixed(precision)
  if (Number(text.at(-1)) % 2 === 0) return text
  const longer = value.toFixed(Math.min(100, precision + 30))
  const tail = longer.slice(longer.indexOf('.') + 1 + precision)
  if (!/^50*$/.test(tail)) return text
  return longer.slice(0, longer.indexOf('.') + (precision === 0 ? 0 : 1 + precision))
}

function floatWithDigits(value: number, precision: number): string {
  const digits = Math.max(1, precision)
  const rounded = Number(value.toPrecision(digits))
  const power = rounded === 0 ? 0 : Number(rounded.toExponential().split('e')[1])
  if (power < -4 || power >= digits) return rounded.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  const text = String(rounded)
  return text.includes('e') ? rounded.toFixed(Math.max(0, digits - 1 - power)).replace(/\.?0+$/, '') : text
}
