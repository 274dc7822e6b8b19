/**
 * Counts rows, or the bytes of their lines, many at once: a plan without stages, or with line filters alone, knows a row's series from its stream, its
 * structured metadata and its level. Where those do not matter a run is counted from edge to edge of the windows. Without filters no line is looked at. Used by the
 * metric scan; a hot path.
 */
import type { EntryBlock, LevelColumn, MetadataColumn, StreamRun } from '../model.ts'
import type { MetricStates } from './metric-states.ts'
import type { Pipeline, SelectedRows } from './pipeline.ts'
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
  /** Of `[from, to)` the rows that count; null: all. */
  readonly picked: SelectedRows | null
}

export class CountedRuns {
  /** Of rows that did not go through the pipeline, which counts its own. */
  readonly stats = { rows: 0, bytes: 0, passed: 0 }
  private readonly metric: MetricStates
  private readonly pipeline: Pipeline
  private readonly seriesBy: SeriesByLabels
  private readonly needsBytes: boolean
  private readonly filters: boolean
  private known: { readonly block: EntryBlock; readonly combinations: Combinations | null } | null = null

  constructor(metric: MetricStates, pipeline: Pipeline, seriesBy: SeriesByLabels, filters: boolean) {
    this.metric = metric
    this.pipeline = pipeline
    this.seriesBy = seriesBy
    this.filters = filters
    this.needsBytes = metric.operator.source === 'bytes'
  }

  /** Rows `[from, to)` of the run, all inside the window's edges. */
  add(block: EntryBlock, run: StreamRun, from: number, to: number, window: BlockSlots): void {
    const picked = this.filters ? this.pipeline.select(block, from, to) : null
    if (picked?.count === 0) return
    const part = { block, run, from, to, window, picked: picked === null || picked.all ? null : picked }
    const combinations = this.combinationsIn(block)
    if (combinations === null) this.addWhole(part)
    else if (combinations.count <= COMBINATIONS_MAX) this.addByCombination(part, combinations)
    else this.addByRow(part)
  }

  /** Of the last block asked about: its runs share them. */
  private combinationsIn(block: EntryBlock): Combinations | null {
    if (this.known?.block !== block) {
      const metadata = this.pipeline.needsMetadata ? block.metadata() : null
      const levels = this.pipeline.needsLevels ? block.levels() : null
      this.known = { block, combinations: combinationsOf(metadata, levels) }
    }
    return this.known.combinations
  }

  private addWhole(part: Part): void {
    const rows = part.picked?.rows ?? null
    const series = this.seriesOfRow(part, part.from)
    this.forEachSlot(part, (slot, from, to) => {
      this.addRows(series, slot, to - from, this.needsBytes ? bytesIn(part.block.lengths(), rows, from, to) : 0)
    })
  }

  private addByCombination(part: Part, { codes, count }: Combinations): void {
    const picked = part.picked?.rows ?? null
    const series = new Int32Array(count).fill(-1)
    const rows = new Float64Array(count)
    const bytes = new Float64Array(count)
    const lengths = this.needsBytes ? part.block.lengths() : null
    const seriesOf = (code: number, row: number): number => {
      if (series[code] === -1) series[code] = this.seriesOfRow(part, row)
      return series[code]!
    }
    this.forEachSlot(part, (slot, from, to) => {
      if (count > to - from) {
        this.addEach(part, slot, from, to, (row) => seriesOf(codes[row]!, row))
        return
      }
      for (let i = from; i < to; i++) {
        const row = picked === null ? i : picked[i]!
        const code = codes[row]!
        rows[code]! += 1
        if (lengths !== null) bytes[code]! += lengths[row]!
        if (series[code] === -1) series[code] = this.seriesOfRow(part, row)
      }
      for (let code = 0; code < count; code++) {
        if (rows[code] === 0) continue
        this.addRows(series[code]!, slot, rows[code]!, bytes[code]!)
        rows[code] = bytes[code] = 0
      }
    })
  }

  private addByRow(part: Part): void {
    this.forEachSlot(part, (slot, from, to) => this.addEach(part, slot, from, to, (row) => this.seriesOfRow(part, row)))
  }

  private addEach({ block, picked }: Part, slot: number, from: number, to: number, seriesOf: (row: number) => number): void {
    const lengths = this.needsBytes ? block.lengths() : null
    for (let i = from; i < to; i++) {
      const row = picked === null ? i : picked.rows[i]!
      this.addRows(seriesOf(row), slot, 1, lengths === null ? 0 : lengths[row]!)
    }
  }

  /** The part's rows slot by slot: as places in what was picked, where not all count, else as row numbers. */
  private forEachSlot({ block, window, from, to, picked }: Part, slot: (slot: number, from: number, to: number) => void): void {
    const { edges, firstSlot } = window
    const { used } = this.metric.slots
    if (edges.length === 2) {
      if (used[firstSlot] === 1) slot(firstSlot, picked === null ? from : 0, picked === null ? to : picked.count)
      return
    }
    const times = block.relativeNs()
    let row = from
    let place = 0
    for (let j = 0; row < to; ) {
      j = slotOfTime(edges, j, times[row]!)
      const end = firstRowAfter(times, row, to, edges[j + 1]!)
      const placeFrom = place
      if (picked !== null) place = placeOf(picked, place, end)
      const counts = used[firstSlot + j] === 1
      if (picked === null ? counts && end > row : counts && place > placeFrom) slot(firstSlot + j, picked === null ? row : placeFrom, picked === null ? end : place)
      row = end
    }
  }

  private addRows(series: number, slot: number, rows: number, bytes: number): void {
    if (!this.filters) {
      this.stats.rows += rows
      this.stats.passed += rows
      this.stats.bytes += bytes
    }
    this.metric.states.addMany?.(series, slot, rows, bytes)
  }

  /** The pipeline decides the labels; it is asked once for each combination. */
  private seriesOfRow({ block, run }: Part, row: number): number {
    return this.seriesBy.of(this.pipeline.labelsIdOf(block, run, row))
  }
}

interface Combinations {
  readonly count: number
  /** By row. */
  readonly codes: ArrayLike<number>
}

/** What of the block tells rows of a run apart; null: nothing. */
function combinationsOf(metadata: MetadataColumn | null, levels: LevelColumn | null): Combinations | null {
  if (metadata === null) return levels === null ? null : { count: levels.values.length, codes: levels.codes }
  if (levels === null) return { count: metadata.sets.length, codes: metadata.codes }
  const width = levels.values.length
  const codes = new Uint32Array(metadata.codes.length)
  for (let row = 0; row < codes.length; row++) codes[row] = metadata.codes[row]! * width + levels.codes[row]!
  return { count: metadata.sets.length * width, codes }
}

/** The first place from `place` on whose row is not before `row`. */
function placeOf({ rows, count }: SelectedRows, place: number, row: number): number {
  let at = place
  while (at < count && rows[at]! < row) at++
  return at
}

/** Of rows `[from, to)`, or of those at these places of `rows`. */
function bytesIn(lengths: Uint32Array, rows: Uint32Array | null, from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += lengths[rows === null ? i : rows[i]!]!
  return sum
}
