/** Template functions on strings: Loki's own (named as Go's `strings`, subject first) and sprig's (lower case, subject last). */
import { goQuote } from '../go-text.ts'
import { compileRegex, type LinearRegex, regexError } from '../regex.ts'
import type { Budget } from './budget.ts'
import { fn, text, type CallContext, type TemplateFunction } from './function.ts'
import { type GoValue, TemplateError } from './values.ts'

const REGEXES_MAX = 64
const regexes = new Map<string, LinearRegex>()

/** Compiled once; a template may build patterns from labels, so only the latest are kept. */
function regexOf(pattern: string): LinearRegex {
  let regex = regexes.get(pattern)
  if (regex === undefined) {
    const error = regexError(pattern)
    if (error !== null) throw new TemplateError(error)
    regex = compileRegex(pattern)
    if (regexes.size >= REGEXES_MAX) regexes.clear()
    regexes.set(pattern, regex)
  }
  return regex
}

/** A search costs by the character: a match in each is the worst. */
function searchable(pattern: string, subject: string, budget: Budget): LinearRegex {
  budget.step(subject.length >> 1)
  return regexOf(pattern)
}

function replaceAll(pattern: string, subject: string, replacement: (groups: ReadonlyArray<string | undefined>, regex: LinearRegex) => string, { budget }: CallContext): string {
  const regex = searchable(pattern, subject, budget)
  let out = ''
  let from = 0
  for (const match of regex.execAll(subject)) {
    const put = replacement(match.groups, regex)
    budget.bytes(put.length)
    out += subject.slice(from, match.start) + put
    from = match.end
  }
  return out + subject.slice(from)
}

/** `$1`, `${name}`, `$$` of a replacement. */
function expand(template: string, groups: ReadonlyArray<string | undefined>, regex: LinearRegex): string {
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_all, dollar: string | undefined, bare: string | undefined, braced: string | undefined) => {
    if (dollar !== undefined) return '$'
    const name = bare ?? braced ?? ''
    const index = /^\d+$/.test(name) ? Number(name) : regex.groupNames.indexOf(name) + 1 || groups.length
    return groups[index] ?? ''
  })
}

const trimChars = (subject: string, cutset: string, left: boolean, right: boolean): string => {
  const set = new Set(cutset)
  const chars = [...subject]
  let from = 0
  let to = chars.length
  if (left) while (from < to && set.has(chars[from]!)) from++
  if (right) while (to > from && set.has(chars[to - 1]!)) to--
  return chars.slice(from, to).join('')
}
const trimPrefix = (subject: string, prefix: string): string => (subject.startsWith(prefix) ? subject.slice(prefix.length) : subject)
const trimSuffix = (subject: string, suffix: string): string => (suffix !== '' && subject.endsWith(suffix) ? subject.slice(0, -suffix.length) : subject)

function repeat(subject: string, count: number, { budget }: CallContext): string {
  if (count < 0) throw new TemplateError('strings: negative Repeat count')
  budget.bytes(subject.length * count)
  return subject.repeat(subject === '' ? 0 : count)
}

function replace(subject: string, from: string, to: string, limit: number, { budget }: CallContext): string {
  if (limit === 0 || from === to) return subject
  const pieces = from === '' ? ['', ...subject] : subject.split(from)
  const kept = limit < 0 ? pieces.length : Math.min(pieces.length, limit + 1)
  budget.bytes(subject.length + to.length * kept)
  return pieces.slice(0, kept).join(to) + pieces.slice(kept).map((piece) => from + piece).join('') + (from === '' && kept === pieces.length && (limit < 0 || limit >= pieces.length) ? to : '')
}

/** First letter of each word in upper case, as Go's `strings.Title`. */
const title = (subject: string): string => subject.replace(/(^|[^\p{L}\p{Nd}_'])(\p{Ll})/gu, (_all, before: string, letter: string) => before + letter.toUpperCase())

/** Cuts bytes, as Go slices strings. */
const bytesOf = (subject: string, from: number, to: number): string => Buffer.from(subject).toString('utf8', from, to)

function trunc(count: number, subject: string): string {
  const length = Buffer.byteLength(subject)
  if (count < 0 && length + count > 0) return bytesOf(subject, length + count, length)
  return count >= 0 && length > count ? bytesOf(subject, 0, count) : subject
}

function substr(from: number, to: number, subject: string): string {
  const length = Buffer.byteLength(subject)
  if (from < 0) return bytesOf(subject, 0, upTo(to, length))
  if (to < 0 || to > length) return bytesOf(subject, startingAt(from, length), length)
  return bytesOf(subject, startingAt(from, to), to)
}

const outOfRange = (what: string): TemplateError => new TemplateError(`runtime error: slice bounds out of range ${what}`)

/** The end of `subject[:to]`. */
function upTo(to: number, length: number): number {
  if (to < 0) throw outOfRange(`[:${to}]`)
  if (to > length) throw outOfRange(`[:${to}] with length ${length}`)
  return to
}

/** The start of `subject[from:to]`. */
function startingAt(from: number, to: number): number {
  if (from > to) throw outOfRange(`[${from}:${to}]`)
  return from
}

function indent(spaces: number, subject: string, { budget }: CallContext): string {
  if (spaces < 0) throw new TemplateError('strings: negative Repeat count')
  const lines = subject.split('\n')
  budget.bytes(lines.length * spaces + subject.length)
  const pad = ' '.repeat(spaces)
  return pad + lines.join(`\n${pad}`)
}

function align(count: number, subject: string, left: boolean, { budget }: CallContext): string {
  const chars = [...subject]
  if (count < 0 || count === chars.length) return subject
  const missing = count - chars.length
  if (missing <= 0) return (left ? chars.slice(0, count) : chars.slice(-count || chars.length)).join('')
  budget.bytes(count)
  return left ? subject + ' '.repeat(missing) : ' '.repeat(missing) + subject
}

/** `url.QueryEscape` */
const urlEncode = (subject: string): string =>
  encodeURIComponent(subject.toWellFormed()).replace(/%20/g, '+').replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** `url.QueryUnescape` */
function urlDecode(subject: string): string {
  const bad = /%(?![0-9a-fA-F]{2})/.exec(subject)
  if (bad !== null) throw new TemplateError(`invalid URL escape ${goQuote(subject.slice(bad.index, bad.index + 3))}`)
  const bytes = Buffer.from(subject.replaceAll('+', ' ')).toString('latin1')
  return Buffer.from(bytes.replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString()
}

function decodeBase64(subject: string): string {
  const clean = subject.replace(/[\r\n]/g, '')
  const bad = /[^A-Za-z0-9+/=]|=(?!=?$)/.exec(clean)
  if (bad !== null) return `illegal base64 data at input byte ${bad.index}`
  if (clean.length % 4 !== 0) return `illegal base64 data at input byte ${clean.length - (clean.length % 4)}`
  return Buffer.from(clean, 'base64').toString()
}

const asNumber = (value: GoValue | undefined): number => Number(value)
const asText = (value: GoValue | undefined): string => value as string

export const TEXT_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  ToLower: text(1, ([s = '']) => s.toLowerCase()),
  ToUpper: text(1, ([s = '']) => s.toUpperCase()),
  Replace: fn(['string', 'string', 'string', 'int'], (a, context) => replace(asText(a[0]), asText(a[1]), asText(a[2]), asNumber(a[3]), context)),
  Trim: text(2, ([s = '', cutset = '']) => trimChars(s, cutset, true, true)),
  TrimLeft: text(2, ([s = '', cutset = '']) => trimChars(s, cutset, true, false)),
  TrimRight: text(2, ([s = '', cutset = '']) => trimChars(s, cutset, false, true)),
  TrimPrefix: text(2, ([s = '', prefix = '']) => trimPrefix(s, prefix)),
  TrimSuffix: text(2, ([s = '', suffix = '']) => trimSuffix(s, suffix)),
  TrimSpace: text(1, ([s = '']) => s.trim()),
  regexReplaceAll: text(3, ([pattern = '', s = '', to = ''], context) => replaceAll(pattern, s, (groups, regex) => expand(to, groups, regex), context)),
  regexReplaceAllLiteral: text(3, ([pattern = '', s = '', to = ''], context) => replaceAll(pattern, s, () => to, context)),
  count: text(2, ([pattern = '', s = ''], { budget }) => BigInt(searchable(pattern, s, budget).execAll(s).length)),
  urlencode: text(1, ([s = '']) => urlEncode(s)),
  urldecode: text(1, ([s = '']) => urlDecode(s)),
  alignLeft: fn(['int', 'string'], (a, context) => align(asNumber(a[0]), asText(a[1]), true, context)),
  alignRight: fn(['int', 'string'], (a, context) => align(asNumber(a[0]), asText(a[1]), false, context)),

  lower: text(1, ([s = '']) => s.toLowerCase()),
  upper: text(1, ([s = '']) => s.toUpperCase()),
  title: text(1, ([s = '']) => title(s)),
  trim: text(1, ([s = '']) => s.trim()),
  trimAll: text(2, ([cutset = '', s = '']) => trimChars(s, cutset, true, true)),
  trimPrefix: text(2, ([prefix = '', s = '']) => trimPrefix(s, prefix)),
  trimSuffix: text(2, ([suffix = '', s = '']) => trimSuffix(s, suffix)),
  trunc: fn(['int', 'string'], ([count, s]) => trunc(asNumber(count), asText(s))),
  substr: fn(['int', 'int', 'string'], ([from, to, s]) => substr(asNumber(from), asNumber(to), asText(s))),
  contains: text(2, ([part = '', s = '']) => s.includes(part)),
  hasPrefix: text(2, ([prefix = '', s = '']) => s.startsWith(prefix)),
  hasSuffix: text(2, ([suffix = '', s = '']) => s.endsWith(suffix)),
  indent: fn(['int', 'string'], (a, context) => indent(asNumber(a[0]), asText(a[1]), context)),
  nindent: fn(['int', 'string'], (a, context) => `\n${indent(asNumber(a[0]), asText(a[1]), context)}`),
  replace: text(3, ([from = '', to = '', s = ''], context) => replace(s, from, to, -1, context)),
  repeat: fn(['int', 'string'], (a, context) => repeat(asText(a[1]), asNumber(a[0]), context)),
  b64enc: text(1, ([s = '']) => Buffer.from(s).toString('base64')),
  b64dec: text(1, ([s = '']) => decodeBase64(s)),
}
