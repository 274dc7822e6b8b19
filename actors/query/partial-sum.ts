/**
 * Adds up the partial answers of one scan as they come in, within the memory that a query may use (Q4): when they grow beyond it they are merged, and when the merged one
 * is still too large the query is refused. Also counts what was read.
 */
import { mergePartials } from '../../protocols/logql/merge.ts'
import { overQueryMemory } from '../../protocols/logql/query-memory.ts'
import type { ScanPartial, ScanPlan } from '../../protocols/logql/scan.ts'
import { emptyStatistics, sumStatistics } from '../segments/read-statistics.ts'
import type { ReadStatistics, ScanAnswer } from '../segments/segment-work.ts'

export class PartialSum {
  private readonly plan: ScanPlan
  private readonly bytesMax: number
  private held: ScanPartial[] = []
  private bytes = 0
  private statistics: ReadStatistics = emptyStatistics()
  private readonly warnings = new Set<string>()

  constructor(plan: ScanPlan, bytesMax: number) {
    this.plan = plan
    this.bytesMax = bytesMax
  }

  /** Throws `query_limit`. */
  add(answer: ScanAnswer): void {
    this.held.push(answer.partial)
    this.bytes += partialBytes(answer.partial)
    this.statistics = sumStatistics([this.statistics, answer.statistics])
    for (const warning of answer.warnings) this.warnings.add(warning)
    if (this.bytes <= this.bytesMax) return
    this.merged()
    if (this.bytes > this.bytesMax) throw overQueryMemory(this.bytesMax)
  }

  /** What is known so far, as one partial. */
  merged(): ScanPartial {
    const merged = mergePartials(this.plan, this.held)
    this.held = [merged]
    this.bytes = partialBytes(merged)
    return merged
  }

  answer(): ScanAnswer {
    return { partial: this.merged(), statistics: this.statistics, warnings: [...this.warnings] }
  }
}

const OBJECT_BYTES = 64

/** About what a partial holds in memory; a line's characters count twice, those of packed numbers are ASCII. */
export function partialBytes(partial: ScanPartial): number {
  switch (partial.kind) {
    case 'log':
      return (
        partial.entries.reduce((sum, { line }) => sum + line.length * 2 + 4 * OBJECT_BYTES, 0) +
        partial.streams.reduce((sum, { stream, metadata, parsed }) => sum + valueBytes(stream) + valueBytes(metadata) + valueBytes(parsed), 0)
      )
    case 'metric':
      return partial.series.reduce((sum, { labels, state }) => sum + valueBytes(labels) + valueBytes(state), 0)
    case 'patterns':
      return partial.clusters.reduce((sum, { tokens, counts }) => sum + valueBytes(tokens) + counts.length * OBJECT_BYTES, 0)
  }
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (ArrayBuffer.isView(value)) return value.byteLength + OBJECT_BYTES
  if (typeof value !== 'object' || value === null) return 8
  return Object.values(value).reduce<number>((sum, item) => sum + valueBytes(item), OBJECT_BYTES)
}
