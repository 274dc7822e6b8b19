/**
 * Which segments a log query reads, and when: newest (or oldest) first, until no other can hold an entry of the answer. Used by the querier; metric queries read all of
 * theirs at once.
 */
import type { LogScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'

export type ScanSegment = (segment: SegmentEntry) => Promise<void>

/**
 * `bound` is the time beyond which, by the scans that have ended, no entry can be in the answer. `atOnce` run together; but where every entry counts (no stages) only as many as may be needed: at first
 * one, then twice as many each time, because the rest would be read for nothing.
 */
export async function scanInOrder(plan: LogScanPlan, segments: ReadonlyArray<SegmentEntry>, bound: () => Promise<bigint | null>, scanOne: ScanSegment, atOnce: number): Promise<void> {
  const backward = plan.direction === 'backward'
  const edge = (s: SegmentEntry): bigint => (backward ? -BigInt(s.maxNs) : BigInt(s.minNs))
  const queue = [...segments].sort((a, b) => (edge(a) < edge(b) ? -1 : 1))
  /** The nearest segment that is left; undefined when none can matter: others lie farther away. */
  const next = async (): Promise<SegmentEntry | undefined> => {
    const boundNs = queue.length === 0 ? null : await bound()
    const segment = queue.shift()
    if (segment === undefined || boundNs === null || (backward ? BigInt(segment.maxNs) >= boundNs : BigInt(segment.minNs) <= boundNs)) return segment
    queue.length = 0
    return undefined
  }
  const lane = async (): Promise<void> => {
    for (let segment = await next(); segment !== undefined; segment = await next()) await scanOne(segment)
  }
  for (let together = plan.stages.length === 0 ? 1 : atOnce; together < atOnce; together *= 2) {
    const segment = await next()
    if (segment === undefined) return
    await Promise.all([segment, ...queue.splice(0, together - 1)].map(scanOne))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
