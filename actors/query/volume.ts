/**
 * How many bytes each set of labels received: behind `index/volume` and `index/volume_range`. Pure; works on facts of streams, so it reads no line.
 * Shapes and rules are Loki's (https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-log-volume).
 */
import type { Matcher } from '../../protocols/logql/ast.ts'
import { compareLabels, labelKey } from '../../protocols/logql/label-set.ts'
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

/** Ends of the intervals of a range: multiples of the step, the last one at the end. */
export function volumeIntervals(startNs: TimeNs, endNs: TimeNs, stepNs: bigint): Array<{ readonly fromNs: TimeNs; readonly toNs: TimeNs }> {
  const intervals = []
  for (let fromNs = startNs; fromNs < endNs; ) {
    const next = (fromNs / stepNs + 1n) * stepNs
    const toNs = next < endNs ? next : endNs
    intervals.push({ fromNs, toNs })
    fromNs = toNs
  }
  return intervals
}

/** A stream that lacks a target label counts for nothing, as if the query had asked for `label=~".+"`. Largest first, then by labels. */
export function volumesOf(streams: ReadonlyArray<SeriesFacts>, question: VolumeQuestion, shareOf: (facts: SeriesFacts) => number = () => 1): Volume[] {
  const names = question.targetLabels.length > 0 ? question.targetLabels : [...new Set(question.matchers.map(({ name }) => name))]
  const bytes = new Map<string, { labels: Labels; bytes: number }>()
  const add = (labels: Labels, amount: number): void => {
    const key = labelKey(labels)
    const volume = bytes.get(key)
    if (volume === undefined) bytes.set(key, { labels, bytes: amount })
    else volume.bytes += amount
  }
  for (const facts of streams) {
    const amount = Math.round(facts.lineBytes * shareOf(facts))
    if (amount === 0) continue
    const kept = names.length === 0 ? facts.labels : facts.labels.filter(([name]) => names.includes(name))
    if (question.targetLabels.length > 0 && kept.length < new Set(names).size) continue
    if (question.aggregateBy === 'series') add(kept, amount)
    else for (const [name] of kept) add([[name, '']], amount)
  }
  return [...bytes.values()].sort((a, b) => b.bytes - a.bytes || compareLabels(a.labels, b.labels)).slice(0, question.limit)
}

/** The part of a stream's bytes that was received in an interval, as if it had come evenly: index facts say only from when to when. */
export function shareWithin(facts: Pick<SeriesFacts, 'receivedMinMs' | 'receivedMaxMs'>, fromNs: TimeNs, toNs: TimeNs): number {
  const fromMs = Number(fromNs / 1_000_000n)
  const toMs = Number(toNs / 1_000_000n)
  const { receivedMinMs, receivedMaxMs } = facts
  if (receivedMinMs === receivedMaxMs) return receivedMinMs >= fromMs && receivedMinMs < toMs ? 1 : 0
  const overlapMs = Math.min(receivedMaxMs, toMs) - Math.max(receivedMinMs, fromMs)
  return overlapMs <= 0 ? 0 : overlapMs / (receivedMaxMs - receivedMinMs)
}
