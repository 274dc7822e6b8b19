/**
 * `|> "<_> level=error <_>"`, `!> "…"`
 *
 * The whole line must have the shape: literals in order, each `<_>` at least one byte, first and last literal at the line's ends.
 */
import { indexOfBytes } from '../byte-search.ts'
import { patternFilterError, patternParts } from '../pattern-syntax.ts'
import { StageError } from './stage.ts'

export type LineTest = (bytes: Buffer, start: number, end: number) => boolean

export interface PatternFilter {
  readonly test: LineTest
  /** The longest literal that a matching line must contain, '' when there is none. */
  readonly literal: string
}

export function compilePatternFilter(text: string): PatternFilter {
  const fault = patternFilterError(text)
  if (fault !== null) throw new StageError(fault)
  const parts = patternParts(text)
  const literals = parts.map((part) => (part.kind === 'literal' ? Buffer.from(part.text) : null))
  const endsInCapture = parts.at(-1)?.kind === 'capture'
  const longest = parts.reduce((best, part) => (part.kind === 'literal' && part.text.length > best.length ? part.text : best), '')
  const test: LineTest = (bytes, start, end) => {
    if (start === end || literals.length === 0) return start === end && literals.length === 0
    let at = start
    for (let i = 0; i < literals.length; i++) {
      const literal = literals[i]!
      if (literal === null) continue
      const found = indexOfBytes(bytes, literal, at, end)
      if (found === -1 || (i === 0 ? found !== start : found === at)) return false
      at = found + literal.length
    }
    return endsInCapture === at < end
  }
  return { test, literal: longest }
}
