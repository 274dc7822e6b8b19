/**
 * Counts rows, or the bytes of their lines, without looking at a line: a plan without stages knows a row's series from its stream, its structured metadata
 * and its level alone. Where those do not matter a run is counted from edge to edge of the windows. Used by the metric scan; a hot path.
 */
import type { EntryBlock, StreamRun } from '../model.ts'
import type { MetricStates } from './metric-states.ts'
import type { Pipeline, Row, RowSink } from './pipeline.ts'
import type { SeriesByLabels } from './series-by-labels.ts'
import type { BlockSlots } from './window-slots.ts'
import { firstRowAfter, slotOfTime } from './window-slots.ts'

/** Beyond this many combinations of metadata and level in a block, remembering the series of each costs more than asking the pipeline. */
const COMBINATIONS_MAX = 4096

interface Part {
  readonly block: EntryBlock
  readonly run: StreamRun
  readonly from: number
  readonly to: number
  readonly window: BlockSlots
  readonly duplicates: ReadonlySet<number> | null
}

export class CountedRuns {
  readonly stats = { rows: 0, bytes: 0 }
  private readonly metric: MetricStates
  private readonly pipeline: Pipeline
  private readonly seriesBy: SeriesByLabels
  private readonly needsBytes: boolean
  private readonly varies: boolean
  private readonly one = new OneRow()

  constructor(metric: MetricStates, pipeline: Pipeline, seriesBy: SeriesByLabels) {
    this.metric = metric
    this.pipeline = pipeline
    this.seriesBy = seriesBy
    this.needsBytes = metric.operator.source === 'bytes'
    this.varies = pipeline.needsMetadata || pipeline.needsLevels
  }

  /** Rows `[from, to)` of the run, all inside the window's edges. */
  add(block: EntryBlock, run: StreamRun, from: number, to: number, window: BlockSlots, duplicates: ReadonlySet<number> | null): void {
    const part = { block, run, from, to, window, duplicates }
    const combinations = this.varies ? combinationsOf(block) : null
    if (combinations === null) this.addWhole(part)
    else if (combinations.count <= COMBINATIONS_MAX) this.addByCombination(part, combinations)
    else this.addByRow(part)
  }

  private addWhole(part: Part): void {
    const series = this.seriesOfRow(part, part.from)
    this.forEachSlot(part, (slot, from, to) => {
      const rows = to - from - duplicatesIn(part.duplicates, from, to)
      if (rows > 0) this.addRows(series, slot, rows, this.needsBytes ? bytesIn(part, from, to) : 0)
    })
  }

  private addByCombination(part: Part, { codes, count }: Combinations): void {
    const series = new Int32Array(count).fill(-1)
    const rows = new Float64Array(count)
    const bytes = new Float64Array(count)
    const lengths = this.needsBytes ? part.block.lengths() : null
    const touched: number[] = []
    this.forEachSlot(part, (slot, from, to) => {
      for (let row = from; row < to; row++) {
        if (part.duplicates !== null && part.duplicates.has(row)) continue
        const code = codes(row)
        if (rows[code] === 0) {
          touched.push(code)
          if (series[code] === -1) series[code] = this.seriesOfRow(part, row)
        }
        rows[code]! += 1
        if (lengths !== null) bytes[code]! += lengths[row]!
      }
      for (const code of touched) {
        this.addRows(series[code]!, slot, rows[code]!, bytes[code]!)
        rows[code] = bytes[code] = 0
      }
      touched.length = 0
    })
  }

  private addByRow(part: Part): void {
    this.forEachSlot(part, (slot, from, to) => {
      for (let row = from; row < to; row++) {
        if (part.duplicates?.has(row) !== true) this.addRows(this.seriesOfRow(part, row), slot, 1, this.needsBytes ? part.block.lengths()[row]! : 0)
      }
    })
  }

  private forEachSlot({ block, window, from, to }: Part, slot: (slot: number, from: number, to: number) => void): void {
    const times = block.relativeNs()
    const { edges, firstSlot } = window
    let row = from
    for (let j = 0; row < to; ) {
      j = slotOfTime(edges, j, times[row]!)
      const end = firstRowAfter(times, row, to, edges[j + 1]!)
      if (end > row && this.metric.slots.used[firstSlot + j] === 1) slot(firstSlot + j, row, end)
      row = end
    }
  }

  private addRows(series: number, slot: number, rows: number, bytes: number): void {
    this.stats.rows += rows
    this.stats.bytes += bytes
    this.metric.states.addMany?.(series, slot, rows, bytes)
  }

  /** The pipeline decides the labels; it is shown one row of each combination. */
  private seriesOfRow({ block, run }: Part, row: number): number {
    this.pipeline.run(block, run, row, row + 1, false, this.one)
    this.stats.rows--
    return this.seriesBy.of(this.one.labelsId)
  }
}

class OneRow implements RowSink {
  labelsId = 0

  row(row: Row): boolean {
    this.labelsId = row.labelsId()
    return false
  }
}

interface Combinations {
  readonly count: number
  readonly codes: (row: number) => number
}

/** null: all rows of a run are alike. */
function combinationsOf(block: EntryBlock): Combinations | null {
  const metadata = block.metadata()
  const levels = block.levels()
  if (metadata === null && levels === null) return null
  if (metadata === null) return { count: levels!.values.length, codes: (row) => levels!.codes[row]! }
  if (levels === null) return { count: metadata.sets.length, codes: (row) => metadata.codes[row]! }
  const width = levels.values.length
  return { count: metadata.sets.length * width, codes: (row) => metadata.codes[row]! * width + levels.codes[row]! }
}

function duplicatesIn(duplicates: ReadonlySet<number> | null, from: number, to: number): number {
  let count = 0
  if (duplicates !== null) for (const row of duplicates) if (row >= from && row < to) count++
  return count
}

function bytesIn({ block, duplicates }: Part, from: number, to: number): number {
  const lengths = block.lengths()
  let sum = 0
  for (let row = from; row < to; row++) sum += lengths[row]!
  if (duplicates !== null) for (const row of duplicates) if (row >= from && row < to) sum -= lengths[row]!
  return sum
}
