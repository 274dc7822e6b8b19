/**
 * `| pattern "<ip> - <_> \"<method> <_>\" <status> <rest>"`
 *
 * Captures between literals become labels. A literal at the front must begin the line; when a later one is missing, the capture before it takes the rest
 * of the line and the parser stops there.
 */
import { indexOfBytes, startsWithBytes } from '../byte-search.ts'
import type { Hints } from '../hints.ts'
import { decodeUtf8, DUPLICATE_SUFFIX, type LineState } from '../line-state.ts'
import { patternError, patternParts } from '../pattern-syntax.ts'
import { type RowStage, StageError } from './stage.ts'

interface Capture {
  readonly name: string | null
  /** What ends it; null: the end of the line. */
  readonly until: Buffer | null
}

export function compilePattern(text: string, hints: Hints): RowStage {
  const fault = patternError(text)
  if (fault !== null) throw new StageError(fault)
  const parts = patternParts(text)
  const head = parts[0]!.kind === 'literal' ? Buffer.from(parts[0]!.text) : null
  const captures = parts.flatMap((part, i): Capture[] => {
    if (part.kind !== 'capture') return []
    const next = parts[i + 1]
    return [{ name: part.text === '' ? null : part.text, until: next?.kind === 'literal' ? Buffer.from(next.text) : null }]
  })
  return (state) => {
    if (!hints.noLabels && !state.hasAllRequired() && state.start < state.end) capture(state, head, captures, hints)
    return true
  }
}

function capture(state: LineState, head: Buffer | null, captures: ReadonlyArray<Capture>, hints: Hints): void {
  const { buffer, end } = state
  let at = state.start
  if (head !== null) {
    if (!startsWithBytes(buffer, head, at, end)) return
    at += head.length
  }
  for (const { name, until } of captures) {
    const stop = until === null ? -1 : indexOfBytes(buffer, until, at, end)
    if (name !== null) setCapture(state, name, at, stop === -1 ? end : stop, hints)
    if (stop === -1) return
    at = stop + until!.length
  }
}

/** Also the regexp parser's way of setting what it captured. */
function setCapture(state: LineState, name: string, start: number, end: number, hints: Hints): void {
  const shown = state.hasBase(name) ? name + DUPLICATE_SUFFIX : name
  if (hints.required === null || hints.required.has(shown)) state.setBytes(shown, state.buffer, start, end, decodeUtf8)
}
