/** Go's `fmt.Sprintf`, `Sprint` and `Sprintln` for the values that templates have. Widths and precisions are bounded. */
import type { Budget } from './budget.ts'
import { formatValue, type Spec } from './printf-verbs.ts'
import { type GoValue, integerOf, plainText, typeName } from './values.ts'

/** Go itself refuses more. */
const NUMBER_MAX = 1_000_000
const FLAGS = new Set(['-', '+', '#', ' ', '0'])

export function sprintf(format: string, args: ReadonlyArray<GoValue>, budget: Budget): string {
  return new Formatter(format, args, budget).run()
}

class Formatter {
  readonly #chars: ReadonlyArray<string>
  readonly #args: ReadonlyArray<GoValue>
  readonly #budget: Budget
  #at = 0
  #next = 0
  /** Arguments were asked for by number: that some are left over is no fault then. */
  #reordered = false
  #goodIndex = true
  #afterIndex = false
  #out = ''

  constructor(format: string, args: ReadonlyArray<GoValue>, budget: Budget) {
    this.#chars = [...format]
    this.#args = args
    this.#budget = budget
  }

  run(): string {
    while (this.#at < this.#chars.length) {
      const char = this.#chars[this.#at++]!
      if (char === '%') this.#directive()
      else this.#out += char
    }
    const left = this.#args.slice(this.#next)
    if (this.#reordered || left.length === 0) return this.#out
    return `${this.#out}%!(EXTRA ${left.map((value) => (value === null ? '<nil>' : `${typeName(value)}=${sprint([value], this.#budget)}`)).join(', ')})`
  }

  /** `%[flags][width][.precision][[index]]verb` */
  #directive(): void {
    this.#goodIndex = true
    this.#afterIndex = false
    let flags = ''
    for (; FLAGS.has(this.#char()); this.#at++) flags += this.#char()
    this.#index()
    const width = this.#char() === '*' ? this.#star('BADWIDTH') : this.#number()
    if (this.#afterIndex && width !== null) this.#goodIndex = false
    const precision = this.#precision()
    if (!this.#afterIndex) this.#index()
    const verb = this.#char()
    this.#at++
    if (verb === '') this.#out += '%!(NOVERB)'
    else if (verb === '%') this.#out += '%'
    else if (!this.#goodIndex) this.#out += `%!${verb}(BADINDEX)`
    else if (this.#next >= this.#args.length) this.#out += `%!${verb}(MISSING)`
    else this.#put({ flags: width !== null && width < 0 ? `${flags}-` : flags, width: Math.abs(width ?? 0), precision, verb }, this.#args[this.#next++]!)
  }

  #put(spec: Spec, value: GoValue): void {
    this.#budget.bytes(spec.width)
    const text = formatValue(spec, value)
    this.#budget.bytes(text.length)
    this.#out += text
  }

  /** -1: none. */
  #precision(): number {
    if (this.#char() !== '.') return -1
    this.#at++
    if (this.#afterIndex) this.#goodIndex = false
    this.#index()
    if (this.#char() !== '*') return this.#number() ?? 0
    const precision = this.#star('BADPREC')
    if (precision === null || precision >= 0) return precision ?? -1
    this.#out += '%!(BADPREC)'
    return -1
  }

  #star(bad: string): number | null {
    this.#at++
    const value = this.#next < this.#args.length ? integerOf(this.#args[this.#next++]!) : null
    this.#afterIndex = false
    const number = value === null ? null : Number(value)
    if (number !== null && Math.abs(number) <= NUMBER_MAX) return number
    this.#out += `%!(${bad})`
    return null
  }

  #number(): number | null {
    const from = this.#at
    while (/^[0-9]$/.test(this.#char())) this.#at++
    if (from === this.#at) return null
    const number = Number(this.#chars.slice(from, this.#at).join(''))
    if (number <= NUMBER_MAX) return number
    // Go takes the rest for a part of so long a number: no verb is left.
    this.#at = this.#chars.length
    return null
  }

  /** `[n]`: the argument to take next. */
  #index(): void {
    this.#afterIndex = false
    if (this.#char() !== '[') return
    this.#reordered = true
    const close = this.#chars.indexOf(']', this.#at)
    const text = close === -1 ? '' : this.#chars.slice(this.#at + 1, close).join('')
    this.#at = close === -1 ? this.#at + 1 : close + 1
    const number = /^[0-9]+$/.test(text) ? Number(text) : 0
    if (number < 1 || number > this.#args.length) this.#goodIndex = false
    else {
      this.#next = number - 1
      this.#afterIndex = true
    }
  }

  #char(): string {
    return this.#chars[this.#at] ?? ''
  }
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
