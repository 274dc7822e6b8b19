/**
 * A scan's partial answer as bytes (V8's structured clone format), the way it leaves the thread that made it. The event loop passes it on without looking inside: what it has
 * to know stands beside the bytes. Made by scan threads and merges, kept by the result cache, read where answers are made (`actors/query/answer-tasks.ts`).
 */
import { deserialize, serialize } from 'node:v8'
import type { ScanPartial, ScanStats } from '../../protocols/logql/scan.ts'

export interface EncodedPartial {
  readonly bytes: Uint8Array
  readonly stats: ScanStats
  /** Entries, series or patterns in it. */
  readonly items: number
  /** Of a log scan: the time of the last entry in the plan's direction, decimal text; null: no entry. */
  readonly lastNs: string | null
}

export function encodePartial(partial: ScanPartial): EncodedPartial {
  return { bytes: serialize(partial), stats: partial.stats, items: itemsOf(partial), lastNs: partial.kind === 'log' ? (partial.entries.at(-1)?.ns ?? null) : null }
}

/** Of a scan that found nothing and read no line. */
export function emptyPartial(kind: ScanPartial['kind']): EncodedPartial {
  switch (kind) {
    case 'log': return encodePartial({ kind, streams: [], entries: [], stats: NOTHING_READ })
    case 'metric': return encodePartial({ kind, series: [], stats: NOTHING_READ, failure: null })
    case 'patterns': return encodePartial({ kind, clusters: [], stats: NOTHING_READ })
  }
}

export const NOTHING_READ: ScanStats = { linesProcessed: 0, bytesProcessed: 0, metadataBytesProcessed: 0, linesPassed: 0 }

export const decodePartial = (bytes: Uint8Array): ScanPartial => deserialize(bytes) as ScanPartial

function itemsOf(partial: ScanPartial): number {
  switch (partial.kind) {
    case 'log': return partial.entries.length
    case 'metric': return partial.series.length
    case 'patterns': return partial.clusters.length
  }
}

/** The memory behind the bytes when nothing else is in it, so that it can be handed to another thread without a copy. */
export function ownBuffers(all: ReadonlyArray<Uint8Array>): ArrayBuffer[] {
  return all.flatMap(({ buffer, byteLength }) => (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []))
}
