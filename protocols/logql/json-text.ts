/** Text of JSON string bodies (between the quotes) and other values, as labels show them. Called when somebody looks at a value, not while scanning. */
import type { Decode } from './line-state.ts'

const INVALID = '\uFFFD'

/** What cannot be text becomes a space. */
const clean = (text: string): string => (text.includes(INVALID) ? text.replaceAll(INVALID, ' ') : text)

export const decodeJsonPlain: Decode = (bytes, start, end) => clean(bytes.toString('utf8', start, end))

/** An invalid escape makes the whole value empty. */
export const decodeJsonEscaped: Decode = (bytes, start, end) => clean(unescapeJson(bytes.toString('utf8', start, end)) ?? '')

/** What a letter behind a backslash stands for. */
export const JSON_ESCAPES: ReadonlyMap<string, string> = new Map(Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }))

/** null: an escape that JSON does not know. Control characters are let through. */
export const unescapeJson = (body: string): string | null => unescape(body, JSON_ESCAPES)

/** `\uXXXX` and the escapes that are given; null: another one. */
export function unescape(body: string, escapes: ReadonlyMap<string, string>): string | null {
  let out = ''
  let from = 0
  for (let at = body.indexOf('\\'); at !== -1; at = body.indexOf('\\', from)) {
    out += body.slice(from, at)
    const letter = body[at + 1] ?? ''
    if (letter === 'u') {
      const hex = body.slice(at + 2, at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) return null
      out += String.fromCharCode(Number.parseInt(hex, 16))
      from = at + 6
    } else {
      const char = escapes.get(letter)
      if (char === undefined) return null
      out += char
      from = at + 2
    }
  }
  return (out + body.slice(from)).toWellFormed()
}
