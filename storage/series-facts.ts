/** Facts about streams as they come from several segments and heads: which of them belong to a time, and their sums a stream. Pure. */
import { labelKey } from '../protocols/logql/label-set.ts'
import type { SeriesFacts } from './segment-select.ts'

/** Inclusive, in ns. `received`: when entries came in; `entry_time`: what time they bear. */
export interface SeriesTimes {
  readonly by: 'received' | 'entry_time'
  readonly minNs: bigint
  readonly maxNs: bigint
}

export function isWithin(facts: SeriesFacts, { by, minNs, maxNs }: SeriesTimes): boolean {
  if (by === 'entry_time') return facts.maxNs >= minNs && facts.minNs <= maxNs
  return BigInt(facts.receivedMaxMs) * 1_000_000n >= minNs && BigInt(facts.receivedMinMs) * 1_000_000n <= maxNs
}

/** One a stream, its parts added up as they come. */
export class MergedSeries {
  readonly #merged = new Map<string, SeriesFacts>()

  add(facts: SeriesFacts): void {
    const key = labelKey(facts.labels)
    const before = this.#merged.get(key)
    this.#merged.set(key, before === undefined ? facts : sum(before, facts))
  }

  get count(): number {
    return this.#merged.size
  }

  all(): SeriesFacts[] {
    return [...this.#merged.values()]
  }
}

function sum(a: SeriesFacts, b: SeriesFacts): SeriesFacts {
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
