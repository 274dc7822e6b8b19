/**
 * Which streams a tenant has in a time range, with their sizes: behind labels, label values, series, index stats and volume. Reads columns of
 * heads and footers of segments; no line.
 *
 * "In a time range" goes by when entries were received (what Loki's recorded answers show: entries pushed days later are not found under their own time), or by the
 * entries' own time where `querier.metadata_by` says so.
 */
import type { Matcher } from '../../protocols/logql/ast.ts'
import { labelKey } from '../../protocols/logql/label-set.ts'
import type { TimeBounds } from '../../protocols/query-params.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import type { Querier } from './querier.ts'

export type MetadataBy = 'received' | 'entry_time'

export interface StreamFactsAnswer {
  /** A stream may be there several times: once a segment and once a head. */
  readonly streams: ReadonlyArray<SeriesFacts>
  readonly warnings: ReadonlyArray<string>
}

export async function streamFacts(
  querier: Querier,
  by: MetadataBy,
  tenant: string,
  matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>,
  bounds: TimeBounds,
  signal: AbortSignal,
): Promise<StreamFactsAnswer> {
  const { series, warnings } = await querier.series(tenant, matcherSets, signal)
  return { streams: series.filter((facts) => within(facts, by, bounds)), warnings }
}

/** One a stream, facts of its parts added up. */
export function mergeFacts(parts: ReadonlyArray<SeriesFacts>): SeriesFacts[] {
  const merged = new Map<string, SeriesFacts>()
  for (const facts of parts) {
    const key = labelKey(facts.labels)
    const before = merged.get(key)
    merged.set(key, before === undefined ? facts : add(before, facts))
  }
  return [...merged.values()]
}

function within(facts: SeriesFacts, by: MetadataBy, { startNs, endNs }: TimeBounds): boolean {
  if (by === 'entry_time') return facts.maxNs >= startNs && facts.minNs <= endNs
  return BigInt(facts.receivedMaxMs) * 1_000_000n >= startNs && BigInt(facts.receivedMinMs) * 1_000_000n <= endNs
}

function add(a: SeriesFacts, b: SeriesFacts): SeriesFacts {
  return {
    labels: a.labels,
    minNs: a.minNs < b.minNs ? a.minNs : b.minNs,
    maxNs: a.maxNs > b.maxNs ? a.maxNs : b.maxNs,
    receivedMinMs: Math.min(a.receivedMinMs, b.receivedMinMs),
    receivedMaxMs: Math.max(a.receivedMaxMs, b.receivedMaxMs),
    rowCount: a.rowCount + b.rowCount,
    lineBytes: a.lineBytes + b.lineBytes,
    chunkCount: a.chunkCount + b.chunkCount,
  }
}
