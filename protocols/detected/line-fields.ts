/**
 * The fields of one line: of a JSON object, or else of logfmt pairs, with the path of each JSON field. Reads lines the way the `json` and `logfmt` operators do,
 * broken ones too. Used by field detection, for at most a few thousand lines a request.
 */
import { JsonKeys, JsonReader } from '../logql/json-scan.ts'
import { decodeJsonEscaped, unescapeJson } from '../logql/json-text.ts'
import { DUPLICATE_SUFFIX } from '../logql/line-state.ts'
import { sanitizeName } from '../logql/name-table.ts'
import { decodeLogfmtEscaped, LogfmtReader } from '../logql/stages/logfmt-scan.ts'

export interface LineField {
  readonly name: string
  readonly value: string
  /** Keys from the outermost object inwards; null for logfmt. */
  readonly path: ReadonlyArray<string> | null
}

const DEPTH_MAX = 32

/** null: the line is no JSON object, or a malformed one. `taken`: names of the stream's labels and structured metadata, which a field steps aside for. */
export function jsonFields(line: Buffer, taken: ReadonlySet<string>): LineField[] | null {
  const fields: LineField[] = []
  return walk(line, 0, line.length, [], '', fields, taken) ? fields : null
}

function walk(line: Buffer, start: number, end: number, path: ReadonlyArray<string>, prefix: string, fields: LineField[], taken: ReadonlySet<string>): boolean {
  if (path.length > DEPTH_MAX) return false
  const keys = new JsonKeys()
  const reader = new JsonReader()
  for (let at = keys.open(line, start, end); at !== -1; at = keys.after(line, at, end)) {
    if (!keys.key(line, at, end)) break
    const raw = line.toString('utf8', keys.start, keys.end)
    const key = keys.escaped ? unescapeJson(raw) : raw
    if (key === null || !reader.value(line, keys.next, end)) return false
    at = reader.next
    const name = sanitizeName(key, prefix)
    if (reader.kind === 'object') {
      if (!walk(line, reader.start, reader.end, [...path, key], name, fields, taken)) return false
    } else if (reader.kind !== 'array' && reader.kind !== 'null') add(fields, name, textOf(line, reader), [...path, key], taken)
  }
  return keys.error === ''
}

function textOf(line: Buffer, { kind, start, end }: JsonReader): string {
  return kind === 'escaped' ? decodeJsonEscaped(line, start, end) : line.toString('utf8', start, end)
}

export function logfmtFields(line: Buffer, taken: ReadonlySet<string>): LineField[] {
  const fields: LineField[] = []
  const reader = new LogfmtReader()
  reader.begin(line, 0, line.length)
  while (!reader.atEnd()) {
    if (!reader.pair() || reader.valueStart === reader.valueEnd) continue
    const value = reader.escaped ? decodeLogfmtEscaped(line, reader.valueStart, reader.valueEnd) : line.toString('utf8', reader.valueStart, reader.valueEnd)
    add(fields, sanitizeName(line.toString('utf8', reader.keyStart, reader.keyEnd), ''), value, null, taken)
  }
  return fields
}

/** The first value of a name counts. */
function add(fields: LineField[], name: string, value: string, path: ReadonlyArray<string> | null, taken: ReadonlySet<string>): void {
  if (name === '') return
  const shown = taken.has(name) ? name + DUPLICATE_SUFFIX : name
  if (!fields.some((field) => field.name === shown)) fields.push({ name: shown, value, path })
}
