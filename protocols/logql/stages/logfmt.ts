/**
 * `| logfmt`, `| logfmt --strict`, `| logfmt --keep-empty`, `| logfmt a, b="other"`
 *
 * Pairs `key=value` become labels. Broken pairs are passed over unless strict; keys without a value unless kept. With a list, only the named ones are
 * taken (under new names where given), and a missing one is the empty string.
 */
import type { Extraction } from '../ast.ts'
import type { Hints } from '../hints.ts'
import { type Decode, type LineState, DUPLICATE_SUFFIX, PARSED } from '../line-state.ts'
import { type NameEntry, NameTable, sanitizeName } from '../name-table.ts'
import { decodeLogfmtEscaped, decodeLogfmtPlain, LogfmtReader, LOGFMT_PARSER_ERROR } from './logfmt-scan.ts'
import type { RowStage } from './stage.ts'

export interface LogfmtOptions {
  readonly strict: boolean
  readonly keepEmpty: boolean
}

export function compileLogfmt(options: LogfmtOptions, hints: Hints): RowStage {
  const names = new NameTable(hints.required)
  const reader = new LogfmtReader()
  const stopEarly = hints.required !== null
  return (state) => {
    if (hints.noLabels || state.hasAllRequired()) return true
    reader.begin(state.buffer, state.start, state.end)
    let previous: NameEntry | null = null
    while (!reader.atEnd()) {
      if (!reader.pair()) {
        if (options.strict && reader.error !== '') break
        continue
      }
      const entry = names.lookupAfter(previous, state.buffer, reader.keyStart, reader.keyEnd)
      previous = entry
      if (entry.required || entry.duplicateRequired) take(state, reader, entry, options.keepEmpty)
      if (stopEarly && state.hasAllRequired()) return true
    }
    if (options.strict && reader.error !== '') state.setError(LOGFMT_PARSER_ERROR, reader.error)
    return true
  }
}

function take(state: LineState, reader: LogfmtReader, entry: NameEntry, keepEmpty: boolean): void {
  if (entry.name === '') return
  const duplicate = state.hasBase(entry.name)
  const name = duplicate ? entry.duplicate : entry.name
  if (!(duplicate ? entry.duplicateRequired : entry.required) || state.hasParsed(name)) return
  const empty = reader.valueStart === reader.valueEnd || isInvalid(state.buffer, reader.valueStart, reader.valueEnd)
  if (empty) {
    if (keepEmpty) state.set(name, '', PARSED)
  } else state.setBytes(name, state.buffer, reader.valueStart, reader.valueEnd, decodeOf(reader))
}

const decodeOf = (reader: LogfmtReader): Decode => (reader.escaped ? decodeLogfmtEscaped : decodeLogfmtPlain)

/** Values that are not UTF-8, or that hold the replacement character, count as absent. */
function isInvalid(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return bytes.toString('utf8', start, end).includes('\uFFFD')
  return false
}

export function compileLogfmtList(extractions: ReadonlyArray<Extraction>, options: LogfmtOptions, hints: Hints): RowStage {
  const reader = new LogfmtReader()
  const wanted = extractions.map(({ name, expression }) => ({ name, duplicate: name + DUPLICATE_SUFFIX, key: expression }))
  const names = new NameTable(null)
  return (state) => {
    if (hints.noLabels || state.hasAllRequired()) return true
    for (const { name, duplicate } of wanted) state.set(state.hasBase(name) ? duplicate : name, '', PARSED)
    reader.begin(state.buffer, state.start, state.end)
    while (!reader.atEnd()) {
      if (!reader.pair()) {
        if (options.strict && reader.error !== '') break
        continue
      }
      const key = names.lookup(state.buffer, reader.keyStart, reader.keyEnd).name
      for (const { name, duplicate, key: expected } of wanted) {
        if (key === expected || key === sanitizeName(expected, '')) setListed(state, state.hasBase(name) ? duplicate : name, reader)
      }
    }
    if (options.strict && reader.error !== '') state.setError(LOGFMT_PARSER_ERROR, reader.error)
    return true
  }
}

function setListed(state: LineState, name: string, reader: LogfmtReader): void {
  if (isInvalid(state.buffer, reader.valueStart, reader.valueEnd)) state.set(name, '', PARSED)
  else state.setBytes(name, state.buffer, reader.valueStart, reader.valueEnd, decodeOf(reader))
}
