/**
 * What range aggregations mean, written down as plainly as possible: every window filters every entry. The reference that the engine's operators
 * are compared with; knows no slots, blocks or partial states.
 */
import type { RangeOp } from '../../protocols/logql/ast.ts'
import type { TestEntry } from './blocks.ts'

export interface NaiveWindow {
  readonly op: RangeOp
  readonly parameter: number
  readonly rangeNs: bigint
  readonly offsetNs: bigint
  /** Metadata name that is unwrapped, '' for none. */
  readonly unwrap: string
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length
const variance = (values: ReadonlyArray<number>): number => mean(values.map((v) => (v - mean(values)) ** 2))

/** The value at `pointNs` of one series, null: no sample. */
export function naiveValue(window: NaiveWindow, entries: ReadonlyArray<TestEntry>, pointNs: bigint): number | null {
  const end = pointNs - window.offsetNs
  const inside = entries.filter((e) => e.ns > end - window.rangeNs && e.ns <= end)
  const samples = window.unwrap === '' ? inside : inside.filter((e) => (e.metadata?.[window.unwrap] ?? '') !== '')
  if (samples.length === 0) return null
  const sorted = [...samples].sort((a, b) => (a.ns === b.ns ? valueOf(window, a) - valueOf(window, b) : a.ns < b.ns ? -1 : 1))
  return naiveResult(window, sorted.map((e) => valueOf(window, e)), Number(window.rangeNs) / 1e9, sorted)
}

const valueOf = (window: NaiveWindow, entry: TestEntry): number => Number(entry.metadata?.[window.unwrap] ?? NaN)

function naiveResult(window: NaiveWindow, values: ReadonlyArray<number>, seconds: number, entries: ReadonlyArray<TestEntry>): number {
  const bytes = entries.reduce((sum, e) => sum + Buffer.byteLength(e.line), 0)
  const sum = values.reduce((a, b) => a + b, 0)
  const latest = entries.filter((e) => e.ns === entries.at(-1)!.ns).map((e) => valueOf(window, e))
  switch (window.op) {
    case 'count_over_time': case 'absent_over_time': return entries.length
    case 'rate': return (window.unwrap === '' ? entries.length : sum) / seconds
    case 'bytes_over_time': return bytes
    case 'bytes_rate': return bytes / seconds
    case 'sum_over_time': return sum
    case 'avg_over_time': return mean(values)
    case 'min_over_time': return Math.min(...values)
    case 'max_over_time': return Math.max(...values)
    case 'stdvar_over_time': return variance(values)
    case 'stddev_over_time': return Math.sqrt(variance(values))
    case 'first_over_time': return values[0]!
    case 'last_over_time': return Math.min(...latest)
    case 'quantile_over_time': return naiveQuantile(window.parameter, [...values].sort((a, b) => a - b))
    case 'rate_counter': return naiveCounter(values, entries, seconds)
  }
}

function naiveQuantile(q: number, sorted: ReadonlyArray<number>): number {
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  const rank = q * (sorted.length - 1)
  const below = sorted[Math.floor(rank)]!
  const above = sorted[Math.min(sorted.length - 1, Math.floor(rank) + 1)]!
  return below + (above - below) * (rank - Math.floor(rank))
}

/** Increase a second; Loki's stretch towards the window's start is a few millionths and left out. */
function naiveCounter(values: ReadonlyArray<number>, entries: ReadonlyArray<TestEntry>, seconds: number): number {
  if (entries.length < 2) return 0
  let increase = 0
  for (let i = 1; i < values.length; i++) increase += values[i]! >= values[i - 1]! ? values[i]! - values[i - 1]! : values[i]!
  return increase / seconds
}
