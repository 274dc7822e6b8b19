/**
 * `| unwrap latency`, `| unwrap bytes(size)`, `| unwrap duration(took)`, `| unwrap duration_seconds(took)`, then label filters
 *
 * Makes a label's value the row's sample. Rows without the label, or with an empty one, are passed over; a value that cannot be read is
 * `__error__="SampleExtractionErr"`.
 */
import type { Unwrap } from '../ast.ts'
import { parseBytesText, parseDurationText, parseFloatText, plainDecimal } from '../go-values.ts'
import type { LineState } from '../line-state.ts'
import type { RowStage } from './stage.ts'

const SAMPLE_EXTRACTION_ERROR = 'SampleExtractionErr'

/** `after`: its label filters, compiled. */
export function compileUnwrap({ name, conversion }: Unwrap, after: ReadonlyArray<RowStage>): RowStage {
  const convert = CONVERSIONS[conversion]
  return (state) => {
    if (!extract(state, name, convert)) return false
    for (const filter of after) if (!filter(state)) return false
    return true
  }
}

function extract(state: LineState, name: string, convert: (text: string) => number | string): boolean {
  const at = state.find(name)
  if (at !== -1 && convert === parseFloatText && state.isPlainAt(at)) {
    const start = state.startAt(at)
    const end = state.endAt(at)
    if (start === end) return false
    const quick = plainDecimal(state.bufferAt(at), start, end)
    if (!Number.isNaN(quick)) {
      state.sample = quick
      return true
    }
  }
  const text = state.get(name) ?? ''
  if (text === '') return false
  const value = convert(text)
  state.sample = typeof value === 'number' ? value : 0
  if (typeof value === 'string') state.setError(SAMPLE_EXTRACTION_ERROR, value)
  return true
}

const seconds = (text: string): number | string => {
  const ns = parseDurationText(text)
  return typeof ns === 'number' ? ns / 1e9 : ns
}

const CONVERSIONS: Readonly<Record<Unwrap['conversion'], (text: string) => number | string>> = {
  none: parseFloatText,
  bytes: parseBytesText,
  duration: seconds,
  duration_seconds: seconds,
}
