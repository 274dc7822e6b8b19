/**
 * `| unpack`
 *
 * Undoes Promtail's pack stage: a JSON object of strings whose `_entry` becomes the line and whose other keys become labels. Without `_entry` nothing is
 * changed. A line that is no object is `__error__="JSONParserErr"`.
 */
import type { Hints } from '../hints.ts'
import { JsonKeys, JsonReader } from '../json-scan.ts'
import { decodeJsonEscaped, decodeJsonPlain, unescapeJson } from '../json-text.ts'
import type { LineState } from '../line-state.ts'
import { PARSED } from '../line-state.ts'
import { NameTable } from '../name-table.ts'
import { JSON_PARSER_ERROR } from './json.ts'
import type { RowStage } from './stage.ts'

const NOT_AN_OBJECT = 'expecting json object(6), but it is not'
const ENTRY = '_entry'

export function compileUnpack(hints: Hints): RowStage {
  const unpacker = new Unpacker(hints)
  return (state) => {
    if (hints.noLabels || state.hasAllRequired() || state.start === state.end) return true
    const error = state.buffer[state.start] === 0x7b ? unpacker.unpack(state) : NOT_AN_OBJECT
    if (error !== '') state.setError(JSON_PARSER_ERROR, error)
    return true
  }
}

class Unpacker {
  readonly #names: NameTable
  readonly #keys = new JsonKeys()
  readonly #reader = new JsonReader()

  constructor(hints: Hints) {
    this.#names = new NameTable(hints.required)
  }

  /** The error's text, or ''. */
  unpack(state: LineState): string {
    const keys = this.#keys
    const reader = this.#reader
    const bytes = state.buffer
    const found: Array<readonly [name: string, value: string]> = []
    let entry: string | null = null
    for (let at = keys.open(bytes, state.start, state.end); at !== -1; at = keys.after(bytes, reader.next, state.end)) {
      if (!keys.key(bytes, at, state.end)) break
      if (!reader.value(bytes, keys.next, state.end)) return reader.error
      if (reader.kind !== 'string' && reader.kind !== 'escaped') continue
      const key = unescapeJson(bytes.toString('utf8', keys.start, keys.end)) ?? ''
      const value = (reader.kind === 'string' ? decodeJsonPlain : decodeJsonEscaped)(bytes, reader.start, reader.end)
      if (key === ENTRY) entry = value
      else found.push([key, value])
    }
    if (keys.error !== '') return keys.error
    if (entry === null) return ''
    for (const [key, value] of found) this.#set(state, key, value)
    state.setLine(entry)
    return ''
  }

  #set(state: LineState, key: string, value: string): void {
    const names = this.#names.lookupText(key)
    const duplicate = state.hasBase(names.name)
    const name = duplicate ? names.duplicate : names.name
    if (name !== '' && (duplicate ? names.duplicateRequired : names.required)) state.set(name, value, PARSED)
  }
}
