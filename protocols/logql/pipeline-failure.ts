/** The 400 that a metric query gives when a row that still carries `__error__` falls into a window, in Loki's words. Used by the metric scan and the merge. */
import { SkaldError } from '../../runtime/errors.ts'
import type { Labels, TimeNs } from '../model.ts'
import { labelText, withLabel } from './label-set.ts'
import type { Pipeline } from './pipeline.ts'
import type { MetricPartial } from './scan.ts'
import type { FailedRow } from './scan-metric.ts'

type Failure = MetricPartial['failure']

export function pipelineFailure(ns: TimeNs, stream: Labels, row: FailedRow, pipeline: Pipeline): Failure {
  const labels = withLabel(withLabel(pipeline.labelsOf(row.labelsId).merged, '__error__', row.error), '__error_details__', row.details)
  const { error } = row
  const message =
    `pipeline error: '${error}' for series: '${labelText(labels)}'.\n` +
    `Use a label filter to intentionally skip this error. (e.g | __error__!="${error}").\n` +
    'To skip all potential errors you can match empty errors.(e.g __error__="")\n' +
    'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
  return { ns: String(ns), stream: labelText(stream), message }
}

/** Of two failures the earlier; of equal times the one whose stream sorts first, so that no split of the rows shows. */
export function earlier(a: Failure, b: Failure): Failure {
  if (a === null || b === null) return a ?? b
  const difference = BigInt(a.ns) - BigInt(b.ns)
  if (difference !== 0n) return difference < 0n ? a : b
  if (a.stream !== b.stream) return a.stream < b.stream ? a : b
  return a.message <= b.message ? a : b
}

export const failureError = (failure: NonNullable<Failure>): SkaldError => new SkaldError('query_failed', failure.message)
