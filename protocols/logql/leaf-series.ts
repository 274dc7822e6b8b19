/** The points of a leaf: a scan's merged partial read out window by window. Used by the evaluator. */
import type { Labels } from '../model.ts'
import type { Matcher } from './ast.ts'
import { compareLabels } from '../label-order.ts'
import { metricStates } from './metric-states.ts'
import { failureError } from './pipeline-failure.ts'
import type { Series } from './query-data.ts'
import type { SeriesBuilder } from './series-builder.ts'
import type { MetricPartial, MetricScanPlan } from './scan.ts'

/** Read out between two chances for others to have the thread. */
const SERIES_A_STEP = 16

/** In order of labels, so that ties further up are decided the same way each time. */
export function* leafSeries(plan: MetricScanPlan, partial: MetricPartial, builder: SeriesBuilder): Generator<undefined, Series[], undefined> {
  if (partial.failure !== null) throw failureError(partial.failure)
  const { states, slots, context } = metricStates(plan)
  states.absorb(partial.series)
  const found: Series[] = []
  for (let number = 0; number < states.count; number++) {
    if (number % SERIES_A_STEP === 0) yield
    const series = builder.empty(states.labelsOf(number))
    states.readPoints(number, slots, context, series)
    found.push(series)
  }
  return plan.op === 'absent_over_time' ? absent(plan.matchers, found, builder) : found.sort((a, b) => compareLabels(a.labels, b.labels))
}

/** 1 wherever no series has a point. */
function absent(matchers: ReadonlyArray<Matcher>, found: ReadonlyArray<Series>, builder: SeriesBuilder): Series[] {
  const result = builder.full(absentLabels(matchers), 1)
  for (const { present } of found) for (let k = 0; k < present.length; k++) if (present[k] === 1) result.present[k] = 0
  return [result]
}

/** Labels that can only have one value: those with a single matcher, and that an `=`. */
function absentLabels(matchers: ReadonlyArray<Matcher>): Labels {
  const once = matchers.filter(({ name, op, value }) => op === '=' && value !== '' && matchers.filter((other) => other.name === name).length === 1)
  return once.map(({ name, value }) => [name, value] as const).sort(([a], [b]) => (a < b ? -1 : 1))
}
