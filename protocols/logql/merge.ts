/**
 * Joins partial answers of one plan into one: of workers, partitions, cached segments, in any order and grouping. Called by queriers and the front end;
 * the result is again a partial, so it can be merged further.
 */
import { Drain } from '../patterns/drain.ts'
import { EntryHeap } from './entry-heap.ts'
import { labelKey } from './label-set.ts'
import { metricStates } from './metric-states.ts'
import { earlier } from './pipeline-failure.ts'
import { CLUSTERS_MAX } from './scan-patterns.ts'
import type { LogPartial, LogScanPlan, MetricPartial, MetricScanPlan, PatternPartial, ScanPartial, ScanPlan, ScanStats } from './scan.ts'

export function mergePartials(plan: ScanPlan, partials: ReadonlyArray<ScanPartial>): ScanPartial {
  const steps = mergeSteps(plan, partials)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same in steps, one a partial, so that others may have the thread in between. */
export function* mergeSteps(plan: ScanPlan, partials: ReadonlyArray<ScanPartial>): Generator<undefined, ScanPartial, undefined> {
  if (partials.length === 1) return partials[0]!
  switch (plan.kind) {
    case 'log':
      return yield* mergeLogs(plan, partials.filter((partial) => partial.kind === 'log'))
    case 'metric':
      return yield* mergeMetrics(plan, partials.filter((partial) => partial.kind === 'metric'))
    case 'patterns':
      return mergePatterns(partials.filter((partial) => partial.kind === 'patterns'))
  }
}

function* mergeLogs(plan: LogScanPlan, partials: ReadonlyArray<LogPartial>): Generator<undefined, LogPartial, undefined> {
  const heap = new EntryHeap(plan.limit, plan.direction, plan.memoryBytesMax)
  const streams: Array<LogPartial['streams'][number]> = []
  const numbers = new Map<string, number>()
  let arrival = 0
  for (const partial of partials) {
    yield
    const numberOf = partial.streams.map((stream) => internStream(stream, streams, numbers))
    for (const { ns, line, stream, identity } of partial.entries) {
      const time = BigInt(ns)
      const bound = heap.bound()
      if (bound !== null && (plan.direction === 'backward' ? time <= bound : time >= bound)) break
      if (!heap.has(time, identity)) heap.push({ ns: time, line, stream: numberOf[stream]!, identity, arrival: arrival++ })
    }
  }
  const entries = heap.sorted().map(({ ns, line, stream, identity }) => ({ ns: String(ns), line, stream, identity }))
  return { kind: 'log', streams, entries, stats: sumStats(partials) }
}

function internStream(stream: LogPartial['streams'][number], streams: Array<LogPartial['streams'][number]>, numbers: Map<string, number>): number {
  const key = labelKey(stream.stream) + labelKey(stream.metadata) + labelKey(stream.parsed)
  let number = numbers.get(key)
  if (number === undefined) {
    number = streams.push(stream) - 1
    numbers.set(key, number)
  }
  return number
}

function* mergeMetrics(plan: MetricScanPlan, partials: ReadonlyArray<MetricPartial>): Generator<undefined, MetricPartial, undefined> {
  const { states } = metricStates(plan)
  for (const partial of partials) {
    yield
    states.absorb(partial.series)
  }
  return {
    kind: 'metric',
    series: states.partial(),
    stats: sumStats(partials),
    failure: partials.reduce<MetricPartial['failure']>((failure, partial) => earlier(failure, partial.failure), null),
  }
}

function mergePatterns(partials: ReadonlyArray<PatternPartial>): PatternPartial {
  const drain = new Drain(CLUSTERS_MAX)
  for (const { clusters } of partials) for (const cluster of clusters) drain.absorb(cluster)
  return { kind: 'patterns', clusters: drain.clusters().map(({ level, tokens, counts }) => ({ level, tokens, counts: [...counts] })), stats: sumStats(partials) }
}

export function sumStats(partials: ReadonlyArray<{ readonly stats: ScanStats }>): ScanStats {
  const sum = { linesProcessed: 0, bytesProcessed: 0, metadataBytesProcessed: 0, linesPassed: 0 }
  for (const { stats } of partials) {
    sum.linesProcessed += stats.linesProcessed
    sum.bytesProcessed += stats.bytesProcessed
    sum.metadataBytesProcessed += stats.metadataBytesProcessed
    sum.linesPassed += stats.linesPassed
  }
  return sum
}
