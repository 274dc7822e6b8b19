/**
 * Reads an OTLP `ExportLogsServiceRequest` in protobuf (opentelemetry-proto 1.x, logs/v1) by walking its bytes.
 *
 * A resource and a scope may stand after their records in a message, so each is looked for first. Fields that are not known are passed over.
 */
import type { OtlpRecord, OtlpScope, OtlpVisitor } from './otlp-visitor.ts'
import { VALUE_DEPTH_MAX } from './otlp-value.ts'
import type { OtlpMap, OtlpValue } from './otlp-value.ts'
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT, WireReader, malformed, wrongWireType } from './protobuf-wire.ts'

const EMPTY_MAP: OtlpMap = new Map()

export function visitOtlpProtobuf(body: Buffer, visitor: OtlpVisitor): void {
  eachMessage(new WireReader(body), 1, 'ExportLogsServiceRequest', 'ResourceLogs', (resourceLogs) => {
    visitor.resource(EMPTY_MAP)
    eachMessage(copyOf(resourceLogs), 1, 'ResourceLogs', 'Resource', (resource) => visitor.resource(attributesOf(resource, 1)))
    eachMessage(resourceLogs, 2, 'ResourceLogs', 'ScopeLogs', (scopeLogs) => visitScope(scopeLogs, visitor))
    visitor.resourceEnd()
  })
}

function visitScope(scopeLogs: WireReader, visitor: OtlpVisitor): void {
  visitor.scope({ name: '', version: '', attributes: EMPTY_MAP, droppedAttributesCount: 0 })
  eachMessage(copyOf(scopeLogs), 1, 'ScopeLogs', 'Scope', (scope) => visitor.scope(readScope(scope)))
  eachMessage(scopeLogs, 2, 'ScopeLogs', 'LogRecords', (record) => visitor.record(readRecord(record)))
}

const copyOf = (reader: WireReader): WireReader => new WireReader(reader.bytes, reader.at, reader.end)

/** Calls `each` with a reader of every embedded message of one field number. */
function eachMessage(reader: WireReader, field: number, message: string, name: string, each: (inner: WireReader) => void): void {
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag >>> 3 !== field) {
      reader.skip(tag, message)
      continue
    }
    if ((tag & 7) !== WIRE_BYTES) throw wrongWireType(tag & 7, name)
    const from = reader.lengthDelimited()
    each(new WireReader(reader.bytes, from, reader.at))
  }
}

const textOf = (reader: WireReader): string => {
  const from = reader.lengthDelimited()
  return reader.bytes.toString('utf8', from, reader.at)
}
const expectType = (tag: number, type: number, name: string): void => {
  if ((tag & 7) !== type) throw wrongWireType(tag & 7, name)
}

function attributesOf(reader: WireReader, field: number): OtlpMap {
  const attributes = new Map<string, OtlpValue>()
  eachMessage(reader, field, 'Resource', 'Attributes', (pair) => readPair(pair, attributes, 0))
  return attributes
}

function readPair(reader: WireReader, into: Map<string, OtlpValue>, depth: number): void {
  let key = ''
  let value: OtlpValue = null
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag >>> 3 === 1) {
      expectType(tag, WIRE_BYTES, 'Key')
      key = textOf(reader)
    } else if (tag >>> 3 === 2) {
      expectType(tag, WIRE_BYTES, 'Value')
      const from = reader.lengthDelimited()
      value = readValue(new WireReader(reader.bytes, from, reader.at), depth)
    } else reader.skip(tag, 'KeyValue')
  }
  into.set(key, value)
}

function readValue(reader: WireReader, depth: number): OtlpValue {
  if (depth > VALUE_DEPTH_MAX) throw malformed(`attribute values nested deeper than ${VALUE_DEPTH_MAX}`)
  let value: OtlpValue = null
  while (reader.at < reader.end) {
    const tag = reader.varint()
    switch (tag) {
      case 0x0a:
        value = textOf(reader)
        break
      case 0x10:
        value = reader.varint() !== 0
        break
      case 0x18:
        value = reader.int64()
        break
      case 0x21:
        value = reader.double()
        break
      case 0x2a:
        value = readList(reader, depth)
        break
      case 0x32:
        value = readMap(reader, depth)
        break
      case 0x3a: {
        const from = reader.lengthDelimited()
        value = reader.bytes.subarray(from, reader.at)
        break
      }
      default:
        reader.skip(tag, 'AnyValue')
    }
  }
  return value
}

function readList(reader: WireReader, depth: number): OtlpValue {
  const list: OtlpValue[] = []
  const from = reader.lengthDelimited()
  eachMessage(new WireReader(reader.bytes, from, reader.at), 1, 'ArrayValue', 'Values', (inner) => list.push(readValue(inner, depth + 1)))
  return list
}

function readMap(reader: WireReader, depth: number): OtlpValue {
  const map = new Map<string, OtlpValue>()
  const from = reader.lengthDelimited()
  eachMessage(new WireReader(reader.bytes, from, reader.at), 1, 'KeyValueList', 'Values', (inner) => readPair(inner, map, depth + 1))
  return map
}

function readScope(reader: WireReader): OtlpScope {
  const scope = { name: '', version: '', attributes: new Map<string, OtlpValue>(), droppedAttributesCount: 0 }
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag === 0x0a) scope.name = textOf(reader)
    else if (tag === 0x12) scope.version = textOf(reader)
    else if (tag === 0x1a) readEmbeddedPair(reader, scope.attributes)
    else if (tag === 0x20) scope.droppedAttributesCount = reader.varint()
    else reader.skip(tag, 'InstrumentationScope')
  }
  return scope
}

function readEmbeddedPair(reader: WireReader, into: Map<string, OtlpValue>): void {
  const from = reader.lengthDelimited()
  readPair(new WireReader(reader.bytes, from, reader.at), into, 0)
}

type MutableRecord = { -readonly [K in keyof OtlpRecord]: OtlpRecord[K] }

function readRecord(reader: WireReader): OtlpRecord {
  const attributes = new Map<string, OtlpValue>()
  const record: MutableRecord = {
    timeNs: 0n, observedNs: 0n, severityNumber: 0, severityText: '', body: null, attributes, droppedAttributesCount: 0, flags: 0, traceId: '', spanId: '',
  }
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag === 0x32) readEmbeddedPair(reader, attributes)
    else recordField(reader, tag, record)
  }
  return record
}

function recordField(reader: WireReader, tag: number, record: MutableRecord): void {
  const known = RECORD_FIELDS[tag >>> 3]
  if (known === undefined) return reader.skip(tag, 'LogRecord')
  expectType(tag, known.type, known.name)
  known.read(reader, record)
}

interface RecordField {
  readonly name: string
  readonly type: number
  readonly read: (reader: WireReader, record: MutableRecord) => void
}

/** By field number; attributes (6) are read above. */
const RECORD_FIELDS: Readonly<Record<number, RecordField>> = {
  1: { name: 'TimeUnixNano', type: WIRE_FIXED64, read: (r, to) => (to.timeNs = r.fixed64()) },
  2: { name: 'SeverityNumber', type: WIRE_VARINT, read: (r, to) => (to.severityNumber = r.varint()) },
  3: { name: 'SeverityText', type: WIRE_BYTES, read: (r, to) => (to.severityText = textOf(r)) },
  5: { name: 'Body', type: WIRE_BYTES, read: (r, to) => (to.body = embeddedValue(r)) },
  7: { name: 'DroppedAttributesCount', type: WIRE_VARINT, read: (r, to) => (to.droppedAttributesCount = r.varint()) },
  8: { name: 'Flags', type: WIRE_FIXED32, read: (r, to) => (to.flags = r.fixed32()) },
  9: { name: 'TraceId', type: WIRE_BYTES, read: (r, to) => (to.traceId = idOf(r, 16, 'TraceID')) },
  10: { name: 'SpanId', type: WIRE_BYTES, read: (r, to) => (to.spanId = idOf(r, 8, 'SpanID')) },
  11: { name: 'ObservedTimeUnixNano', type: WIRE_FIXED64, read: (r, to) => (to.observedNs = r.fixed64()) },
}

function embeddedValue(reader: WireReader): OtlpValue {
  const from = reader.lengthDelimited()
  return readValue(new WireReader(reader.bytes, from, reader.at), 0)
}

function idOf(reader: WireReader, bytes: number, name: string): string {
  const from = reader.lengthDelimited()
  if (reader.at === from) return ''
  if (reader.at - from !== bytes) throw malformed(`invalid length for ${name}`)
  const hex = reader.bytes.toString('hex', from, reader.at)
  return /^0+$/.test(hex) ? '' : hex
}
