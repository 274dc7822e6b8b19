/**
 * Runs a metric scan over blocks: each row inside a window updates one accumulator. Plans that only count (nothing but line filters, nothing
 * unwrapped) take `scan-count.ts`, which takes many rows at once, most JSON lines `scan-json.ts`; all others come through the pipeline row by row. Made by `compileScan`; a
 * hot path.
 */
import type { EntryBlock, StreamRun, TimeNs } from '../model.ts'
import { CountedRuns } from './scan-count.ts'
import { DROPPED, type JsonSamples, jsonSamples, UNKNOWN } from './scan-json.ts'
import { earlier, pipelineFailure } from './pipeline-failure.ts'
import { metricStates } from './metric-states.ts'
import type { MetricStates } from './metric-states.ts'
import type { Pipeline, Row, RowSink } from './pipeline.ts'
import type { SampleSource } from './range/range-operator.ts'
import { SeriesByLabels } from './series-by-labels.ts'
import type { MatchesLabels } from './scan-matchers.ts'
import type { MetricPartial, MetricScanPlan, Scan, ScanNeeds, ScanStats } from './scan.ts'
import { blockSlots, firstRowAfter, slotOfTime } from './window-slots.ts'
import type { BlockSlots } from './window-slots.ts'

export function metricScan(plan: MetricScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels): Scan {
  return new MetricScan(plan, needs, pipeline, matches)
}

class MetricScan implements Scan {
  readonly needs: ScanNeeds
  private readonly metric: MetricStates
  private readonly pipeline: Pipeline
  private readonly matches: MatchesLabels
  private readonly counted: CountedRuns | null
  private readonly json: JsonSamples | null
  private readonly sink: WindowSink
  private failure: MetricPartial['failure'] = null

  constructor(plan: MetricScanPlan, needs: ScanNeeds, pipeline: Pipeline, matches: MatchesLabels) {
    this.needs = needs
    this.metric = metricStates(plan)
    this.pipeline = pipeline
    this.matches = matches
    const seriesBy = new SeriesByLabels(pipeline, this.metric.states)
    const countsOnly = plan.stages.every(({ kind }) => kind === 'lineFilter') && this.metric.operator.source !== 'unwrapped'
    this.counted = countsOnly ? new CountedRuns(this.metric, pipeline, seriesBy, plan.stages.length > 0) : null
    this.json = jsonSamples(plan, this.metric, pipeline)
    this.sink = new WindowSink(this.metric, seriesBy)
  }

  add(block: EntryBlock): void {
    const { slots } = this.metric
    const lastNs = this.lastNs(block)
    const window = blockSlots(slots, block.baseNs, block.minNs, lastNs)
    if (window === null) return
    for (const run of block.runs) {
      if (!this.matches(run.labels)) continue
      const [from, to] = window.holdsAll && lastNs === block.maxNs ? [run.from, run.to] : rowsInside(block, run, window)
      if (from >= to) continue
      if (this.counted !== null) this.counted.add(block, run, from, to, window)
      else if (this.json !== null) this.byColumns(this.json, block, run, from, to, window)
      else this.throughPipeline(block, run, from, to, window)
    }
  }

  bound(): TimeNs | null {
    return this.failure === null ? null : BigInt(this.failure.ns)
  }

  partial(): MetricPartial {
    return { kind: 'metric', series: this.metric.states.partial(), stats: this.stats(), failure: this.failure }
  }

  release(): void {
    this.metric.states.release()
  }

  /** Rows that columns leave go through the pipeline, up to one that fails the query. */
  private byColumns(json: JsonSamples, block: EntryBlock, run: StreamRun, from: number, to: number, window: BlockSlots): void {
    for (let row = from; row < to; ) {
      row = json.take(block, run, row, to, window, Number(block.baseNs - this.metric.originNs))
      if (row === to) return
      const end = Math.min(to, row + json.leave)
      this.sink.outcome = DROPPED
      if (!this.throughPipeline(block, run, row, end, window)) return
      json.learn(this.sink.outcome)
      row = end
    }
  }

  /** False: a row failed. */
  private throughPipeline(block: EntryBlock, run: StreamRun, from: number, to: number, window: BlockSlots): boolean {
    this.sink.enter(window, Number(block.baseNs - this.metric.originNs))
    this.pipeline.run(block, run, from, to, false, this.sink)
    const failed = this.sink.failed
    if (failed === null) return true
    this.failure = earlier(this.failure, pipelineFailure(block.baseNs + BigInt(failed.relativeNs), run.labels, failed, this.pipeline))
    this.sink.failed = null
    return false
  }

  /** Once a row has failed the query, only earlier ones can still matter: they would be named instead. */
  private lastNs(block: EntryBlock): TimeNs {
    const failedNs = this.bound()
    return failedNs !== null && failedNs < block.maxNs ? failedNs : block.maxNs
  }

  private stats(): ScanStats {
    const { linesProcessed, bytesProcessed, metadataBytesProcessed, linesPassed } = this.pipeline.stats
    const others = this.counted?.stats ?? this.json?.stats
    return {
      linesProcessed: linesProcessed + (others?.rows ?? 0),
      bytesProcessed: bytesProcessed + (others?.bytes ?? 0),
      metadataBytesProcessed,
      linesPassed: linesPassed + (others?.passed ?? 0),
    }
  }
}

function rowsInside(block: EntryBlock, run: StreamRun, { edges }: BlockSlots): [from: number, to: number] {
  const times = block.relativeNs()
  const from = firstRowAfter(times, run.from, run.to, edges[0]!)
  return [from, firstRowAfter(times, from, run.to, edges[edges.length - 1]!)]
}

export interface FailedRow {
  readonly relativeNs: number
  readonly labelsId: number
  readonly error: string
  readonly details: string
}

/** Takes the pipeline's rows in ascending time; walks the slots along. */
class WindowSink implements RowSink {
  failed: FailedRow | null = null
  /** Of the last row, as `scan-json.ts` counts outcomes. */
  outcome = UNKNOWN
  private readonly states: MetricStates['states']
  private readonly used: Uint8Array
  private readonly seriesBy: SeriesByLabels
  private readonly source: SampleSource
  private edges: Float64Array = new Float64Array(0)
  private firstSlot = 0
  private cursor = 0
  private shiftNs = 0

  constructor(metric: MetricStates, seriesBy: SeriesByLabels) {
    this.states = metric.states
    this.used = metric.slots.used
    this.seriesBy = seriesBy
    this.source = metric.operator.source
  }

  enter(window: BlockSlots, shiftNs: number): void {
    this.edges = window.edges
    this.firstSlot = window.firstSlot
    this.cursor = 0
    this.shiftNs = shiftNs
  }

  row(row: Row): boolean {
    const time = row.relativeNs
    if (time > this.edges[this.cursor + 1]!) this.cursor = slotOfTime(this.edges, this.cursor + 1, time)
    const slot = this.firstSlot + this.cursor
    this.outcome = UNKNOWN
    if (this.used[slot] === 0) return true
    if (row.error !== '') {
      this.failed = { relativeNs: time, labelsId: row.labelsId(), error: row.error, details: row.errorDetails }
      return false
    }
    const sample = this.source === 'row' ? 1 : this.source === 'bytes' ? row.lineBytes() : row.sample
    const series = this.seriesBy.of(row.labelsId())
    this.outcome = series + 1
    this.states.add(series, slot, sample, time + this.shiftNs)
    return true
  }
}
