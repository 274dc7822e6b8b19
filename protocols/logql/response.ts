/**
 * Writes a query's answer as Loki's JSON, piece by piece, so that a large one is never held as one string. Called by the query endpoints (HTTP and NATS).
 */
import type { Labels, TimeNs } from '../model.ts'
import { goFloat } from './go-text.ts'
import { labelKey, labelText } from './label-set.ts'
import type { MatrixData, QueryData, ScalarData, StreamsData, VectorData } from './query-data.ts'
import { statisticsJson } from './response-statistics.ts'
import type { QueryStatistics } from './response-statistics.ts'
import { pointNs } from './step-grid.ts'

export interface ResponseOptions {
  /** The `X-Loki-Response-Encoding-Flags: categorize-labels` form: structured metadata and parsed labels beside each line. */
  readonly categorizeLabels: boolean
  readonly warnings: ReadonlyArray<string>
  readonly statistics: QueryStatistics
  /** Beyond Loki: put into the statistics as `skald`. */
  readonly reads?: object
}

/** About how much text a piece holds. */
const PIECE_CHARS = 64 * 1024

export const responseText = (data: QueryData, options: ResponseOptions): string => [...responsePieces(data, options)].join('')

export function* responsePieces(data: QueryData, options: ResponseOptions): Generator<string> {
  const categorized = options.categorizeLabels && data.kind === 'streams'
  const warnings = options.warnings.length === 0 ? '' : `"warnings":${JSON.stringify(options.warnings)},`
  const flags = categorized ? '"encodingFlags":["categorize-labels"],' : ''
  let piece = `{"status":"success",${warnings}"data":{"resultType":"${data.kind}",${flags}"result":`
  for (const part of resultParts(data, categorized)) {
    piece += part
    if (piece.length < PIECE_CHARS) continue
    yield piece
    piece = ''
  }
  yield `${piece},"stats":${JSON.stringify({ ...statisticsJson(options.statistics), ...(options.reads === undefined ? {} : { skald: options.reads }) })}}}\n`
}

function* resultParts(data: QueryData, categorized: boolean): Generator<string> {
  if (data.kind === 'scalar') {
    yield scalarText(data)
    return
  }
  yield '['
  if (data.kind === 'streams') yield* streamParts(categorized ? byStream(data) : byAllLabels(data))
  else yield* data.kind === 'matrix' ? matrixParts(data) : vectorParts(data)
  yield ']'
}

/** One output stream: its labels, and its values as JSON. */
interface OutputStream {
  readonly labels: Labels
  readonly values: string[]
}

/** Stream, structured metadata and parsed labels merged, so that one stream may become several. */
function byAllLabels({ streams, entries }: StreamsData): OutputStream[] {
  const outputs = outputsOf(streams.map(({ stream, metadata, parsed }) => mergeLabels(stream, metadata, parsed)))
  for (const { ns, line, stream } of entries) outputs[stream]!.values.push(`["${ns}",${JSON.stringify(line)}]`)
  return inOrder(outputs)
}

function byStream({ streams, entries }: StreamsData): OutputStream[] {
  const outputs = outputsOf(streams.map(({ stream }) => stream))
  const categories = streams.map(({ metadata, parsed }) => {
    const parts = [...categoryText('structuredMetadata', metadata), ...categoryText('parsed', parsed)]
    return `{${parts.join(',')}}`
  })
  for (const { ns, line, stream } of entries) outputs[stream]!.values.push(`["${ns}",${JSON.stringify(line)},${categories[stream]!}]`)
  return inOrder(outputs)
}

const categoryText = (name: string, labels: Labels): string[] => (labels.length === 0 ? [] : [`"${name}":${labelsJson(labels)}`])

/** One output a distinct label set, at the index of each stream that has it. */
function outputsOf(labelSets: ReadonlyArray<Labels>): OutputStream[] {
  const byKey = new Map<string, OutputStream>()
  return labelSets.map((labels) => {
    const key = labelKey(labels)
    const output = byKey.get(key) ?? { labels, values: [] }
    byKey.set(key, output)
    return output
  })
}

function inOrder(outputs: ReadonlyArray<OutputStream>): OutputStream[] {
  const used = [...new Set(outputs)].filter(({ values }) => values.length > 0)
  const texts = new Map(used.map((output) => [output, labelText(output.labels)]))
  return used.sort((a, b) => (texts.get(a)! < texts.get(b)! ? -1 : 1))
}

function* streamParts(outputs: ReadonlyArray<OutputStream>): Generator<string> {
  for (const [i, { labels, values }] of outputs.entries()) {
    yield `${i === 0 ? '' : ','}{"stream":${labelsJson(labels)},"values":[`
    for (const [j, value] of values.entries()) yield j === 0 ? value : `,${value}`
    yield ']}'
  }
}

/** A name is in one of the three only; parsed hides metadata hides stream all the same. */
function mergeLabels(...sets: ReadonlyArray<Labels>): Labels {
  return [...new Map(sets.flat())].sort(([a], [b]) => (a < b ? -1 : 1))
}

const labelsJson = (labels: Labels): string => `{${labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`

function* matrixParts({ series, grid }: MatrixData): Generator<string> {
  const times = Array.from({ length: grid.count }, (_, k) => secondsText(pointNs(grid, k)))
  for (const [i, { labels, values, present }] of series.entries()) {
    yield `${i === 0 ? '' : ','}{"metric":${labelsJson(labels)},"values":[`
    let separator = ''
    for (let k = 0; k < grid.count; k++) {
      if (present[k] === 0) continue
      yield `${separator}[${times[k]!},"${goFloat(values[k]!)}"]`
      separator = ','
    }
    yield ']}'
  }
}

function* vectorParts({ samples, ns }: VectorData): Generator<string> {
  const time = secondsText(ns)
  for (const [i, { labels, value }] of samples.entries()) {
    yield `${i === 0 ? '' : ','}{"metric":${labelsJson(labels)},"value":[${time},"${goFloat(value)}"]}`
  }
}

/** Unix seconds with up to three decimals. */
const secondsText = (ns: TimeNs): string => String(Number(ns / 1_000_000n) / 1000)

const NS_PER_MS = 1_000_000n
const NS_PER_S = 1_000_000_000n

/** Loki reads a scalar's milliseconds as seconds, lets the nanoseconds of that overflow 64 bits, and shows the outcome in milliseconds; clients have only ever seen that. */
function scalarText({ ns, value }: ScalarData): string {
  const shownMs = BigInt.asIntN(64, (ns / NS_PER_MS) * NS_PER_S) / NS_PER_MS
  return `[${shownMs},"${goFloat(value)}"]`
}
