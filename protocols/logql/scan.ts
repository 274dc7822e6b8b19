/**
 * A scan: the part of a query that runs where the data is. The front end turns every range aggregation (and every log query) of an expression into
 * one `ScanPlan`; a worker compiles it, feeds it blocks, and sends back a `ScanPartial`; the front end merges partials and evaluates the rest.
 *
 * Plans and partials are plain data (bigint as decimal text), so they cross threads and NATS: plans as JSON or in V8's own format, partials, which hold typed arrays, in the latter.
 */
import type { EntryBlock } from '../model.ts'
import type { Grouping, Matcher, RangeOp, Stage, Unwrap } from './ast.ts'

export interface LogScanPlan {
  readonly kind: 'log'
  readonly matchers: ReadonlyArray<Matcher>
  readonly stages: ReadonlyArray<Stage>
  /** `[startNs, endNs)`, decimal text. */
  readonly startNs: string
  readonly endNs: string
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  /** After an entry is kept, the next is at least this far away in the query's direction, over all streams; '0': off. The merge thins, the scan keeps all it may. */
  readonly intervalNs: string
  /** Bytes that the entries held may take; absent: the fixed bound of `limits.ts`. */
  readonly memoryBytesMax?: number
}

export interface MetricScanPlan {
  readonly kind: 'metric'
  readonly matchers: ReadonlyArray<Matcher>
  readonly stages: ReadonlyArray<Stage>
  readonly unwrap: Unwrap | null
  readonly op: RangeOp
  readonly parameter: number | null
  /** Grouping of the range aggregation itself (changes its meaning for avg, quantile …). */
  readonly grouping: Grouping | null
  /**
   * A vector aggregation directly above that can be taken in before series are made: only these labels are kept and equal ones are folded by `op`
   * (sum of count/rate/bytes/sum, min of min, max of max, …). null: none.
   */
  readonly pushed: { readonly op: 'sum' | 'min' | 'max'; readonly grouping: Grouping } | null
  /** Points at start, start+step … ≤ end; step 0: one point at end. Window of a point T is (T-range-offset, T-offset]. */
  readonly startNs: string
  readonly endNs: string
  readonly stepNs: string
  readonly rangeNs: string
  readonly offsetNs: string
  /** Refuse beyond this many series. */
  readonly seriesMax: number
  /** Bytes that accumulators may take; absent: the fixed bound of `limits.ts`. */
  readonly memoryBytesMax?: number
}

/** What shapes lines have, counted by step. */
export interface PatternScanPlan {
  readonly kind: 'patterns'
  readonly matchers: ReadonlyArray<Matcher>
  readonly stages: ReadonlyArray<Stage>
  /** `[startNs, endNs)`, decimal text. */
  readonly startNs: string
  readonly endNs: string
  readonly stepNs: string
}

export type ScanPlan = LogScanPlan | MetricScanPlan | PatternScanPlan

/** Conjunction of disjunctions: a line can pass only if, for each inner list, it contains at least one literal of it. Bytes are the literals' UTF-8. */
export type LiteralFilter = ReadonlyArray<ReadonlyArray<string>>

/** What of a block the scan will touch, and what can be skipped unseen: derived from the plan by `scanNeeds`. */
export interface ScanNeeds {
  /** Literals that the stored line must contain, in either case of their ASCII letters: filters do not tell cases apart. */
  readonly literals: LiteralFilter
  /** Time bounds of entries that can matter, `[minNs, maxNs]` inclusive. */
  readonly minNs: bigint
  readonly maxNs: bigint
  readonly lines: boolean
  readonly metadata: boolean
  readonly levels: boolean
  /** Structured metadata values that a row must have (`| trace_id="…"` before any parser): name -> value. */
  readonly metadataEquals: ReadonlyArray<readonly [string, string]>
}

export interface ScanStats {
  linesProcessed: number
  bytesProcessed: number
  metadataBytesProcessed: number
  linesPassed: number
}

export interface LogPartialEntry {
  readonly ns: string
  readonly line: string
  /** Index into `LogPartial.streams`. */
  readonly stream: number
  /** Equal for exact duplicates (stream, time, metadata and line as stored), whatever the pipeline made of them. */
  readonly identity: string
}

export interface LogPartial {
  readonly kind: 'log'
  /** Distinct label sets: stream labels, structured metadata and parsed labels apart (categorize-labels needs them). Pairs sorted by name. */
  readonly streams: ReadonlyArray<{ readonly stream: ReadonlyArray<readonly [string, string]>; readonly metadata: ReadonlyArray<readonly [string, string]>; readonly parsed: ReadonlyArray<readonly [string, string]> }>
  /** In the plan's direction, at most `limit`. */
  readonly entries: ReadonlyArray<LogPartialEntry>
  readonly stats: ScanStats
}

export interface MetricPartial {
  readonly kind: 'metric'
  /** Per series its labels and an accumulator state whose shape belongs to the operator (`protocols/logql/range/`). */
  readonly series: ReadonlyArray<{ readonly labels: ReadonlyArray<readonly [string, string]>; readonly state: unknown }>
  readonly stats: ScanStats
  /** The earliest row inside a window that still carried `__error__`: the query fails with this message. `stream` decides between equal times. */
  readonly failure: { readonly ns: string; readonly stream: string; readonly message: string } | null
}

export interface PatternPartial {
  readonly kind: 'patterns'
  readonly clusters: ReadonlyArray<{ readonly level: string; readonly tokens: ReadonlyArray<string>; readonly counts: ReadonlyArray<readonly [step: number, count: number]> }>
  readonly stats: ScanStats
}

export type ScanPartial = LogPartial | MetricPartial | PatternPartial

/** A compiled plan, in a worker. Not reentrant. */
export interface Scan {
  readonly needs: ScanNeeds
  /** Runs of streams that the matchers refuse are passed over, so callers may feed whole blocks. Throws SkaldError `query_limit` / `query_failed`. */
  add(block: EntryBlock): void
  /**
   * Log scans: an entry older (backward) or newer (forward) than this can no longer be in the answer; blocks wholly beyond need not be fed. null: no bound yet.
   * Metric scans: null until a row fails the query; then nothing after that row matters.
   */
  bound(): bigint | null
  partial(): ScanPartial
  /** Gives back memory that the partial shows: when that has been serialised. */
  release?(): void
}
