/**
 * Reads an OTLP `ExportLogsServiceRequest` in JSON (protobuf's JSON mapping with hexadecimal ids, names in lowerCamelCase or as in the schema).
 *
 * Made of parsed JSON, so it costs objects; collectors send protobuf.
 */
import { JsonCursor, JsonSyntaxError } from './json-cursor.ts'
import type { OtlpRecord, OtlpVisitor } from './otlp-visitor.ts'
import { VALUE_DEPTH_MAX } from './otlp-value.ts'
import type { OtlpMap, OtlpValue } from './otlp-value.ts'
import { malformed } from './protobuf-wire.ts'

type JsonObject = Readonly<Record<string, unknown>>

export function visitOtlpJson(body: Buffer, visitor: OtlpVisitor): void {
  for (const resourceLogs of listOf(parseJson(body), 'resourceLogs')) {
    visitor.resource(attributesOf(member(resourceLogs, 'resource'), 0))
    for (const scopeLogs of listOf(resourceLogs, 'scopeLogs')) {
      const scope = member(scopeLogs, 'scope')
      visitor.scope({ name: textOf(scope, 'name'), version: textOf(scope, 'version'), attributes: attributesOf(scope, 0), droppedAttributesCount: numberOf(scope, 'droppedAttributesCount') })
      for (const record of listOf(scopeLogs, 'logRecords')) visitor.record(readRecord(record))
    }
    visitor.resourceEnd()
  }
}

/** Whole numbers too large for a double are kept as their text. */
function parseJson(body: Buffer): JsonObject {
  checkSyntax(body)
  const text = body.toString()
  const hasLongNumber = /[:[,]\s*-?\d{16}/.test(text)
  const parsed: unknown = hasLongNumber ? JSON.parse(text, keepLongNumber) : JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed('readObjectStart: expect { or n')
  return parsed as JsonObject
}

function keepLongNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined && /^-?\d{16,}$/.test(context.source) ? context.source : value
}

/** The cursor knows the words for broken JSON, and bounds nesting before `JSON.parse` sees it. */
function checkSyntax(body: Buffer): void {
  try {
    if (body.length === 0) throw malformed('EOF')
    const cursor = new JsonCursor(body)
    cursor.skip()
    if (cursor.token() !== 0) throw malformed('there are bytes left after unmarshal')
    JSON.parse(body.toString())
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof SyntaxError) throw malformed(error.message)
    throw error
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)
const raw = (of: JsonObject, name: string): unknown => of[name] ?? of[snake(name)]
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const wrongType = (name: string): Error => malformed(`ExportLogsServiceRequest: ${name} has the wrong type`)

function member(of: JsonObject, name: string): JsonObject {
  const value = raw(of, name) ?? {}
  if (!isObject(value)) throw wrongType(name)
  return value
}

function listOf(of: JsonObject, name: string): ReadonlyArray<JsonObject> {
  const value = raw(of, name) ?? []
  if (!Array.isArray(value) || !value.every(isObject)) throw wrongType(name)
  return value
}

function textOf(of: JsonObject, name: string): string {
  const value = raw(of, name) ?? ''
  if (typeof value !== 'string') throw wrongType(name)
  return value.toWellFormed()
}

function numberOf(of: JsonObject, name: string): number {
  const value = raw(of, name) ?? 0
  if (name === 'severityNumber' && typeof value === 'string' && SEVERITY_NAME.test(value)) return severityOfName(value)
  const number = Number(value)
  if ((typeof value !== 'number' && typeof value !== 'string') || !Number.isSafeInteger(number) || number < 0) throw wrongType(name)
  return number
}

const SEVERITY_NAME = /^SEVERITY_NUMBER_(?:UNSPECIFIED|(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([2-4]?))$/
function severityOfName(name: string): number {
  const [, level, step] = SEVERITY_NAME.exec(name) ?? []
  return level === undefined ? 0 : ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].indexOf(level) * 4 + Number(step || 1)
}

function timeOf(of: JsonObject, name: string): bigint {
  const value = raw(of, name) ?? 0
  if ((typeof value !== 'string' && typeof value !== 'number') || !/^\d{1,20}$/.test(String(value))) throw wrongType(name)
  return BigInt(value)
}

function idOf(of: JsonObject, name: string, bytes: number): string {
  const hex = textOf(of, name).toLowerCase()
  if (hex !== '' && (hex.length !== bytes * 2 || !/^[0-9a-f]+$/.test(hex))) throw malformed(`cannot unmarshal ${name}, invalid length or digits: ${JSON.stringify(hex.slice(0, 64))}`)
  return /^0*$/.test(hex) ? '' : hex
}

function attributesOf(of: JsonObject, depth: number, name = 'attributes'): OtlpMap {
  return new Map(listOf(of, name).map((pair) => [textOf(pair, 'key'), valueOf(member(pair, 'value'), depth)]))
}

function valueOf(value: JsonObject, depth: number): OtlpValue {
  if (depth > VALUE_DEPTH_MAX) throw malformed(`attribute values nested deeper than ${VALUE_DEPTH_MAX}`)
  if (raw(value, 'stringValue') !== undefined) return textOf(value, 'stringValue')
  const bool = raw(value, 'boolValue')
  if (bool !== undefined) return bool === true || bool === 'true'
  const int = raw(value, 'intValue')
  if (int !== undefined) return intOf(int)
  const double = raw(value, 'doubleValue')
  if (double !== undefined) return Number(double)
  if (raw(value, 'bytesValue') !== undefined) return Buffer.from(textOf(value, 'bytesValue'), 'base64')
  if (raw(value, 'arrayValue') !== undefined) return listOf(member(value, 'arrayValue'), 'values').map((inner) => valueOf(inner, depth + 1))
  return raw(value, 'kvlistValue') === undefined ? null : attributesOf(member(value, 'kvlistValue'), depth + 1, 'values')
}

function intOf(value: unknown): bigint {
  if ((typeof value !== 'string' && typeof value !== 'number') || !/^-?\d{1,20}$/.test(String(value))) throw wrongType('intValue')
  return BigInt(value)
}

function readRecord(record: JsonObject): OtlpRecord {
  return {
    timeNs: timeOf(record, 'timeUnixNano'),
    observedNs: timeOf(record, 'observedTimeUnixNano'),
    severityNumber: numberOf(record, 'severityNumber'),
    severityText: textOf(record, 'severityText'),
    body: valueOf(member(record, 'body'), 0),
    attributes: attributesOf(record, 0),
    droppedAttributesCount: numberOf(record, 'droppedAttributesCount'),
    flags: numberOf(record, 'flags'),
    traceId: idOf(record, 'traceId', 16),
    spanId: idOf(record, 'spanId', 8),
  }
}
