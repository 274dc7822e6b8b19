/**
 * `| json name="a.b[0]", other="c", bare`
 *
 * Takes the values at the given paths only. A missing one is the empty string; objects and arrays come as their JSON text. A line that does not begin as
 * JSON is `__error__="JSONParserErr"` (without details); what follows a fault in the middle counts as missing.
 */
import type { Extraction } from '../ast.ts'
import type { Hints } from '../hints.ts'
import { JsonKeys, JsonReader, nextToken } from '../json-scan.ts'
import { decodeJsonEscaped, decodeJsonPlain, unescapeJson } from '../json-text.ts'
import { decodeUtf8, DUPLICATE_SUFFIX, type LineState, PARSED } from '../line-state.ts'
import { sanitizeName } from '../name-table.ts'
import { JSON_PARSER_ERROR } from './json.ts'
import { type JsonPath, parseJsonPath } from './json-path.ts'
import type { RowStage } from './stage.ts'

interface Wanted {
  readonly name: string
  readonly duplicate: string
  readonly path: JsonPath
  readonly keys: ReadonlyArray<Buffer | null>
}

export function compileJsonExpressions(extractions: ReadonlyArray<Extraction>, hints: Hints): RowStage {
  const wanted = extractions.map(({ name, expression }): Wanted => {
    const path = parseJsonPath(expression)
    const clean = sanitizeName(name, '')
    return { name: clean, duplicate: clean + DUPLICATE_SUFFIX, path, keys: path.map((step) => (typeof step === 'string' ? Buffer.from(step) : null)) }
  })
  const seeker = new Seeker()
  return (state) => {
    if (hints.noLabels || state.hasAllRequired() || state.start === state.end) return true
    const first = state.buffer[state.start]
    if (first !== 0x7b && first !== 0x5b && first !== 0x22) {
      state.setError(JSON_PARSER_ERROR, '')
      return true
    }
    for (const one of wanted) take(state, one, seeker)
    return true
  }
}

function take(state: LineState, wanted: Wanted, seeker: Seeker): void {
  const name = state.hasBase(wanted.name) ? wanted.duplicate : wanted.name
  if (!seeker.seek(state.buffer, state.start, state.end, wanted)) return state.set(name, '', PARSED)
  const { kind, start, end } = seeker.reader
  if (kind === 'null') return state.set(name, '', PARSED)
  const decode = kind === 'string' ? decodeJsonPlain : kind === 'escaped' ? decodeJsonEscaped : decodeUtf8
  state.setBytes(name, state.buffer, start, end, decode)
}

/** Goes down one path; the first key of a name wins. */
class Seeker {
  readonly reader = new JsonReader()
  readonly #keys = new JsonKeys()

  seek(bytes: Buffer, start: number, end: number, { path, keys }: Wanted): boolean {
    let from = start
    let to = end
    for (let depth = 0; depth < path.length; depth++) {
      const key = keys[depth]
      const found = key === null ? this.#element(bytes, from, to, path[depth] as number) : this.#field(bytes, from, to, key!)
      if (!found) return false
      from = this.reader.start
      to = this.reader.end
      if (depth < path.length - 1 && this.reader.kind !== 'object' && this.reader.kind !== 'array') return false
    }
    return true
  }

  #field(bytes: Buffer, start: number, end: number, key: Buffer): boolean {
    const keys = this.#keys
    for (let at = keys.open(bytes, start, end); at !== -1; at = keys.after(bytes, this.reader.next, end)) {
      if (!keys.key(bytes, at, end) || !this.reader.value(bytes, keys.next, end)) return false
      if (isKey(bytes, keys, key)) return true
    }
    return false
  }

  #element(bytes: Buffer, start: number, end: number, index: number): boolean {
    let at = nextToken(bytes, start, end)
    if (at === -1 || bytes[at] !== 0x5b) return false
    const close = nextToken(bytes, at + 1, end)
    if (close === -1 || bytes[close] === 0x5d) return false
    for (let i = 0; ; i++) {
      if (!this.reader.value(bytes, at + 1, end)) return false
      if (i === index) return true
      at = nextToken(bytes, this.reader.next, end)
      if (at === -1 || bytes[at] !== 0x2c) return false
    }
  }
}

function isKey(bytes: Buffer, keys: JsonKeys, wanted: Buffer): boolean {
  if (keys.escaped) return unescapeJson(bytes.toString('utf8', keys.start, keys.end)) === wanted.toString()
  if (keys.end - keys.start !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[keys.start + i] !== wanted[i]) return false
  return true
}
