/**
 * Which segments a log query reads, and when: newest (or oldest) first, until no other can hold an entry of the answer. Used by the querier; metric queries read all of
 * theirs at once.
 */
import type { LogScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import { type Narrow, NARROWED_TOGETHER } from './segment-narrowing.ts'

export interface ScanInOrder {
  /** The time beyond which, by the scans that have ended, no entry can be in the answer. */
  readonly bound: () => Promise<bigint | null>
  readonly narrow: Narrow
  readonly scanOne: (segment: SegmentEntry) => Promise<void>
  /** So many run together; but where every entry counts (no stages) only as many as may be needed: at first one, then twice as many each time, because the rest would be read for nothing. */
  readonly atOnce: number
}

export async function scanInOrder(plan: LogScanPlan, segments: ReadonlyArray<SegmentEntry>, { bound, narrow, scanOne, atOnce }: ScanInOrder): Promise<void> {
  const nearest = new NearestFirst(plan, segments, bound, narrow)
  const lane = async (): Promise<void> => {
    for (let segment = await nearest.next(); segment !== undefined; segment = await nearest.next()) await scanOne(segment)
  }
  for (let together = plan.stages.length === 0 ? 1 : atOnce; together < atOnce; together *= 2) {
    const segment = await nearest.next()
    if (segment === undefined) return
    await Promise.all([segment, ...nearest.more(together - 1)].map(scanOne))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

class NearestFirst {
  readonly #backward: boolean
  readonly #bound: ScanInOrder['bound']
  readonly #narrow: Narrow
  /** Not narrowed yet. */
  readonly #queue: SegmentEntry[]
  readonly #ready: SegmentEntry[] = []
  #narrowing: Promise<void> | null = null

  constructor({ direction }: LogScanPlan, segments: ReadonlyArray<SegmentEntry>, bound: ScanInOrder['bound'], narrow: Narrow) {
    this.#backward = direction === 'backward'
    const edge = (s: SegmentEntry): bigint => (this.#backward ? -BigInt(s.maxNs) : BigInt(s.minNs))
    this.#queue = [...segments].sort((a, b) => (edge(a) < edge(b) ? -1 : 1))
    this.#bound = bound
    this.#narrow = narrow
  }

  /** The nearest segment that is left; undefined when none can matter: others lie farther away. */
  async next(): Promise<SegmentEntry | undefined> {
    for (;;) {
      if (this.#narrowing !== null) await this.#narrowing
      const boundNs = this.#nearest() === undefined ? null : await this.#bound()
      const segment = this.#nearest()
      if (segment !== undefined && this.#isBeyond(segment, boundNs)) this.#ready.length = this.#queue.length = 0
      else if (this.#ready.length > 0) return this.#ready.shift()
      else if (segment !== undefined) this.#narrowing ??= this.#narrowMore()
      if (this.#nearest() === undefined && this.#narrowing === null) return undefined
    }
  }

  /** The next ones that are at hand, whatever was found. */
  more(count: number): SegmentEntry[] {
    return this.#ready.splice(0, count)
  }

  #nearest(): SegmentEntry | undefined {
    return this.#ready[0] ?? this.#queue[0]
  }

  #isBeyond(segment: SegmentEntry, boundNs: bigint | null): boolean {
    return boundNs !== null && (this.#backward ? BigInt(segment.maxNs) < boundNs : BigInt(segment.minNs) > boundNs)
  }

  async #narrowMore(): Promise<void> {
    try {
      this.#ready.push(...(await this.#narrow(this.#queue.splice(0, NARROWED_TOGETHER))))
    } finally {
      this.#narrowing = null
    }
  }
}
