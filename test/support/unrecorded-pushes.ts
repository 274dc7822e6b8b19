/**
 * Pushes that recorded reads need and that are not among the recorded cases, made after what their cases are called and what they read. Used by
 * `conformance.test.ts`: with them every recorded answer can be asked for.
 */
import snappy from 'snappy'
import { pushBody } from './push-bodies.ts'

export interface UnrecordedPush {
  /** The recorded case that reads it. */
  readonly readBy: string
  readonly tenant: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

const TIME_NS = '1793491200000000000'
const LABEL_VALUE_BYTES_MAX = 2048
const LABELS_MAX = 15

const loki = { path: '/loki/api/v1/push', headers: { 'content-type': 'application/json' } }
const oneLine = (stream: string): string => `{"streams":[{"stream":${stream},"values":[["${TIME_NS}","x"]]}]}`
const labels = Object.fromEntries(Array.from({ length: LABELS_MAX }, (_, i) => [`l${i}`, 'v']))

const record = {
  timeUnixNano: TIME_NS,
  severityText: 'ERROR',
  severityNumber: 17,
  body: { stringValue: 'hello' },
  attributes: [{ key: 'k.x', value: { intValue: '5' } }],
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
}
const attributes = [
  { key: 'service.name', value: { stringValue: 'svc' } },
  { key: 'host.name', value: { stringValue: 'h' } },
]

export const UNRECORDED_PUSHES: ReadonlyArray<UnrecordedPush> = [
  { readBy: 'pushread-036', tenant: 'push36', ...loki, body: oneLine(JSON.stringify({ a: 'x'.repeat(LABEL_VALUE_BYTES_MAX) })) },
  { readBy: 'pushread-043', tenant: 'push43', ...loki, body: oneLine(JSON.stringify(labels)) },
  { readBy: 'pushread-050', tenant: 'push50', ...loki, body: oneLine('{"a":"1","a":"2"}') },
  {
    readBy: 'pushread-057',
    tenant: 'push57',
    path: loki.path,
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: snappy.compressSync(pushBody([{ labels: '{a="b"}', entries: [{ ns: BigInt(TIME_NS), line: Buffer.from('x') }] }])),
  },
  {
    readBy: 'pushread-076',
    tenant: 'push76',
    path: '/otlp/v1/logs',
    headers: loki.headers,
    body: JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope: { name: 'sc', version: '1' }, logRecords: [record] }] }] }),
  },
]
