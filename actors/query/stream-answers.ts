/**
 * Facts about streams -> the JSON of labels, label values, series, index statistics, volume and shards, in Loki's shapes. Behind `AnswerWork`: pure, in steps, and not on
 * the event loop where the streams are many.
 */
import { detectLabels } from '../../protocols/detected/labels.ts'
import { labelText } from '../../protocols/logql/label-set.ts'
import type { Labels } from '../../protocols/model.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import { MergedSeries } from '../../storage/series-facts.ts'
import { indexShards, statsOf } from './index-shards.ts'
import { type Interval, volumeSeriesSteps, volumesOf, type VolumeQuestion } from './volume.ts'

/** What is told about the streams. `legacy`: as `/api/prom/…` did. */
export type StreamsForm =
  | { readonly kind: 'names'; readonly legacy?: true }
  | { readonly kind: 'values'; readonly name: string; readonly legacy?: true }
  | { readonly kind: 'series' | 'stats' | 'detected' }
  | { readonly kind: 'volume'; readonly question: VolumeQuestion; readonly atS: number }
  /** Wants parts that were not added up: each counts where it was received. */
  | { readonly kind: 'volumeRange'; readonly question: VolumeQuestion; readonly intervals: ReadonlyArray<Interval> }
  | { readonly kind: 'shards'; readonly targetBytes: number }

/** The whole body. A stream may be in several of `parts`. */
export function* streamsBodySteps(parts: Iterable<ReadonlyArray<SeriesFacts>>, form: StreamsForm, warnings: ReadonlyArray<string>): Generator<undefined, string, undefined> {
  const streams = yield* form.kind === 'volumeRange' ? joined(parts) : merged(parts)
  if (form.kind === 'shards') return indexShards(streams, form.targetBytes)
  const body = form.kind === 'volumeRange' ? yield* volumeRange(streams, form) : bodyOf(streams, form)
  return `${JSON.stringify(warnings.length === 0 ? body : { ...body, warnings })}\n`
}

function* merged(parts: Iterable<ReadonlyArray<SeriesFacts>>): Generator<undefined, ReadonlyArray<SeriesFacts>, undefined> {
  const all = new MergedSeries()
  for (const part of parts) {
    for (const facts of part) all.add(facts)
    yield
  }
  return all.all()
}

function* joined(parts: Iterable<ReadonlyArray<SeriesFacts>>): Generator<undefined, ReadonlyArray<SeriesFacts>, undefined> {
  const all: SeriesFacts[] = []
  for (const part of parts) {
    for (const facts of part) all.push(facts)
    yield
  }
  return all
}

function bodyOf(streams: ReadonlyArray<SeriesFacts>, form: Exclude<StreamsForm, { kind: 'volumeRange' | 'shards' }>): object {
  switch (form.kind) {
    case 'names': return listOf(namesIn(streams), form.legacy)
    case 'values': return listOf(valuesIn(streams, form.name), form.legacy)
    case 'series': return { status: 'success', data: streams.map(({ labels }) => Object.fromEntries(labels)) }
    case 'stats': return statsOf(streams)
    case 'detected': return { detectedLabels: detectLabels(streams) }
    case 'volume': return resultOf('vector', volumesOf(streams, form.question).map(({ labels, bytes }) => ({ metric: metricOf(labels), value: [form.atS, String(bytes)] })))
  }
}

/** Loki leaves an empty list out; the label endpoints of old know no `status`. */
const listOf = (found: ReadonlyArray<string>, legacy = false): object => ({
  ...(legacy ? {} : { status: 'success' }),
  ...(found.length === 0 ? {} : { [legacy ? 'values' : 'data']: found }),
})

function namesIn(streams: ReadonlyArray<SeriesFacts>): string[] {
  const names = new Set<string>()
  for (const { labels } of streams) for (const [name] of labels) names.add(name)
  return [...names].sort()
}

function valuesIn(streams: ReadonlyArray<SeriesFacts>, name: string): string[] {
  const values = new Set<string>()
  for (const { labels } of streams) for (const [label, value] of labels) if (label === name) values.add(value)
  return [...values].sort()
}

function* volumeRange(streams: ReadonlyArray<SeriesFacts>, { question, intervals }: Extract<StreamsForm, { kind: 'volumeRange' }>): Generator<undefined, object, undefined> {
  const found = yield* volumeSeriesSteps(streams, question, intervals)
  const sorted = found.map((one) => ({ ...one, text: labelText(one.labels) })).sort((a, b) => (a.text < b.text ? -1 : 1))
  const timeOf = (interval: number): number => intervals[interval]!.toMs / 1000
  return resultOf('matrix', sorted.map(({ labels, values }) => ({ metric: metricOf(labels), values: values.map(([interval, bytes]) => [timeOf(interval), String(bytes)]) })))
}

const metricOf = (labels: Labels): object => Object.fromEntries(labels)
const resultOf = (resultType: string, result: ReadonlyArray<object>): object => ({ status: 'success', data: { resultType, result } })
