/**
 * Runs a pattern scan over blocks: what shapes the lines have, counted by step and level. Made by `compileScan`. Bounded in clusters, and in lines: beyond
 * `LINES_EXACT` only every so many rows of a run are looked at and counted for the ones between.
 */
import type { EntryBlock, StreamRun, TimeNs } from '../model.ts'
import { Drain } from '../patterns/drain.ts'
import { tokensOf } from '../patterns/tokens.ts'
import { DETECTED_LEVEL } from './line-state.ts'
import type { Pipeline, Row, RowSink } from './pipeline.ts'
import type { MatchesLabels } from './scan-matchers.ts'
import type { PatternPartial, PatternScanPlan, Scan, ScanNeeds } from './scan.ts'
import { firstRowAfter } from './window-slots.ts'

/** Clusters of one scan, and of the merge. */
export const CLUSTERS_MAX = 1_000
/** Lines of one scan that are all looked at. */
const LINES_EXACT = 200_000
/** Of later ones, rows in a row that are looked at, and what part of all they are. */
const SAMPLE_ROWS = 64
const SAMPLE_EVERY = 16

export function patternScan(plan: PatternScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels): Scan {
  return new PatternScan(plan, needs, pipeline, matches)
}

class PatternScan implements Scan, RowSink {
  readonly needs: ScanNeeds
  private readonly pipeline: Pipeline
  private readonly matches: MatchesLabels
  private readonly drain = new Drain(CLUSTERS_MAX)
  private readonly startNs: TimeNs
  private readonly endNs: TimeNs
  private readonly stepNs: number
  private startRelative = 0
  private weight = 1
  private lines = 0

  constructor(plan: PatternScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels) {
    this.needs = needs
    this.pipeline = pipeline
    this.matches = matches
    this.startNs = BigInt(plan.startNs)
    this.endNs = BigInt(plan.endNs)
    this.stepNs = Number(plan.stepNs)
  }

  add(block: EntryBlock): void {
    if (block.maxNs < this.startNs || block.minNs >= this.endNs) return
    this.startRelative = Number(this.startNs - block.baseNs)
    for (const run of block.runs) if (this.matches(run.labels)) this.addRun(block, run)
  }

  row(row: Row): boolean {
    this.lines++
    const step = Math.floor((row.relativeNs - this.startRelative) / this.stepNs)
    this.drain.add(tokensOf(row.lineText()), row.label(DETECTED_LEVEL), step, this.weight)
    return true
  }

  bound(): null {
    return null
  }

  partial(): PatternPartial {
    const clusters = this.drain.clusters().map(({ level, tokens, counts }) => ({ level, tokens, counts: [...counts] }))
    return { kind: 'patterns', clusters, stats: { ...this.pipeline.stats } }
  }

  private addRun(block: EntryBlock, run: StreamRun): void {
    const times = block.relativeNs()
    const from = firstRowAfter(times, run.from, run.to, this.startRelative - 1)
    const to = firstRowAfter(times, from, run.to, Number(this.endNs - block.baseNs) - 1)
    const stride = SAMPLE_ROWS * SAMPLE_EVERY
    if (this.lines < LINES_EXACT || to - from < stride) {
      this.weight = 1
      this.pipeline.run(block, run, from, to, false, this)
      return
    }
    this.weight = SAMPLE_EVERY
    for (let at = from; at < to; at += stride) this.pipeline.run(block, run, at, Math.min(at + SAMPLE_ROWS, to), false, this)
  }
}
