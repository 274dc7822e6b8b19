/**
 * Walks JSON in bytes, as forgiving as the walker that Loki uses: values are delimited, not validated, so that the same malformed lines give the same
 * fields and the same error text. For the json, json-with-expressions and unpack operators. Allocates nothing.
 */

export const JSON_ERRORS = {
  malformed: 'Malformed JSON error',
  string: `Value is string, but can't find closing '"' symbol`,
  array: `Value is array, but can't find closing ']' symbol`,
  object: `Value looks like object, but can't find closing '}' symbol`,
  unknown: 'Unknown value type',
  escape: 'Encountered an invalid escape sequence in a string',
} as const

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Position of the next byte that is not white space, or -1. */
export function nextToken(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i
  }
  return -1
}

/** Position after the closing quote of a string whose first byte is at `at`, or -1; twice that plus one when it holds an escape (see `hasEscape`). */
export function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c === QUOTE) return (i + 1) * 2
    if (c === BACKSLASH) return escapedStringEnd(bytes, i, end)
  }
  return -1
}

function escapedStringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c === QUOTE) return (i + 1) * 2 + 1
    if (c === BACKSLASH) i++
  }
  return -1
}

function blockEnd(bytes: Uint8Array, at: number, end: number, open: number, close: number): number {
  let level = 0
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c === QUOTE) {
      const closed = stringEnd(bytes, i + 1, end)
      if (closed === -1) return -1
      i = (closed >> 1) - 1
    } else if (c === open) level++
    else if (c === close && --level === 0) return i + 1
  }
  return -1
}

function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c === 0x2c || c === CLOSE_BRACE || c === CLOSE_BRACKET || c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) return i
  }
  return end
}

export type JsonKind = 'string' | 'escaped' | 'number' | 'boolean' | 'null' | 'object' | 'array'

/** The value that a `JsonReader` found last: `[start, end)` without the quotes of a string. */
export class JsonReader {
  kind: JsonKind = 'null'
  start = 0
  end = 0
  /** First byte after the value. */
  next = 0
  error = ''

  /** Reads the value at or after `at`. False: `error` says why. */
  value(bytes: Uint8Array, at: number, end: number): boolean {
    const start = nextToken(bytes, at, end)
    if (start === -1) return this.#fail(JSON_ERRORS.malformed)
    const first = bytes[start]!
    if (first === QUOTE) return this.#string(bytes, start, end)
    if (first === OPEN_BRACE) return this.#block(bytes, start, end, 'object')
    if (first === OPEN_BRACKET) return this.#block(bytes, start, end, 'array')
    return this.#scalar(bytes, start, end, first)
  }

  #string(bytes: Uint8Array, start: number, end: number): boolean {
    const closed = stringEnd(bytes, start + 1, end)
    if (closed === -1) return this.#fail(JSON_ERRORS.string)
    this.kind = (closed & 1) === 1 ? 'escaped' : 'string'
    this.start = start + 1
    this.next = closed >> 1
    this.end = this.next - 1
    return true
  }

  #block(bytes: Uint8Array, start: number, end: number, kind: 'object' | 'array'): boolean {
    const closed = kind === 'object' ? blockEnd(bytes, start, end, OPEN_BRACE, CLOSE_BRACE) : blockEnd(bytes, start, end, OPEN_BRACKET, CLOSE_BRACKET)
    if (closed === -1) return this.#fail(kind === 'object' ? JSON_ERRORS.object : JSON_ERRORS.array)
    this.kind = kind
    this.start = start
    this.end = this.next = closed
    return true
  }

  #scalar(bytes: Uint8Array, start: number, end: number, first: number): boolean {
    const stop = tokenEnd(bytes, start, end)
    this.start = start
    this.end = this.next = stop
    if ((first >= 0x30 && first <= 0x39) || first === 0x2d) this.kind = 'number'
    else if (isWord(bytes, start, stop, 'true') || isWord(bytes, start, stop, 'false')) this.kind = 'boolean'
    else if (isWord(bytes, start, stop, 'null')) this.kind = 'null'
    else return this.#fail(JSON_ERRORS.unknown)
    return true
  }

  #fail(error: string): false {
    this.error = error
    return false
  }
}

function isWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return false
  return true
}

/** A key of an object, then its value is at `next`. */
export class JsonKeys {
  start = 0
  end = 0
  escaped = false
  next = 0
  error = ''

  /** Enters the object at or after `at`; the position of its first key, or -1: empty (`error` '') or not an object. */
  open(bytes: Uint8Array, at: number, end: number): number {
    this.error = ''
    const brace = nextToken(bytes, at, end)
    if (brace === -1 || bytes[brace] !== OPEN_BRACE) return this.#fail(JSON_ERRORS.object)
    const first = nextToken(bytes, brace + 1, end)
    if (first === -1) return this.#fail(JSON_ERRORS.malformed)
    return bytes[first] === CLOSE_BRACE ? -1 : first
  }

  /** Reads the key at `at`. False: the object ended (`error` '') or is malformed. */
  key(bytes: Uint8Array, at: number, end: number): boolean {
    const first = bytes[at]!
    if (first === CLOSE_BRACE) return false
    if (first !== QUOTE) return this.#refuse(JSON_ERRORS.object)
    const closed = stringEnd(bytes, at + 1, end)
    if (closed === -1) return this.#refuse(JSON_ERRORS.malformed)
    this.start = at + 1
    this.end = (closed >> 1) - 1
    this.escaped = (closed & 1) === 1
    const colon = nextToken(bytes, closed >> 1, end)
    if (colon === -1 || bytes[colon] !== COLON) return this.#refuse(JSON_ERRORS.malformed)
    this.next = colon + 1
    return true
  }

  /** Whether the key at `at` is this one, colon included; then its value is at `next`. False may only mean that it is spelled otherwise. */
  isKey(bytes: Uint8Array, at: number, end: number, key: Uint8Array): boolean {
    const close = at + 1 + key.length
    if (close + 1 >= end || bytes[close] !== QUOTE || bytes[close + 1] !== COLON || bytes[at] !== QUOTE) return false
    for (let i = 0; i < key.length; i++) if (bytes[at + 1 + i] !== key[i]) return false
    this.next = close + 2
    return true
  }

  /** After a value that ended at `at`: the position of the next key, or -1: the object ended (`error` '') or is malformed. */
  after(bytes: Uint8Array, at: number, end: number): number {
    const token = nextToken(bytes, at, end)
    if (token === -1) return this.#fail(JSON_ERRORS.array)
    if (bytes[token] === CLOSE_BRACE) return -1
    if (bytes[token] !== 0x2c) return this.#fail(JSON_ERRORS.object)
    const key = nextToken(bytes, token + 1, end)
    return key === -1 ? this.#fail(JSON_ERRORS.array) : key
  }

  #fail(error: string): -1 {
    this.error = error
    return -1
  }

  #refuse(error: string): false {
    this.error = error
    return false
  }
}
