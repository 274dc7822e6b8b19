/** What a query comes to, before it is written as JSON: made by the evaluator, read by the encoder, the rulers and the page. */
import type { Labels, TimeNs } from '../model.ts'
import type { StepGrid } from './step-grid.ts'

/** One value a point; `present[k]` 0: nothing there (NaN is a value). */
export interface Series {
  readonly labels: Labels
  readonly values: Float64Array
  readonly present: Uint8Array
}

export interface LogEntryData {
  readonly ns: string
  readonly line: string
  /** Index into `StreamsData.streams`. */
  readonly stream: number
}

export interface StreamsData {
  readonly kind: 'streams'
  readonly streams: ReadonlyArray<{ readonly stream: Labels; readonly metadata: Labels; readonly parsed: Labels }>
  /** In the query's direction. */
  readonly entries: ReadonlyArray<LogEntryData>
}

export interface MatrixData {
  readonly kind: 'matrix'
  readonly grid: StepGrid
  readonly series: ReadonlyArray<Series>
}

export interface VectorData {
  readonly kind: 'vector'
  readonly ns: TimeNs
  /** In the order they are shown. */
  readonly samples: ReadonlyArray<{ readonly labels: Labels; readonly value: number }>
}

export interface ScalarData {
  readonly kind: 'scalar'
  readonly ns: TimeNs
  readonly value: number
}

export type QueryData = StreamsData | MatrixData | VectorData | ScalarData
