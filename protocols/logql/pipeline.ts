/**
 * The contract between the log pipeline (stages over rows) and what consumes it (log results, range aggregations).
 * `compilePipeline` in `pipeline-compile.ts` builds one from stages; operators live in `stages/`, one a file.
 */
import type { EntryBlock, Labels, StreamRun } from '../model.ts'
import type { Stage, Unwrap } from './ast.ts'
import type { NameTable } from './name-table.ts'

/**
 * The row a sink is being shown: one cursor object, reused, valid only during the call. Bytes first: strings are made only when asked for.
 */
export interface Row {
  readonly index: number
  /** Nanoseconds after the block's base. */
  readonly relativeNs: number
  /** The line's length in bytes as it is now (after line_format, unpack, decolorize). */
  lineBytes(): number
  /** The line as it is now. */
  lineText(): string
  /** The value of a label by Loki's look-up order (parsed, structured metadata, stream), '' when absent. */
  label(name: string): string
  /** The unwrapped sample when the pipeline was compiled with an unwrap; NaN never means "absent": absent rows are not shown. */
  readonly sample: number
  /** `__error__`, or ''. */
  readonly error: string
  readonly errorDetails: string
  /**
   * A small integer that is equal for rows whose `labels()` are equal, within one Pipeline and its `labelMode`; so a sink keeps an array from it to its series.
   * A row that failed (`error`) has the id of its whole label set, error included, whatever the mode: the message has to name it.
   */
  labelsId(): number
}

export interface RowSink {
  /** Return false to stop. */
  row(row: Row): boolean
}

/** Which labels decide `labelsId`. `grouped`: only these (parsers extract only what is needed); `all`: everything, as a log query shows it. */
export type LabelMode =
  | { readonly kind: 'all' }
  | { readonly kind: 'by'; readonly names: ReadonlyArray<string> }
  | { readonly kind: 'without'; readonly names: ReadonlyArray<string> }

export interface ResolvedLabels {
  readonly stream: Labels
  readonly metadata: Labels
  readonly parsed: Labels
  /** All three merged, sorted, as a default answer shows them. */
  readonly merged: Labels
}

/** Rows of a range, ascending. */
export interface SelectedRows {
  /** All of the range: `rows` is not filled. */
  readonly all: boolean
  readonly count: number
  /** The first `count` are they. */
  readonly rows: Uint32Array
}

export interface Pipeline {
  readonly needsLines: boolean
  readonly needsMetadata: boolean
  readonly needsLevels: boolean
  /**
   * Rows `[from, to)` of the run in ascending order, or descending when `reverse`; whole-block line filters are applied first where that is faster.
   */
  run(block: EntryBlock, run: StreamRun, from: number, to: number, reverse: boolean, sink: RowSink): void
  /**
   * Of rows `[from, to)` those that the line filters pass, all at once: for plans whose stages are line filters alone. Valid until the next call.
   */
  select(block: EntryBlock, from: number, to: number): SelectedRows
  /** The id of a row's labels as the stages before anything else find them, without its line: for plans without stages, or with line filters alone. */
  labelsIdOf(block: EntryBlock, run: StreamRun, row: number): number
  /** The labels behind an id that `Row.labelsId` gave. */
  labelsOf(id: number): ResolvedLabels
  /** The keys of JSON lines as its first stage learns them; null: that is not a json operator for all fields. */
  readonly jsonNames: NameTable | null
  /** Rows looked at and passed so far, and bytes of their lines. */
  readonly stats: { linesProcessed: number; bytesProcessed: number; metadataBytesProcessed: number; linesPassed: number }
}

export interface PipelineOptions {
  readonly stages: ReadonlyArray<Stage>
  readonly unwrap: Unwrap | null
  readonly labelMode: LabelMode
  /** What `now` gives in templates, Unix ms. */
  readonly nowMs: number
}
