/** OTLP exports become the streams and metadata that Loki makes of them, from protobuf and JSON alike. */
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { Limits } from '../../../protocols/limits.ts'
import { decodeOtlpPush } from '../../../protocols/push/decode-otlp.ts'
import { normaliseName } from '../../../protocols/push/normalise-name.ts'
import { encodeRpcStatus } from '../../../protocols/push/otlp-status.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { field, plainOf, seeded, varint } from '../../support/push-bodies.ts'
import type { PlainStream } from '../../support/push-bodies.ts'

const NS = 1_793_491_200_000_000_000n
const NOW_MS = 1_793_491_260_000
const PROTOBUF = 'application/x-protobuf'

const decode = (body: Buffer, contentType: string, over: Partial<Limits> = {}, contentEncoding?: string): PlainStream[] =>
  decodeOtlpPush({ body, contentType, contentEncoding }, { limits: { ...LIMIT_DEFAULTS, ...over }, nowMs: NOW_MS }).batches.flatMap(plainOf)
const fromJson = (value: unknown, over: Partial<Limits> = {}): PlainStream[] => decode(Buffer.from(JSON.stringify(value)), 'application/json', over)

// A small protobuf writer for the messages of logs/v1.
const fixed64 = (number: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return Buffer.concat([varint((number << 3) | 1), bytes])
}
const int = (number: number, value: number | bigint): Buffer => Buffer.concat([varint(number << 3), varint(value)])
const text = (value: string): Buffer => field(1, value)
const pair = (key: string, value: Buffer): Buffer => Buffer.concat([field(1, key), field(2, value)])

const record = Buffer.concat([
  fixed64(1, NS),
  int(2, 17),
  field(3, 'ERROR'),
  field(5, text('hello')),
  field(6, pair('k.x', int(3, -5n))),
  field(6, pair('map', field(6, field(1, pair('in.ner', text('v')))))),
  field(6, pair('list', field(5, Buffer.concat([field(1, text('<a>')), field(1, int(2, 1)), field(1, field(7, Buffer.from([1, 2])))])))),
  int(7, 2),
  Buffer.concat([varint((8 << 3) | 5), Buffer.from([1, 0, 0, 0])]),
  field(9, Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex')),
  field(10, Buffer.from('b7ad6b7169203331', 'hex')),
  fixed64(11, NS + 1n),
])
const scope = Buffer.concat([field(1, 'sc'), field(2, '1'), field(3, pair('scope.attr', text('s'))), int(4, 3)])
const resource = Buffer.concat([field(1, pair('service.name', text('svc'))), field(1, pair('host.name', text('h'))), field(1, pair('k8s.pod.name', text('p-1')))])
// The resource and the scope stand after what they describe.
const message = field(1, Buffer.concat([field(2, Buffer.concat([field(2, record), field(1, scope)])), field(1, resource)]))

const json = {
  resourceLogs: [{
    resource: { attributes: [{ key: 'service.name', value: { stringValue: 'svc' } }, { key: 'host.name', value: { stringValue: 'h' } }, { key: 'k8s.pod.name', value: { stringValue: 'p-1' } }] },
    scopeLogs: [{
      scope: { name: 'sc', version: '1', attributes: [{ key: 'scope.attr', value: { stringValue: 's' } }], droppedAttributesCount: 3 },
      logRecords: [{
        timeUnixNano: String(NS), observedTimeUnixNano: String(NS + 1n), severityNumber: 'SEVERITY_NUMBER_ERROR', severityText: 'ERROR', body: { stringValue: 'hello' },
        attributes: [
          { key: 'k.x', value: { intValue: '-5' } },
          { key: 'map', value: { kvlistValue: { values: [{ key: 'in.ner', value: { stringValue: 'v' } }] } } },
          { key: 'list', value: { arrayValue: { values: [{ stringValue: '<a>' }, { boolValue: true }, { bytesValue: 'AQI=' }] } } },
        ],
        droppedAttributesCount: 2, flags: 1, traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'B7AD6B7169203331',
      }],
    }],
  }],
}
const expected: PlainStream[] = [{
  labels: '{k8s_pod_name="p-1", service_name="svc"}',
  entries: [{
    ns: NS,
    line: Buffer.from('hello'),
    metadata: [
      ['k_x', '-5'], ['map_in_ner', 'v'], ['list', '["\\u003ca\\u003e",true,"AQI="]'], ['observed_timestamp', String(NS + 1n)], ['severity_number', '17'], ['severity_text', 'ERROR'],
      ['dropped_attributes_count', '2'], ['flags', '1'], ['trace_id', '0af7651916cd43dd8448eb211c80319c'], ['span_id', 'b7ad6b7169203331'],
      ['host_name', 'h'],
      ['scope_attr', 's'], ['scope_name', 'sc'], ['scope_version', '1'], ['scope_dropped_attributes_count', '3'],
    ],
  }],
}]
const withRecord = (over: object, resourceAttributes: unknown[] = []): unknown => ({ resource_logs: [{ resource: { attributes: resourceAttributes }, scope_logs: [{ log_records: [{ time_unix_nano: String(NS), ...over }] }] }] })

describe('OTLP', () => {
  it('protobuf and JSON say the same', () => {
    expect(decode(message, PROTOBUF)).toEqual(expected)
    expect(fromJson(json)).toEqual(expected)
    expect(decode(gzipSync(message), PROTOBUF, {}, 'gzip')).toEqual(expected)
  })

  it('times: the record, else observed, else now', () => {
    const timeOf = (over: object): bigint => fromJson(withRecord(over))[0]!.entries[0]!.ns
    expect(timeOf({ time_unix_nano: '0', observed_time_unix_nano: String(NS + 5n) })).toBe(NS + 5n)
    expect(timeOf({ time_unix_nano: '0' })).toBe(BigInt(NOW_MS) * 1_000_000n)
    expect(decode(Buffer.from(JSON.stringify(withRecord({})).replace(`"${NS}"`, String(NS + 1n))), 'application/json')[0]!.entries[0]!.ns).toBe(NS + 1n)
  })

  it.each([
    [{ stringValue: 'x' }, 'x'], [{ intValue: 7 }, '7'], [{ doubleValue: 1.5 }, '1.5'], [{ boolValue: false }, 'false'], [{ bytesValue: 'AQI=' }, 'AQI='], [{}, ''],
    [{ kvlistValue: { values: [{ key: 'b', value: { intValue: '1' } }, { key: 'a', value: { stringValue: 'x"' } }] } }, '{"a":"x\\"","b":1}'],
    [{ arrayValue: {} }, '[]'],
  ])('a body of %j is the line %s', (body, line) => {
    expect(fromJson(withRecord({ body }))[0]!.entries[0]!.line.toString()).toBe(line)
  })

  it('attributes go where the tenant says, the first rule first', () => {
    const own = { ...LIMIT_DEFAULTS.otlp_config, severity_text_as_label: true }
    const rules = [{ action: 'drop' as const, attributes: [], regex: 'secret\\..*' }, { action: 'index_label' as const, attributes: ['team', 'secret.team'], regex: '' }]
    const push = withRecord({ severity_text: 'WARN', attributes: [{ key: 'secret.x', value: { stringValue: '1' } }, { key: 'y', value: { stringValue: '2' } }] }, [
      { key: 'team', value: { stringValue: 'a' } }, { key: 'secret.team', value: { stringValue: 'b' } }, { key: 'service.name', value: { stringValue: 'svc' } },
    ])
    const config = { ...own, resource_attributes: { ignore_defaults: true, attributes_config: rules }, log_attributes: [{ action: 'drop' as const, attributes: ['secret.x'], regex: '' }] }
    expect(fromJson(push, { otlp_config: config })).toMatchObject([{ labels: '{severity_text="WARN", team="a"}', entries: [{ metadata: [['y', '2'], ['service_name', 'svc']] }] }])
  })

  it('no records: no streams', () => {
    expect(fromJson({})).toEqual([])
    expect(decode(Buffer.alloc(0), PROTOBUF)).toEqual([])
    expect(fromJson({ resourceLogs: [{ scopeLogs: [{}] }] })).toEqual([])
  })

  it('what is wrong is said', () => {
    const errorOf = (body: Buffer, type: string): string => {
      try {
        decode(body, type)
        return ''
      } catch (error) {
        return error instanceof SkaldError ? `${error.status} ${error.message}` : String(error)
      }
    }
    expect(errorOf(Buffer.from('x'), 'text/plain')).toBe('400 content type: text/plain is not supported')
    expect(errorOf(Buffer.from([0x0a, 0x05]), PROTOBUF)).toBe('400 unexpected EOF')
    expect(errorOf(Buffer.from([0x08, 0x05]), PROTOBUF)).toBe('400 proto: wrong wireType = 0 for field ResourceLogs')
    expect(errorOf(field(1, field(2, field(2, field(9, 'short')))), PROTOBUF)).toBe('400 invalid length for TraceID')
    expect(errorOf(Buffer.from('{"resourceLogs":5}'), 'application/json')).toMatch(/^400 .*resourceLogs has the wrong type/)
    expect(errorOf(Buffer.from('{"resourceLogs":'), 'application/json')).toMatch(/^400 Skip: do not know how to skip: 0/)
    expect(errorOf(Buffer.alloc(0), 'application/json')).toBe('400 EOF')
    let deep: Buffer = text('x')
    for (let i = 0; i < 200; i++) deep = field(5, field(1, deep))
    expect(errorOf(field(1, field(2, field(2, field(5, deep)))), PROTOBUF)).toMatch(/nested deeper than 64/)
  })

  it('20,000 mutated exports end in an answer', () => {
    const next = seeded(31)
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(message)
      for (let k = 0; k <= round % 3; k++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256)
      try {
        decode(bytes, PROTOBUF)
      } catch (error) {
        if (!(error instanceof SkaldError) || error.status >= 500) throw error
      }
    }
  })

  it('an error body is a google.rpc.Status with its message', () => {
    expect(encodeRpcStatus('content type: text/plain is not supported')).toEqual(Buffer.from('\x12)content type: text/plain is not supported'))
  })
})

describe('normaliseName', () => {
  it.each([['http.status-code', 'http_status_code'], ['a__b', 'a_b'], ['9lives', 'key_9lives'], ['__x.y__', '__x_y__'], ['_x', '_x'], ['ä', null], ['', null]])('%j is %j', (name, normal) => {
    if (normal === null) expect(() => normaliseName(name)).toThrow(name === '' ? 'label name is empty' : 'normalization for label name "ä" resulted in invalid name "_"')
    else expect(normaliseName(name)).toBe(normal)
  })
})
