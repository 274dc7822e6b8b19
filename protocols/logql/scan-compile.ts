/** Makes a plan runnable: pipeline, matchers, and the log or metric scan. Called in workers (segments) and at partitions' owners (heads). */
import { compileMatchers } from './matchers.ts'
import { compilePipeline } from './pipeline-compile.ts'
import { labelModeOf } from './label-mode.ts'
import { logScan } from './scan-log.ts'
import { rememberMatches } from './scan-matchers.ts'
import { metricScan } from './scan-metric.ts'
import { patternScan } from './scan-patterns.ts'
import { mayFail, scanNeeds } from './scan-needs.ts'
import type { Scan, ScanNeeds, ScanPlan } from './scan.ts'

/** `nowMs`: what `now` gives in templates. Throws `query_parse` for a bad expression inside the plan. */
export function compileScan(plan: ScanPlan, { nowMs }: { readonly nowMs: number }): Scan {
  const unwrap = plan.kind === 'metric' ? plan.unwrap : null
  const pipeline = compilePipeline({ stages: plan.stages, unwrap, labelMode: labelModeOf(plan), nowMs })
  const matches = rememberMatches(compileMatchers(plan.matchers))
  const needs: ScanNeeds = {
    ...scanNeeds(plan),
    lines: plan.kind !== 'metric' || pipeline.needsLines,
    metadata: pipeline.needsMetadata || mayFail(plan),
    levels: pipeline.needsLevels || mayFail(plan),
  }
  switch (plan.kind) {
    case 'log':
      return logScan(plan, needs, pipeline, matches)
    case 'metric':
      return metricScan(plan, needs, pipeline, matches)
    case 'patterns':
      return patternScan(plan, needs, pipeline, matches)
  }
}
