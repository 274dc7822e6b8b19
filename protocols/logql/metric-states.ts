/** The accumulators, slots and context that a metric scan's plan asks for: the same in every worker that runs it and in the merge. */
import type { TimeNs } from '../model.ts'
import { FoldingStates } from './folding-states.ts'
import { KeepingStates } from './keeping-states.ts'
import { rangeOperator } from './range/range-operators.ts'
import type { RangeOperator, ResultContext } from './range/range-operator.ts'
import type { MetricScanPlan } from './scan.ts'
import { stepGrid } from './step-grid.ts'
import type { StepGrid } from './step-grid.ts'
import { windowSlots } from './window-slots.ts'
import type { WindowSlots } from './window-slots.ts'
import type { WindowStates } from './window-states.ts'

export interface MetricStates {
  readonly operator: RangeOperator
  readonly grid: StepGrid
  readonly slots: WindowSlots
  readonly states: WindowStates
  readonly context: ResultContext
  /** What the times of samples count from. */
  readonly originNs: TimeNs
}

export function metricStates(plan: MetricScanPlan): MetricStates {
  const operator = rangeOperator(plan.op, plan.unwrap !== null)
  const grid = stepGrid(BigInt(plan.startNs), BigInt(plan.endNs), BigInt(plan.stepNs))
  const rangeNs = BigInt(plan.rangeNs)
  const slots = windowSlots(grid, rangeNs, BigInt(plan.offsetNs))
  const { seriesMax, memoryBytesMax } = plan
  const states = operator.kind === 'folding' ? new FoldingStates(operator, slots.slotCount, seriesMax, memoryBytesMax) : new KeepingStates(operator, seriesMax, memoryBytesMax)
  const context = { rangeSeconds: Number(rangeNs) / 1e9, rangeMs: Number(rangeNs / 1_000_000n), parameter: plan.parameter ?? NaN }
  return { operator, grid, slots, states, context, originNs: grid.startNs }
}
