/** Go's `fmt.Sprintf`, `Sprint` and `Sprintln` for the values that templates have. Widths and precisions are bounded. */
import { goQuote } from '../go-text.ts'
import type { Budget } from './budget.ts'
import { floatG, type GoValue, isList, plainText, typeName } from './values.ts'

/** Go itself refuses more. */
const WIDTH_MAX = 1_000_000
const PRECISION_MAX = 100

interface Spec {
  readonly flags: string
  readonly width: number
  /** -1: none. */
  readonly precision: number
  readonly verb: string
}

const VERB = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.|$)/gsu

export function sprintf(format: string, args: ReadonlyArray<GoValue>, budget: Budget): string {
  let next = 0
  let out = ''
  let from = 0
  const star = (text: string | undefined): number => (text === '*' ? Number(args[next++] ?? 0) : Number(text ?? 0))
  for (const found of format.matchAll(VERB)) {
    out += format.slice(from, found.index)
    from = found.index + found[0].length
    const [, flags = '', widthText, precisionText, verb = ''] = found
    const width = widthText === undefined ? 0 : star(widthText)
    const precision = precisionText === undefined ? -1 : star(precisionText)
    if (verb === '%') out += '%'
    else if (verb === '') out += '%!(NOVERB)'
    else if (next >= args.length) out += `%!${verb}(MISSING)`
    else {
      const text = one({ flags: width < 0 ? `${flags}-` : flags, width: Math.abs(width), precision, verb }, args[next++]!, budget)
      budget.bytes(text.length)
      out += text
    }
  }
  out += format.slice(from)
  if (next >= args.length) return out
  return `${out}%!(EXTRA ${args.slice(next).map((value) => `${typeName(value)}=${sprint([value], budget)}`).join(', ')})`
}

function one(spec: Spec, value: GoValue, budget: Budget): string {
  if (spec.width > WIDTH_MAX) return '%!(BADWIDTH)'
  budget.bytes(spec.width)
  return pad(spec, isList(value) && spec.verb !== 'T' ? `[${value.map((item) => body(spec, item)).join(' ')}]` : body(spec, value))
}

function body(spec: Spec, value: GoValue): string {
  const { verb } = spec
  if (verb === 'T') return typeName(value)
  if (verb === 'v') return typeof value === 'string' ? value : typeof value === 'number' ? number(spec, value) : integerOrPlain(spec, value)
  const text = typeof value === 'string' ? string(spec, value) : typeof value === 'bigint' ? integer(spec, value) : typeof value === 'number' ? number(spec, value) : other(spec, value)
  return text ?? bad(verb, value)
}

const bad = (verb: string, value: GoValue): string => (value === null ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${plainText(value)})`)
const integerOrPlain = (spec: Spec, value: GoValue): string => (typeof value === 'bigint' ? signed(spec, value, value.toString()) : plainText(value))

function other({ verb }: Spec, value: GoValue): string | null {
  if (typeof value === 'boolean') return verb === 't' ? String(value) : null
  return value !== null && verb === 's' ? plainText(value) : null
}

function string({ verb, precision, flags }: Spec, value: string): string | null {
  const cut = precision === -1 ? value : [...value].slice(0, precision).join('')
  switch (verb) {
    case 's': return cut
    case 'q': return flags.includes('#') && !cut.includes('`') ? `\`${cut}\`` : goQuote(cut)
    case 'x': return Buffer.from(cut).toString('hex')
    case 'X': return Buffer.from(cut).toString('hex').toUpperCase()
    default: return null
  }
}

function integer(spec: Spec, value: bigint): string | null {
  const size = value < 0n ? -value : value
  const sharp = spec.flags.includes('#')
  const based = (base: number, prefix: string): string => signed(spec, value, (sharp ? prefix : '') + digits(spec, size.toString(base)))
  switch (spec.verb) {
    case 'd': return signed(spec, value, digits(spec, size.toString()))
    case 'b': return based(2, '0b')
    case 'o': return based(8, '0')
    case 'x': return based(16, '0x')
    case 'X': return based(16, '0X').toUpperCase()
    case 'c': return codePoint(value)
    case 'q': return `'${codePoint(value)}'`
    case 'U': return `U+${size.toString(16).toUpperCase().padStart(4, '0')}`
    default: return null
  }
}

const codePoint = (value: bigint): string => (value >= 0n && value <= 0x10ffffn ? String.fromCodePoint(Number(value)) : '\uFFFD')
const digits = ({ precision }: Spec, text: string): string => (precision > text.length ? text.padStart(Math.min(precision, PRECISION_MAX), '0') : text)

function signed({ flags }: Spec, value: bigint | number, text: string): string {
  const plain = text.replace(/^-/, '')
  if (value < 0 || Object.is(value, -0)) return `-${plain}`
  return flags.includes('+') ? `+${plain}` : flags.includes(' ') ? ` ${plain}` : plain
}

function number(spec: Spec, value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : signed({ ...spec, flags: `${spec.flags}+` }, value, 'Inf')
  const precision = Math.min(spec.precision === -1 ? 6 : spec.precision, PRECISION_MAX)
  switch (spec.verb) {
    case 'v': case 'g': case 'G': return signed(spec, value, spec.precision === -1 ? floatG(value) : floatWithDigits(value, precision))
    case 'f': case 'F': return signed(spec, value, fixedText(value, precision))
    case 'e': case 'E': {
      const text = value.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2')
      return signed(spec, value, spec.verb === 'E' ? text.toUpperCase() : text)
    }
    default: return bad(spec.verb, value)
  }
}

/** As `toFixed`, but a number halfway between two goes to the even one. */
function fixedText(value: number, precision: number): string {
  const text = value.toFixed(precision)
  const even = Number(text.at(-1)) % 2 === 0
  if (even || Math.abs(value) >= 1e21) return text
  const longer = value.toFixed(Math.min(100, precision + 30))
  const tail = longer.slice(longer.indexOf('.') + 1 + precision)
  if (!/^50*$/.test(tail)) return text
  return longer.slice(0, longer.indexOf('.') + (precision === 0 ? 0 : 1 + precision))
}

function floatWithDigits(value: number, precision: number): string {
  const rounded = Number(value.toPrecision(Math.max(1, precision)))
  const power = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)))
  if (power < -4 || power >= Math.max(1, precision)) return rounded.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return String(rounded)
}

function pad({ flags, width, verb }: Spec, text: string): string {
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + text
  const sign = /^[+-]/.test(text) && verb !== 's' && verb !== 'q' ? text[0]! : ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}

/** `fmt.Sprint`: a space between operands when neither is a string. */
export function sprint(args: ReadonlyArray<GoValue>, budget: Budget): string {
  let out = ''
  for (const [i, value] of args.entries()) {
    const text = plainText(value)
    budget.bytes(text.length)
    out += (i > 0 && typeof value !== 'string' && typeof args[i - 1] !== 'string' ? ' ' : '') + text
  }
  return out
}

export function sprintln(args: ReadonlyArray<GoValue>, budget: Budget): string {
  return `${args.map((value) => sprint([value], budget)).join(' ')}\n`
}
