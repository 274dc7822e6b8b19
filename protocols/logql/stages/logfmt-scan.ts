/**
 * Walks `key=value key="quoted value"` pairs in bytes; used by both forms of the logfmt operator. After a fault it stands at the next white space, so a
 * lenient reader goes on there and a strict one stops.
 */
import { JSON_ESCAPES, unescape } from '../json-text.ts'
import type { Decode } from '../line-state.ts'
import { decodeUtf8 } from '../line-state.ts'

export const LOGFMT_PARSER_ERROR = 'LogfmtParserErr'
const SPACE = 0x20
const QUOTE = 0x22
const EQUALS = 0x3d
const BACKSLASH = 0x5c

export class LogfmtReader {
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #at = 0
  #end = 0
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  /** The quoted value has escapes: `valueStart..valueEnd` is its body. */
  escaped = false
  error = ''

  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    this.#start = start
    this.#at = start
    this.#end = end
    this.error = ''
  }

  atEnd(): boolean {
    return this.#at >= this.#end
  }

  /** False: no pair here, because of a fault (`error`) or because only white space was left. */
  pair(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.#at
    while (at < end && bytes[at]! <= SPACE) at++
    this.keyStart = at
    while (at < end) {
      const c = bytes[at]!
      if (c <= SPACE || c === EQUALS || c === QUOTE) break
      at++
    }
    this.#at = at
    this.keyEnd = at
    this.valueStart = this.valueEnd = at
    this.escaped = false
    if (at >= end) return at > this.keyStart
    const c = bytes[at]!
    if (c === QUOTE || (c === EQUALS && at === this.keyStart)) return this.#unexpected(at)
    return c === EQUALS ? this.#value(at + 1) : true
  }

  #value(from: number): boolean {
    const bytes = this.#bytes
    const end = this.#end
    let at = from
    this.#at = at
    this.valueStart = this.valueEnd = at
    if (at >= end || bytes[at]! <= SPACE) return true
    if (bytes[at] === QUOTE) return this.#quoted(at + 1)
    for (; at < end; at++) {
      const c = bytes[at]!
      if (c <= SPACE) break
      if (c === EQUALS || c === QUOTE) return this.#unexpected(at)
    }
    this.#at = this.valueEnd = at
    return true
  }

  #quoted(from: number): boolean {
    const bytes = this.#bytes
    const end = this.#end
    for (let at = from; at < end; at++) {
      const c = bytes[at]!
      if (c === BACKSLASH) {
        this.escaped = true
        at++
      } else if (c === QUOTE) {
        this.valueStart = from
        this.valueEnd = at
        this.#at = at + 1
        if (!this.escaped || unquoteLogfmt(bytes.toString('utf8', from, at)) !== null) return true
        return this.#fail(this.#at, 'invalid quoted value')
      }
    }
    this.#at = end
    return this.#fail(end, 'unterminated quoted value')
  }

  #unexpected(at: number): false {
    this.#fail(at, `unexpected '${String.fromCharCode(this.#bytes[at]!)}'`)
    let next = at
    while (next < this.#end && this.#bytes[next]! > SPACE) next++
    this.#at = next
    return false
  }

  #fail(at: number, what: string): false {
    this.error = `logfmt syntax error at pos ${at - this.#start + 1} : ${what}`
    return false
  }
}

/** Text that is not UTF-8 is dropped, not shown. */
export const decodeLogfmtPlain: Decode = decodeUtf8
export const decodeLogfmtEscaped: Decode = (bytes, start, end) => unquoteLogfmt(bytes.toString('utf8', start, end)) ?? ''

const ESCAPES: ReadonlyMap<string, string> = new Map([...JSON_ESCAPES, ["'", "'"]])

/** null: an escape that JSON does not know, or a bare control character. */
function unquoteLogfmt(body: string): string | null {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f]/.test(body) ? null : unescape(body, ESCAPES)
}
