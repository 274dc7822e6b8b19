/**
 * `PushRequest` messages for tests and benchmarks: a naive writer, a naive reader (objects, strings and BigInts, the opposite of the real one) and
 * bodies of the shape that a busy agent sends.
 */
import type { PushBatch } from '../../protocols/push/batch.ts'

export interface PlainEntry {
  readonly ns: bigint
  readonly line: Buffer
  readonly metadata?: ReadonlyArray<readonly [string, string]>
}
export interface PlainStream {
  readonly labels: string
  readonly entries: ReadonlyArray<PlainEntry>
}

/** Mulberry32: small, seeded, good enough for test data. */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}
export const field = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}
const numberField = (number: number, value: bigint): Buffer => (value === 0n ? Buffer.alloc(0) : Buffer.concat([varint(number << 3), varint(value)]))

export const timestamp = (ns: bigint): Buffer => {
  const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return Buffer.concat([numberField(1, (ns - nanos) / 1_000_000_000n), numberField(2, nanos)])
}
export const entryMessage = (entry: PlainEntry): Buffer =>
  Buffer.concat([
    field(1, timestamp(entry.ns)),
    field(2, entry.line),
    ...(entry.metadata ?? []).map(([name, value]) => field(3, Buffer.concat([field(1, name), field(2, value)]))),
  ])
export const pushBody = (streams: ReadonlyArray<PlainStream>): Buffer =>
  Buffer.concat(streams.map((s) => field(1, Buffer.concat([field(1, s.labels), ...s.entries.map((e) => field(2, entryMessage(e)))]))))

/** What a batch says, as plain values. */
export function plainOf(batch: PushBatch): PlainStream[] {
  return batch.streams.map((s) => ({
    labels: s.labelsText,
    entries: Array.from({ length: s.rowTo - s.rowFrom }, (_, k) => plainRow(batch, s.rowFrom + k)),
  }))
}

function plainRow(batch: PushBatch, row: number): PlainEntry {
  const ns = batch.baseNs + BigInt(batch.relativeNs[row]!)
  const line = Buffer.from(batch.body.subarray(batch.starts[row]!, batch.starts[row]! + batch.lengths[row]!))
  const from = batch.metadataStarts?.[row] ?? 0
  const to = batch.metadataEnds?.[row] ?? 0
  return to > from ? { ns, line, metadata: plainPairs(batch.body.subarray(from, to)) } : { ns, line }
}

/** Pairs of a metadata range, read the slow way. */
function plainPairs(range: Buffer): Array<[string, string]> {
  return plainFields(range)
    .filter((f) => f.number === 3)
    .map((f) => {
      const parts = plainFields(f.content)
      const text = (number: number): string => parts.filter((p) => p.number === number).at(-1)?.content.toString() ?? ''
      return [text(1), text(2)]
    })
}

function plainFields(bytes: Buffer): Array<{ number: number; content: Buffer }> {
  const fields: Array<{ number: number; content: Buffer }> = []
  let at = 0
  const read = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = read()
    const length = read()
    fields.push({ number: tag >>> 3, content: bytes.subarray(at, at + length) })
    at += length
  }
  return fields
}

const LEVELS = ['info', 'info', 'info', 'debug', 'warn', 'error']
const PATHS = ['/cart', '/checkout', '/login', '/api/v1/items', '/health']

/** 8 streams of about `streamBytes` each of made-up access lines, alternately logfmt, JSON and plain. */
export function busyAgentPush(next: () => number, streamBytes = 120_000, startNs = 1_793_491_200_000_000_000n): PlainStream[] {
  const pick = <T>(list: ReadonlyArray<T>): T => list[Math.floor(next() * list.length)]!
  const number = (below: number): number => Math.floor(next() * below)
  const hex = (): string => Array.from({ length: 16 }, () => '0123456789abcdef'[number(16)]).join('')
  const line = [
    () => `ts=2026-11-01T00:00:00Z level=${pick(LEVELS)} caller=http.go:${number(300)} msg="request done" path=${pick(PATHS)} status=${pick([200, 404, 500])} duration=${number(2000)}ms trace_id=${hex()}`,
    () => JSON.stringify({ level: pick(LEVELS), msg: 'request served', path: pick(PATHS), status: pick([200, 404, 500]), duration_ms: number(2000), user: { id: number(1000) }, trace_id: hex() }),
    () => `081109 203615 ${number(999)} INFO dfs.DataNode$PacketResponder: PacketResponder ${number(3)} for block blk_${number(1e12)} terminating`,
  ]
  let ns = startNs
  return Array.from({ length: 8 }, (_, k) => {
    const entries: PlainEntry[] = []
    for (let bytes = 0; bytes < streamBytes; ) {
      const text = Buffer.from(line[k % line.length]!())
      bytes += text.length
      entries.push({ ns: (ns += 50_000n), line: text })
    }
    return { labels: `{host="h${k}", job="bench", system="s${k % line.length}"}`, entries }
  })
}
