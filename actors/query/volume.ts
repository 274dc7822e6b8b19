/**
 * How many bytes each set of labels received: behind `index/volume` and `index/volume_range`. Pure; works on facts of streams, so it reads no line.
 * Shapes and rules are Loki's (https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-log-volume).
 */
import type { Matcher } from '../../protocols/logql/ast.ts'
import { compareLabels } from '../../protocols/label-order.ts'
import { labelKey } from '../../protocols/logql/label-set.ts'
import type { Labels, TimeNs } from '../../protocols/model.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'

export interface VolumeQuestion {
  readonly matchers: ReadonlyArray<Matcher>
  /** Labels to group by; none: those of the matchers, and without matchers all. */
  readonly targetLabels: ReadonlyArray<string>
  readonly aggregateBy: 'series' | 'labels'
  readonly limit: number
}

export interface Volume {
  readonly labels: Labels
  readonly bytes: number
}

/** Of one set of labels: bytes by interval, where it is among the largest. */
export interface VolumeSeries {
  readonly labels: Labels
  readonly values: ReadonlyArray<readonly [interval: number, bytes: number]>
}

/** Milliseconds. */
export interface Interval {
  readonly fromMs: number
  readonly toMs: number
}

/** Intervals of a range, ending at multiples of the step, the last one at the end. */
export function volumeIntervals(startNs: TimeNs, endNs: TimeNs, stepNs: bigint): Interval[] {
  const intervals: Interval[] = []
  for (let fromNs = startNs; fromNs < endNs; ) {
    const next = (fromNs / stepNs + 1n) * stepNs
    const toNs = next < endNs ? next : endNs
    intervals.push({ fromMs: Number(fromNs / 1_000_000n), toMs: Number(toNs / 1_000_000n) })
    fromNs = toNs
  }
  return intervals
}

/** Largest first, then by labels. */
export function volumesOf(streams: Iterable<SeriesFacts>, question: VolumeQuestion): Volume[] {
  const groupsOf = grouping(question)
  const sums = new Map<string, { labels: Labels; bytes: number }>()
  for (const { labels, lineBytes } of streams) {
    for (const group of groupsOf(labels)) {
      const key = labelKey(group)
      const sum = sums.get(key)
      if (sum === undefined) sums.set(key, { labels: group, bytes: lineBytes })
      else sum.bytes += lineBytes
    }
  }
  return largest([...sums.values()], question.limit)
}

const STREAMS_A_STEP = 1_000

/** The same in each interval; in steps. By labels' text. */
export function* volumeSeriesSteps(streams: ReadonlyArray<SeriesFacts>, question: VolumeQuestion, intervals: ReadonlyArray<Interval>): Generator<undefined, VolumeSeries[], undefined> {
  const groupsOf = grouping(question)
  const sums = new Map<string, { readonly labels: Labels; readonly bytes: Float64Array }>()
  for (const [i, facts] of streams.entries()) {
    if (i % STREAMS_A_STEP === 0) yield
    for (const labels of groupsOf(facts.labels)) {
      const key = labelKey(labels)
      const sum = sums.get(key) ?? { labels, bytes: new Float64Array(intervals.length) }
      sums.set(key, sum)
      for (const [at, interval] of intervals.entries()) sum.bytes[at]! += Math.round(facts.lineBytes * shareWithin(facts, interval))
    }
  }
  const series = new Map([...sums.values()].map(({ labels }) => [labels, [] as Array<[number, number]>]))
  for (const at of intervals.keys()) {
    yield
    const here = [...sums.values()].map(({ labels, bytes }) => ({ labels, bytes: bytes[at]! }))
    for (const { labels, bytes } of largest(here, question.limit)) series.get(labels)!.push([at, bytes])
  }
  return [...series].flatMap(([labels, values]) => (values.length === 0 ? [] : [{ labels, values }]))
}

function largest(volumes: ReadonlyArray<Volume>, limit: number): Volume[] {
  const some = volumes.filter(({ bytes }) => bytes > 0)
  return some.sort((a, b) => b.bytes - a.bytes || compareLabels(a.labels, b.labels)).slice(0, limit)
}

/** The sets of labels that a stream counts for. One that lacks a target label counts for nothing, as if the query had asked for `label=~".+"`. */
function grouping({ matchers, targetLabels, aggregateBy }: VolumeQuestion): (labels: Labels) => ReadonlyArray<Labels> {
  const names = new Set(targetLabels.length > 0 ? targetLabels : matchers.map(({ name }) => name))
  return (labels) => {
    const kept = names.size === 0 ? labels : labels.filter(([name]) => names.has(name))
    if (targetLabels.length > 0 && kept.length < names.size) return []
    return aggregateBy === 'series' ? [kept] : kept.map(([name]) => [[name, '']])
  }
}

/** The part of a stream's bytes that was received in an interval, as if it had come evenly: index facts say only from when to when. */
export function shareWithin({ receivedMinMs, receivedMaxMs }: Pick<SeriesFacts, 'receivedMinMs' | 'receivedMaxMs'>, { fromMs, toMs }: Interval): number {
  if (receivedMinMs === receivedMaxMs) return receivedMinMs >= fromMs && receivedMinMs < toMs ? 1 : 0
  const overlapMs = Math.min(receivedMaxMs, toMs) - Math.max(receivedMinMs, fromMs)
  return overlapMs <= 0 ? 0 : overlapMs / (receivedMaxMs - receivedMinMs)
}
