/**
 * What one query may hold in memory while it runs (rule Q4). Read by the scans and the evaluator; per-tenant limits with Loki's names are in
 * `query-limits.ts`. Never a matter of taste of one caller: these protect the node.
 */

/** Numbers of accumulator state that one scan, or the merge of a query's scans, may hold: 16 M doubles are 128 MB. */
export const STATE_NUMBERS_MAX = 16 * 1024 * 1024
/** Values (series times points) of one evaluated expression: a double and a flag each. */
export const EVALUATED_VALUES_MAX = 16 * 1024 * 1024
/** Points of one answer: 11,000 are allowed to a request, the ends of an aligned one add two. */
export const POINTS_MAX = 11_002
/** Series of a range aggregation that something above it still folds: far more than may be shown, bounded all the same. */
export const INNER_SERIES_MAX = 200_000
/** Entries that a log query with `interval` gathers before it thins them. */
export const INTERVAL_ENTRIES_MAX = 100_000
/** Characters of lines that one log answer may hold, in a scan and in the merge. */
export const ANSWER_CHARS_MAX = 128 * 1024 * 1024
