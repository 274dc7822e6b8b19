/**
 * The points in time at which a metric query is evaluated. Made by the planner, read by the scans (through their plans), the evaluator and the encoder.
 * Times are exact: nanoseconds as bigint, never per row.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { TimeNs } from '../model.ts'
import { POINTS_MAX } from './limits.ts'

export interface StepGrid {
  readonly startNs: TimeNs
  readonly stepNs: bigint
  /** At least one. Point `k` is at `startNs + k * stepNs`. */
  readonly count: number
}

const NS_PER_MS = 1_000_000n

/** Points at start, start + step … ≤ end; step 0: one point at end. */
export function stepGrid(startNs: TimeNs, endNs: TimeNs, stepNs: bigint): StepGrid {
  if (stepNs <= 0n || endNs <= startNs) return { startNs: stepNs <= 0n ? endNs : startNs, stepNs: 0n, count: 1 }
  const count = (endNs - startNs) / stepNs + 1n
  if (count > BigInt(POINTS_MAX)) {
    throw new SkaldError('query_limit', 'exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter')
  }
  return { startNs, stepNs, count: Number(count) }
}

/** Loki's front end floors the start and raises the end of metric range queries to multiples of the step (whole milliseconds, as its requests carry them). */
export function alignToStep(startNs: TimeNs, endNs: TimeNs, stepNs: bigint): { startNs: TimeNs; endNs: TimeNs } {
  const step = stepNs - (stepNs % NS_PER_MS)
  if (step <= 0n) return { startNs, endNs }
  const start = startNs - positiveRemainder(startNs, step)
  const over = positiveRemainder(endNs, step)
  return { startNs: start, endNs: over === 0n ? endNs : endNs + step - over }
}

const positiveRemainder = (value: bigint, divisor: bigint): bigint => ((value % divisor) + divisor) % divisor

export const pointNs = (grid: StepGrid, k: number): TimeNs => grid.startNs + BigInt(k) * grid.stepNs
