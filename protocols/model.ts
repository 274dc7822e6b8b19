/**
 * The nouns that every folder shares: tenant, labels, time, entries in columns.
 *
 * Pure values; no I/O, no clock. The columns here are the one shape in which entries travel from a decoded push, through the
 * in-memory head of a chunk and a decoded block of a segment, to the query engine: nobody makes an object per line.
 */

/** A tenant id as in `X-Scope-OrgID`, already validated. */
export type TenantId = string & { readonly _: unique symbol }

/** Sorted by name, names unique, no empty values. The stream's identity. */
export type Labels = ReadonlyArray<readonly [name: string, value: string]>

/** Nanoseconds since the Unix epoch. Used per block, batch or request, never per line. */
export type TimeNs = bigint

/** A JetStream stream sequence of one partition's WAL. 0 means "before the first record". */
export type Sequence = number

/**
 * Offsets from a block's base time are kept in doubles, so they are exact only below 2^53 ns (104 days). Whoever builds a batch or
 * block starts a new one before an offset would leave this range.
 */
export const RELATIVE_NS_MAX = 90 * 86_400 * 1e9

/** Lines of a batch or block. Line `i` is `bytes[starts[i] .. starts[i] + lengths[i])`; there may be gaps and foreign bytes between lines. */
export interface LineColumn {
  readonly bytes: Buffer
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
}

/** Structured metadata, dictionary-coded: row `i` has `sets[codes[i]]`. Set 0 is always the empty one. */
export interface MetadataColumn {
  readonly codes: Uint32Array
  readonly sets: ReadonlyArray<Labels>
}

/** `detected_level`, dictionary-coded: row `i` has `values[codes[i]]`. Value 0 is always '' (none). */
export interface LevelColumn {
  readonly codes: Uint16Array
  readonly values: ReadonlyArray<string>
}

/** Rows `[from, to)` of a block belong to one stream and are in ascending time order (equal times keep arrival order), exact duplicates already dropped. */
export interface StreamRun {
  readonly labels: Labels
  readonly from: number
  readonly to: number
}

/**
 * A batch of entries in columns, of one tenant: a decoded block of a segment, or a part of the heads in memory. Columns are decoded when
 * first asked for, so a plan pays only for what it reads.
 */
export interface EntryBlock {
  readonly rowCount: number
  /** Time zero of `relativeNs`. */
  readonly baseNs: TimeNs
  /** Bounds over all rows, both inclusive. */
  readonly minNs: TimeNs
  readonly maxNs: TimeNs
  readonly runs: ReadonlyArray<StreamRun>
  /** Nanoseconds after `baseNs` (may be negative in heads), one a row. */
  relativeNs(): Float64Array
  /** Line lengths in bytes, without decoding the lines. */
  lengths(): Uint32Array
  lines(): LineColumn
  /** null: no row has structured metadata. */
  metadata(): MetadataColumn | null
  /** null: levels are not discovered for this tenant. Derived from labels, metadata and line where it is not stored. */
  levels(): LevelColumn | null
}
