/**
 * The syntax tree of LogQL (Loki 3.7). Plain data: it can be compared, printed (`print.ts`), cloned to a worker and used as a cache key.
 * Made by `parser.ts`, read by `plan.ts`, the operators and the evaluator. Says nothing of how a query runs.
 */

export type MatcherOp = '=' | '!=' | '=~' | '!~'
export interface Matcher { readonly name: string; readonly op: MatcherOp; readonly value: string }

export type LineFilterOp = '|=' | '!=' | '|~' | '!~' | '|>' | '!>'
/** `ip` true: the value is an argument of ip("…"). */
export interface LineFilterTerm { readonly ip: boolean; readonly value: string }
/** One operator with its `or` chain: `|= "a" or "b"`. */
export interface LineFilter { readonly kind: 'lineFilter'; readonly op: LineFilterOp; readonly terms: ReadonlyArray<LineFilterTerm> }

export interface Extraction { readonly name: string; readonly expression: string }
export type NameMatcher = { readonly kind: 'name'; readonly name: string } | { readonly kind: 'matcher'; readonly matcher: Matcher }

export type CompareOp = '==' | '!=' | '>' | '>=' | '<' | '<='
export type LabelFilter =
  | { readonly kind: 'string'; readonly matcher: Matcher }
  | { readonly kind: 'number'; readonly name: string; readonly op: CompareOp; readonly value: number }
  /** ns */
  | { readonly kind: 'duration'; readonly name: string; readonly op: CompareOp; readonly value: number; readonly text: string }
  | { readonly kind: 'bytes'; readonly name: string; readonly op: CompareOp; readonly value: number; readonly text: string }
  | { readonly kind: 'ip'; readonly name: string; readonly op: '=' | '!='; readonly value: string }
  | { readonly kind: 'and' | 'or'; readonly left: LabelFilter; readonly right: LabelFilter }

export type LabelFormat = { readonly name: string; readonly kind: 'rename'; readonly from: string } | { readonly name: string; readonly kind: 'template'; readonly template: string }

export type Stage =
  | LineFilter
  | { readonly kind: 'json'; readonly extractions: ReadonlyArray<Extraction> }
  | { readonly kind: 'logfmt'; readonly strict: boolean; readonly keepEmpty: boolean; readonly extractions: ReadonlyArray<Extraction> }
  | { readonly kind: 'regexp'; readonly pattern: string }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'unpack' }
  | { readonly kind: 'labelFilter'; readonly filter: LabelFilter }
  | { readonly kind: 'lineFormat'; readonly template: string }
  | { readonly kind: 'labelFormat'; readonly formats: ReadonlyArray<LabelFormat> }
  | { readonly kind: 'decolorize' }
  | { readonly kind: 'drop' | 'keep'; readonly names: ReadonlyArray<NameMatcher> }

export interface LogExpr { readonly kind: 'log'; readonly matchers: ReadonlyArray<Matcher>; readonly stages: ReadonlyArray<Stage> }

export interface Grouping { readonly without: boolean; readonly names: ReadonlyArray<string> }

export interface Unwrap {
  readonly name: string
  readonly conversion: 'none' | 'bytes' | 'duration' | 'duration_seconds'
  /** Label filters after the unwrap. */
  readonly filters: ReadonlyArray<LabelFilter>
}

/** rangeNs and offsetNs in nanoseconds (offset may be negative). */
export interface LogRange { readonly log: LogExpr; readonly unwrap: Unwrap | null; readonly rangeNs: number; readonly offsetNs: number }

export type RangeOp =
  | 'rate' | 'rate_counter' | 'count_over_time' | 'bytes_rate' | 'bytes_over_time' | 'absent_over_time'
  | 'sum_over_time' | 'avg_over_time' | 'min_over_time' | 'max_over_time' | 'stddev_over_time' | 'stdvar_over_time'
  | 'quantile_over_time' | 'first_over_time' | 'last_over_time'
export interface RangeAggregation {
  readonly kind: 'range'; readonly op: RangeOp; readonly parameter: number | null; readonly range: LogRange; readonly grouping: Grouping | null
}

export type VectorOp = 'sum' | 'avg' | 'count' | 'min' | 'max' | 'stddev' | 'stdvar' | 'topk' | 'bottomk' | 'sort' | 'sort_desc' | 'approx_topk'
export interface VectorAggregation {
  readonly kind: 'vector'; readonly op: VectorOp; readonly parameter: number | null; readonly grouping: Grouping | null; readonly inner: MetricExpr
}

export type BinaryOp = '+' | '-' | '*' | '/' | '%' | '^' | CompareOp | 'and' | 'or' | 'unless'
export interface VectorMatching {
  /** null: match on all labels. */
  readonly on: boolean | null
  readonly labels: ReadonlyArray<string>
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  readonly include: ReadonlyArray<string>
}
export interface BinaryExpr {
  readonly kind: 'binary'; readonly op: BinaryOp; readonly returnBool: boolean; readonly matching: VectorMatching; readonly left: MetricExpr; readonly right: MetricExpr
}
export interface LiteralExpr { readonly kind: 'literal'; readonly value: number }
/** vector(n) */
export interface VectorExpr { readonly kind: 'constant'; readonly value: number }
export interface LabelReplaceExpr {
  readonly kind: 'labelReplace'; readonly inner: MetricExpr; readonly target: string; readonly replacement: string; readonly source: string; readonly pattern: string
}
export type MetricExpr = RangeAggregation | VectorAggregation | BinaryExpr | LiteralExpr | VectorExpr | LabelReplaceExpr
export type Expr = LogExpr | MetricExpr
