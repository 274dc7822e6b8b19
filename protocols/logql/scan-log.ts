/**
 * Runs a log scan over blocks: keeps the `limit` entries that come first in the query's direction. Rows that can no longer be among them are passed
 * over by their time alone, and `bound()` tells the caller which blocks need not be fed at all. Made by `compileScan`; a hot path.
 */
import type { EntryBlock, Labels, StreamRun, TimeNs } from '../model.ts'
import { EntryHeap } from './entry-heap.ts'
import { entryIdentity } from './entry-identity.ts'
import type { Pipeline, Row, RowSink } from './pipeline.ts'
import type { MatchesLabels } from './scan-matchers.ts'
import type { LogPartial, LogScanPlan, Scan, ScanNeeds } from './scan.ts'
import { firstRowAfter } from './window-slots.ts'

export function logScan(plan: LogScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels): Scan {
  return new LogScan(plan, needs, pipeline, matches)
}

class LogScan implements Scan, RowSink {
  readonly needs: ScanNeeds
  private readonly pipeline: Pipeline
  private readonly matches: MatchesLabels
  private readonly heap: EntryHeap
  private readonly backward: boolean
  private readonly startNs: TimeNs
  private readonly endNs: TimeNs
  private arrivals = 0
  // the block and run being read
  private block: EntryBlock | null = null
  private stream: Labels = []
  /** The heap's bound in the block's relative time; ±Infinity while there is none. */
  private boundRelative = 0

  constructor(plan: LogScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels) {
    this.needs = needs
    this.pipeline = pipeline
    this.matches = matches
    this.heap = new EntryHeap(plan.limit, plan.direction, plan.memoryBytesMax)
    this.backward = plan.direction === 'backward'
    this.startNs = BigInt(plan.startNs)
    this.endNs = BigInt(plan.endNs)
  }

  add(block: EntryBlock): void {
    if (block.maxNs < this.startNs || block.minNs >= this.endNs || this.isBeyond(block)) return
    this.block = block
    for (const run of block.runs) if (this.matches(run.labels)) this.addRun(block, run)
    this.block = null
  }

  bound(): TimeNs | null {
    return this.heap.bound()
  }

  partial(): LogPartial {
    const held = this.heap.sorted()
    const numbers = new Map<number, number>()
    const streams: Array<LogPartial['streams'][number]> = []
    const entries = held.map(({ ns, line, stream, identity }) => {
      let number = numbers.get(stream)
      if (number === undefined) {
        const { stream: labels, metadata, parsed } = this.pipeline.labelsOf(stream)
        number = streams.push({ stream: labels, metadata, parsed }) - 1
        numbers.set(stream, number)
      }
      return { ns: String(ns), line, stream: number, identity }
    })
    return { kind: 'log', streams, entries, stats: { ...this.pipeline.stats } }
  }

  row(row: Row): boolean {
    if (this.isRefused(row.relativeNs)) return false
    const block = this.block!
    const ns = block.baseNs + BigInt(row.relativeNs)
    const identity = entryIdentity(block, this.stream, row.index)
    if (this.heap.has(ns, identity)) return true
    this.heap.push({ ns, line: row.lineText(), stream: row.labelsId(), identity, arrival: this.arrivals++ })
    this.learnBound(block)
    return true
  }

  private addRun(block: EntryBlock, run: StreamRun): void {
    const times = block.relativeNs()
    this.learnBound(block)
    let from = firstRowAfter(times, run.from, run.to, Number(this.startNs - block.baseNs) - 1)
    let to = firstRowAfter(times, from, run.to, Number(this.endNs - block.baseNs) - 1)
    if (this.backward) from = firstRowAfter(times, from, to, this.boundRelative)
    else to = firstRowAfter(times, from, to, this.boundRelative - 1)
    this.stream = run.labels
    if (from < to) this.pipeline.run(block, run, from, to, this.backward, this)
  }

  /** An entry must beat the bound, not equal it. */
  private isRefused(relativeNs: number): boolean {
    return this.backward ? relativeNs <= this.boundRelative : relativeNs >= this.boundRelative
  }

  private learnBound(block: EntryBlock): void {
    const bound = this.heap.bound()
    this.boundRelative = bound !== null ? Number(bound - block.baseNs) : this.backward ? -Infinity : Infinity
  }

  private isBeyond(block: EntryBlock): boolean {
    const bound = this.heap.bound()
    return bound !== null && (this.backward ? block.maxNs <= bound : block.minNs >= bound)
  }
}
