/** Streams as clients older than Loki's first version read them: times are RFC 3339. Used for `/api/prom/query`. Pure. */
import { labelText } from './label-set.ts'
import type { StreamsData } from './query-data.ts'

export interface LegacyStream {
  readonly labels: string
  readonly entries: ReadonlyArray<{ readonly ts: string; readonly line: string }>
}

export function legacyStreams({ streams, entries }: StreamsData): LegacyStream[] {
  const byLabels = new Map<string, Array<{ ts: string; line: string }>>()
  const texts = streams.map(({ stream, metadata, parsed }) => labelText([...new Map([...stream, ...metadata, ...parsed])].sort(([a], [b]) => (a < b ? -1 : 1))))
  for (const { ns, line, stream } of entries) {
    const text = texts[stream]!
    const list = byLabels.get(text) ?? []
    byLabels.set(text, list)
    list.push({ ts: rfc3339Nano(BigInt(ns)), line })
  }
  return [...byLabels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([labels, list]) => ({ labels, entries: list }))
}

/** Go's RFC3339Nano: fractions without their trailing zeros. */
function rfc3339Nano(ns: bigint): string {
  const second = ns / 1_000_000_000n
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '')
  const text = new Date(Number(second) * 1000).toISOString().slice(0, 19)
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`
}
