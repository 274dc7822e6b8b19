/**
 * Gathers the partial answers of one scan as they come in, within the memory that a query may use (Q4): when they grow beyond it they are merged, and when the merged one
 * is still too large the query is refused. Also counts what was read. Sees bytes only: merging is the answer work's.
 */
import { sumStats } from '../../protocols/logql/merge.ts'
import { overQueryMemory } from '../../protocols/logql/query-memory.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { EncodedPartial } from '../segments/encoded-partial.ts'
import { emptyStatistics, sumStatistics } from '../segments/read-statistics.ts'
import type { ReadStatistics, ScanAnswer } from '../segments/segment-work.ts'

export type MergePartials = (plan: ScanPlan, partials: ReadonlyArray<EncodedPartial>) => Promise<EncodedPartial>

/** All that a scan found, in parts that are still to be merged. */
export interface ScannedParts {
  readonly partials: ReadonlyArray<EncodedPartial>
  readonly statistics: ReadStatistics
  /** Q3: what could not be read, in words for the client. */
  readonly warnings: ReadonlyArray<string>
}

export class PartialSum {
  private readonly plan: ScanPlan
  private readonly bytesMax: number
  private readonly merge: MergePartials
  private held: EncodedPartial[] = []
  /** Of what is held, and of what is being merged. */
  private bytes = 0
  private merging: Promise<void> | null = null
  private statistics: ReadStatistics = emptyStatistics()
  private readonly warnings = new Set<string>()

  constructor(plan: ScanPlan, bytesMax: number, merge: MergePartials) {
    this.plan = plan
    this.bytesMax = bytesMax
    this.merge = merge
  }

  /** Rejects `query_limit`. */
  async add(answer: ScanAnswer): Promise<void> {
    if (saysSomething(answer.partial)) {
      this.held.push(answer.partial)
      this.bytes += answer.partial.bytes.length
    }
    this.statistics = sumStatistics([this.statistics, answer.statistics])
    for (const warning of answer.warnings) this.warnings.add(warning)
    while (this.bytes > this.bytesMax) {
      if (this.merging === null && this.held.length <= 1) throw overQueryMemory(this.bytesMax)
      await this.merged()
    }
  }

  /** Log scans: the time of the worst entry of a full page, beyond which no entry can be in the answer; null while there is none. */
  async bound(): Promise<bigint | null> {
    const { plan } = this
    if (plan.kind !== 'log' || this.held.reduce((sum, { items }) => sum + items, 0) < plan.limit) return null
    const isFull = ({ items, lastNs }: EncodedPartial): boolean => items >= plan.limit && lastNs !== null
    if (!this.held.some(isFull)) await this.merged()
    const bounds = this.held.filter(isFull).map(({ lastNs }) => BigInt(lastNs ?? 0))
    return bounds.reduce<bigint | null>((best, ns) => (best === null || (plan.direction === 'backward' ? ns > best : ns < best) ? ns : best), null)
  }

  answer(): ScannedParts {
    return { partials: this.held, statistics: this.statistics, warnings: [...this.warnings] }
  }

  private merged(): Promise<void> {
    this.merging ??= this.mergeHeld().finally(() => (this.merging = null))
    return this.merging
  }

  private async mergeHeld(): Promise<void> {
    const taken = this.held.splice(0)
    const stats = sumStats(taken)
    this.held.push({ ...(await this.merge(this.plan, taken)), stats })
    this.bytes = this.held.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }
}

/** Else there is nothing to merge: no row was looked at. */
const saysSomething = ({ items, stats }: EncodedPartial): boolean => items > 0 || stats.linesProcessed > 0
