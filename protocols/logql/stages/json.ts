/**
 * `| json`
 *
 * Every scalar field of a JSON object becomes a label; nested names are joined with `_`, arrays and nulls are passed over. A malformed line keeps what was
 * read before the fault and gets `__error__="JSONParserErr"`.
 */
import type { Hints } from '../hints.ts'
import { JSON_ERRORS, JsonKeys, JsonReader } from '../json-scan.ts'
import { decodeJsonEscaped, decodeJsonPlain, unescapeJson } from '../json-text.ts'
import { decodeUtf8, type LineState } from '../line-state.ts'
import { type NameEntry, NameTable } from '../name-table.ts'
import { setField } from './json-field.ts'
import { QuickJson } from './json-quick.ts'
import type { RowStage } from './stage.ts'

export const JSON_PARSER_ERROR = 'JSONParserErr'
/** Objects in objects beyond this are an error: the walk recurses. */
const DEPTH_MAX = 128

/** `names`: where the keys of lines are learned, for whoever reads fields ahead. */
export function compileJson(hints: Hints, names: NameTable = new NameTable(hints.required)): RowStage {
  const walker = new JsonWalker(hints, names)
  return (state) => {
    if (hints.noLabels || state.hasAllRequired()) return true
    walker.walk(state)
    return true
  }
}

class JsonWalker {
  readonly #names: NameTable
  readonly #keys: JsonKeys[] = []
  readonly #reader = new JsonReader()
  readonly #stopEarly: boolean
  readonly #quick = new QuickJson()

  constructor(hints: Hints, names: NameTable) {
    this.#names = names
    this.#stopEarly = hints.required !== null
  }

  walk(state: LineState): void {
    if (this.#stopEarly && this.#quick.walk(state, this.#names)) return
    const error = this.#object(state, state.start, state.end, this.#names, 0)
    if (error !== '' && error !== DONE) state.setError(JSON_PARSER_ERROR, error)
  }

  /** The error's text, '' at the end of the object, `DONE` when nothing more is needed. */
  #object(state: LineState, start: number, end: number, names: NameTable, depth: number): string {
    if (depth > DEPTH_MAX) return JSON_ERRORS.malformed
    const keys = (this.#keys[depth] ??= new JsonKeys())
    const reader = this.#reader
    const bytes = state.buffer
    let previous: NameEntry | null = null
    for (let at = keys.open(bytes, start, end); at !== -1; at = keys.after(bytes, at, end)) {
      let entry: NameEntry | null = previous === null ? names.first : previous.next
      if (entry === null || !keys.isKey(bytes, at, end, entry.key)) {
        if (!keys.key(bytes, at, end)) break
        entry = this.#nameOf(bytes, keys, names)
        if (entry === null) return JSON_ERRORS.escape
        if (!keys.escaped) names.follows(previous, entry)
      }
      previous = entry
      if (!reader.value(bytes, keys.next, end)) return reader.error
      at = reader.next
      if (reader.kind === 'array' || reader.kind === 'null') continue
      if (reader.kind === 'object') {
        if (!entry.leadsToRequired) continue
        const error = this.#object(state, reader.start, reader.end, names.childOf(entry), depth + 1)
        if (error !== '') return error
      } else this.#set(state, entry)
      if (this.#stopEarly && state.hasAllRequired()) return DONE
    }
    return keys.error
  }

  #nameOf(bytes: Buffer, keys: JsonKeys, names: NameTable): NameEntry | null {
    if (!keys.escaped) return names.lookup(bytes, keys.start, keys.end)
    const key = unescapeJson(bytes.toString('utf8', keys.start, keys.end))
    return key === null ? null : names.lookupText(key)
  }

  #set(state: LineState, entry: NameEntry): void {
    const { kind, start, end } = this.#reader
    setField(state, entry, start, end, kind === 'string' ? decodeJsonPlain : kind === 'escaped' ? decodeJsonEscaped : decodeUtf8)
  }
}

const DONE = 'done'
