/**
 * `detected_level`: the level of an entry from its labels, its structured metadata, or its line, by Loki's rules and in Loki's order.
 *
 * Called when a block is sealed and when a head is read, for all its rows; the line's part is in `level-lines.ts`.
 * The rules: `detected_level` itself; a label, then metadata, named as a level field; OTLP's severity number; the line as JSON or logfmt; the
 * earliest level word in the line; else `unknown`.
 */
import type { Labels, LevelColumn, LineColumn, MetadataColumn, StreamRun } from '../model.ts'
import { LineLevels } from './level-lines.ts'
import { LEVEL_NAMES, UNKNOWN, levelCodeOfText } from './level-words.ts'

export interface LevelPolicy {
  /** `log_level_fields`. */
  readonly fields: ReadonlyArray<string>
  /** `log_level_from_json_max_depth`; 0 or less: any depth. */
  readonly jsonDepthMax: number
}

const DETECTED_LEVEL = 'detected_level'
const SEVERITY_NUMBER = 'severity_number'

/** Rows whose levels are wanted: runs ascend and lie one behind the other. */
export interface LevelRows {
  readonly runs: ReadonlyArray<StreamRun>
  readonly metadata: MetadataColumn | null
  readonly lines: LineColumn
}

export type LevelsOf = (rows: LevelRows) => LevelColumn

/** The levels of many rows, values in order of first appearance. One a thread and tenant. */
export function makeLevelsOf(policy: LevelPolicy): LevelsOf {
  const lines = new LineLevels(policy)
  return (rows) => {
    const column = new LevelCodes(rows.lines.lengths.length)
    for (const run of rows.runs) addRun(run, rows, policy, lines, column)
    return column
  }
}

/** Rows that the same says the level of are taken together: a whole run without metadata of its own. */
function addRun(run: StreamRun, { metadata, lines }: LevelRows, { fields }: LevelPolicy, lineLevels: LineLevels, column: LevelCodes): void {
  const codes = metadata?.codes ?? null
  const levelOfSet = (set: number): string | null => levelOfFields(run.labels, metadata === null ? [] : metadata.sets[set]!, fields)
  for (let from = run.from; from < run.to; ) {
    const set = codes === null ? 0 : codes[from]!
    const level = levelOfSet(set)
    let to = codes === null ? run.to : from + 1
    for (let last = set; codes !== null && to < run.to && (codes[to] === last || levelOfSet(codes[to]!) === level); to++) last = codes[to]!
    if (level === null) {
      lineLevels.codesOf(lines, from, to, column.codes)
      column.name(from, to)
    } else column.codes.fill(column.codeOf(level), from, to)
    from = to
  }
}

/** A level column under way. */
class LevelCodes implements LevelColumn {
  readonly codes: Uint16Array
  readonly values = ['']
  readonly #known = new Map<string, number>([['', 0]])

  constructor(rowCount: number) {
    this.codes = new Uint16Array(rowCount)
  }

  codeOf(level: string): number {
    const known = this.#known.get(level)
    if (known !== undefined) return known
    this.#known.set(level, this.values.length)
    return this.values.push(level) - 1
  }

  /** Rows `[from, to)` have codes into LEVEL_NAMES; they get those of the column. */
  name(from: number, to: number): void {
    const own = new Int32Array(LEVEL_NAMES.length).fill(-1)
    for (let row = from; row < to; row++) {
      const code = this.codes[row]!
      if (own[code] === -1) own[code] = this.codeOf(LEVEL_NAMES[code]!)
      this.codes[row] = own[code]!
    }
  }
}

/** What labels and metadata say; null when only the line can tell. An unknown level is kept as it is written. */
export function levelOfFields(labels: Labels, metadata: Labels, fields: ReadonlyArray<string>): string | null {
  const given = valueOf(labels, DETECTED_LEVEL) ?? valueOf(metadata, DETECTED_LEVEL) ?? firstOf(labels, fields) ?? firstOf(metadata, fields)
  if (given !== undefined) return normaliseLevel(given)
  const severity = valueOf(metadata, SEVERITY_NUMBER)
  return severity === undefined ? null : levelOfSeverity(severity)
}

/** `WARNING` is `warn`; what is no known level stays. */
export function normaliseLevel(level: string): string {
  const code = levelCodeOfText(level)
  return code === UNKNOWN ? level : LEVEL_NAMES[code]!
}

/** OTLP's severity number as it stands in metadata. */
function levelOfSeverity(severity: string): string {
  if (!/^[+-]?\d+$/.test(severity)) return 'info'
  const number = Number(severity)
  if (number < 1 || number > 24) return 'unknown'
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal'][Math.floor((number - 1) / 4)]!
}

const valueOf = (labels: Labels, wanted: string): string | undefined => {
  for (const [name, value] of labels) if (name === wanted) return value
  return undefined
}

function firstOf(labels: Labels, fields: ReadonlyArray<string>): string | undefined {
  for (const field of fields) {
    const value = valueOf(labels, field)
    if (value !== undefined) return value
  }
  return undefined
}
