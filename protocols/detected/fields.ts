/**
 * Which fields the entries of a log query have, with their types, parsers and numbers of values: behind `detected_fields`. Run in a worker thread over the entries
 * of an answer (at most `line_limit`). Rules are those that Loki's recorded answers show.
 */
import type { Labels } from '../model.ts'
import { labelText } from '../logql/label-set.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL } from '../logql/line-state.ts'
import type { StreamsData } from '../logql/query-data.ts'
import { estimateCardinality } from './cardinality.ts'
import { jsonFields, type LineField, logfmtFields } from './line-fields.ts'
import { type FieldType, typeOfValue } from './value-type.ts'

export type ParserName = 'json' | 'logfmt'

export interface DetectedField {
  readonly label: string
  readonly type: FieldType
  readonly cardinality: number
  /** In the order first seen; null: from structured metadata. */
  readonly parsers: ReadonlyArray<ParserName> | null
  readonly jsonPath?: ReadonlyArray<string>
}

/** Names of one answer; lines of a hostile stream may have any number. */
const NAMES_MAX = 10_000

interface Found {
  readonly values: Set<string>
  readonly parsers: Set<ParserName>
  /** Of the first value: the newest of the first stream by labels that has the field. */
  readonly type: FieldType
  path: ReadonlyArray<string> | null
}

type Entries = Pick<StreamsData, 'streams' | 'entries'>

/** In the order found, at most `limit`. */
export function detectFields(data: Entries, limit: number): DetectedField[] {
  const found = collect(data, null)
  return [...found].slice(0, limit).map(([label, { type, values, parsers, path }]) => ({
    label,
    type,
    cardinality: estimateCardinality(values),
    parsers: parsers.size === 0 ? null : [...parsers],
    ...(path === null ? {} : { jsonPath: path }),
  }))
}

/** Distinct values of one field, at most `limit`. */
export function detectValues(data: Entries, name: string, limit: number): string[] {
  return [...(collect(data, name).get(name)?.values ?? [])].slice(0, limit)
}

/** `only`: the one name that matters, null for all. */
function collect({ streams, entries }: Entries, only: string | null): Map<string, Found> {
  const found = new Map<string, Found>()
  const texts = streams.map(({ stream }) => labelText(stream))
  const byStream = [...Map.groupBy(entries, (entry) => texts[entry.stream]!)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, own] of byStream) {
    for (const { line, stream } of own) {
      const { stream: labels, metadata, parsed } = streams[stream]!
      for (const [name, value] of metadata) note(found, only, { name, value, path: null }, null)
      const { fields, parser } = fieldsOf(line, labels, metadata, parsed)
      for (const field of fields) note(found, only, field, parser)
    }
  }
  return found
}

/** What the query's own parsers made of a line counts as it is, and the line only says which parser fits; without them the line is parsed here. */
function fieldsOf(text: string, labels: Labels, metadata: Labels, parsed: Labels): { fields: ReadonlyArray<LineField>; parser: ParserName } {
  const line = Buffer.from(text)
  const taken = new Set([...labels, ...metadata].map(([name]) => name))
  const json = jsonFields(line, taken)
  const parser: ParserName = json === null ? 'logfmt' : 'json'
  const queried = parsed.filter(([name]) => name !== ERROR_LABEL && name !== ERROR_DETAILS_LABEL)
  if (queried.length === 0) return { fields: json ?? logfmtFields(line, taken), parser }
  const paths = new Map(json?.map(({ name, path }) => [name, path]))
  return { fields: queried.map(([name, value]) => ({ name, value, path: paths.get(name) ?? null })), parser }
}

function note(found: Map<string, Found>, only: string | null, { name, value, path }: LineField, parser: ParserName | null): void {
  if (only !== null && name !== only) return
  let field = found.get(name)
  if (field === undefined) {
    if (found.size >= NAMES_MAX) return
    found.set(name, (field = { values: new Set(), parsers: new Set(), type: typeOfValue(value), path: null }))
  }
  field.values.add(value)
  field.path ??= path
  if (parser !== null) field.parsers.add(parser)
}
