/**
 * `detected_level`: the level of an entry from its labels, its structured metadata, or its line, by Loki's rules and in Loki's order.
 *
 * Called for each row when a block is sealed and when a head is read, so the line's part works on bytes in one pass and makes no string.
 * The rules: `detected_level` itself; a label, then metadata, named as a level field; OTLP's severity number; the line as JSON or logfmt; the
 * earliest level word in the line; else `unknown`.
 */
import type { Labels } from '../model.ts'
import { JsonLevelFinder } from './level-json.ts'
import { LogfmtLevelFinder } from './level-logfmt.ts'
import { LEVEL_NAMES, UNKNOWN, hasEquals, levelCodeOfText, levelCodeOfValue, levelWord } from './level-words.ts'

export interface LevelPolicy {
  /** `log_level_fields`. */
  readonly fields: ReadonlyArray<string>
  /** `log_level_from_json_max_depth`; 0 or less: any depth. */
  readonly jsonDepthMax: number
}

const DETECTED_LEVEL = 'detected_level'
const SEVERITY_NUMBER = 'severity_number'
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** The level of one row. The function keeps what it found for the labels last seen, so it is made once a block, not shared between threads. */
export function makeLevelOf(policy: LevelPolicy): (labels: Labels, metadata: Labels, bytes: Buffer, from: number, to: number) => string {
  const lines = new LineLevels(policy)
  let lastLabels: Labels | null = null
  let ofLabels: string | null = null
  return (labels, metadata, bytes, from, to) => {
    if (labels !== lastLabels || metadata.length > 0) ofLabels = levelOfFields(labels, metadata, policy.fields)
    lastLabels = metadata.length > 0 ? null : labels
    return ofLabels ?? LEVEL_NAMES[lines.codeOf(bytes, from, to)]!
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

/** Levels of lines alone, as codes into `LEVEL_NAMES`. */
export class LineLevels {
  readonly #json: JsonLevelFinder
  readonly #logfmt: LogfmtLevelFinder

  constructor(policy: LevelPolicy) {
    this.#json = new JsonLevelFinder(policy.fields, policy.jsonDepthMax)
    this.#logfmt = new LogfmtLevelFinder(policy.fields)
  }

  /** Hot. The code for `bytes[from..to)`. */
  codeOf(bytes: Buffer, from: number, to: number): number {
    const finder = looksLikeJson(bytes, from, to) ? this.#json : hasEquals(bytes, from, to) ? this.#logfmt : null
    if (finder?.find(bytes, from, to) === true) {
      const code = levelCodeOfValue(bytes, finder.valueFrom, finder.valueTo)
      if (code !== UNKNOWN) return code
    }
    return levelWord(bytes, from, to)
  }
}

function looksLikeJson(bytes: Buffer, from: number, to: number): boolean {
  let first = from
  while (first < to && isSpace(bytes[first]!)) first++
  if (first === to || bytes[first] !== OPEN_BRACE) return false
  let last = to - 1
  while (isSpace(bytes[last]!)) last--
  return bytes[last] === CLOSE_BRACE
}

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
