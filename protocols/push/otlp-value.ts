/**
 * OTLP's `AnyValue` as plain values, and how Loki writes them: as a line, as metadata, as JSON text. Shared by the protobuf and the JSON reader.
 */
import { normaliseName } from './normalise-name.ts'

/** string, bool, int, double, bytes, array, map; null is a value without anything. */
export type OtlpValue = string | boolean | bigint | number | Buffer | OtlpList | OtlpMap | null
export interface OtlpList extends ReadonlyArray<OtlpValue> {}
export interface OtlpMap extends ReadonlyMap<string, OtlpValue> {}

/** Values nested deeper than this are refused. */
export const VALUE_DEPTH_MAX = 64

/** What stands in a line or a metadata value. */
export function valueText(value: OtlpValue): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'object' && !Buffer.isBuffer(value)) return goJson(value)
  return Buffer.isBuffer(value) ? value.toString('base64') : String(value)
}

/** JSON as Go's encoder gives it: keys sorted, `<`, `>` and `&` escaped. */
function goJson(value: OtlpValue): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (typeof value === 'string' || Buffer.isBuffer(value)) return goJsonString(valueText(value))
  if (value instanceof Map) {
    const members = [...(value as OtlpMap)].sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([key, inner]) => `${goJsonString(key)}:${goJson(inner)}`).join(',')}}`
  }
  return `[${(value as OtlpList).map(goJson).join(',')}]`
}

const GO_ESCAPES: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' }
const goJsonString = (text: string): string => JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (char) => GO_ESCAPES[char]!)

/** An attribute as name-value pairs: maps are flattened with `_`, everything else is text. */
export function flatten(name: string, value: OtlpValue, into: Array<readonly [string, string]>): void {
  if (!(value instanceof Map)) into.push([cachedName(name), valueText(value)])
  else for (const [key, inner] of value as OtlpMap) flatten(`${name}_${key}`, inner, into)
}

/** Attribute names repeat in every record. */
const names = new Map<string, string>()
const NAMES_MAX = 10_000

function cachedName(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const normal = normaliseName(name)
  if (names.size >= NAMES_MAX) names.clear()
  if (name.length <= 256) names.set(name, normal)
  return normal
}
