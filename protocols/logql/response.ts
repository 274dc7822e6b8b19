/**
 * Writes a query's answer as Loki's JSON, piece by piece, so that a large one is never held as one string. Called by the query endpoints (HTTP and NATS).
 */
import type { Labels, TimeNs } from '../model.ts'
import { goFloat } from './go-text.ts'
import { labelText } from './label-set.ts'
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
  let before = responseHead(data.kind, options)
  for (const piece of resultPieces(data, options.categorizeLabels)) {
    yield before + piece
    before = ''
  }
  yield before + responseTail(options)
}

/** All that comes before the result. */
export function responseHead(kind: QueryData['kind'], { categorizeLabels, warnings }: Pick<ResponseOptions, 'categorizeLabels' | 'warnings'>): string {
  const warned = warnings.length === 0 ? '' : `"warnings":${JSON.stringify(warnings)},`
  const flags = categorizeLabels && kind === 'streams' ? '"encodingFlags":["categorize-labels"],' : ''
  return `{"status":"success",${warned}"data":{"resultType":"${kind}",${flags}"result":`
}

/** All that comes after the result. */
export const responseTail = ({ statistics, reads }: Pick<ResponseOptions, 'statistics' | 'reads'>): string =>
  `,"stats":${JSON.stringify({ ...statisticsJson(statistics), ...(reads === undefined ? {} : { skald: reads }) })}}}\n`

/** The result alone: `[…]`. */
export function resultPieces(data: QueryData, categorizeLabels: boolean): Generator<string> {
  return inPieces(resultParts(data, categorizeLabels && data.kind === 'streams'))
}

/** Series of a matrix as they stand between its brackets, from the `first` of all on. */
export const seriesPieces = (matrix: MatrixData, first: number): Generator<string> => inPieces(matrixParts(matrix, first))

function* inPieces(parts: Iterable<string>): Generator<string> {
  let piece = ''
  for (const part of parts) {
    piece += part
    if (piece.length < PIECE_CHARS) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

function* resultParts(data: QueryData, categorized: boolean): Generator<string> {
  if (data.kind === 'scalar') {
    yield scalarText(data)
    return
  }
  yield '['
  if (data.kind === 'streams') yield* streamParts(categorized ? byStream(data) : byAllLabels(data), data)
  else yield* data.kind === 'matrix' ? matrixParts(data, 0) : vectorParts(data)
  yield ']'
}

/** One output stream: its labels, and which entries are its. */
interface OutputStream {
  readonly labels: Labels
  readonly entries: number[]
}

interface Outputs {
  readonly inOrder: ReadonlyArray<OutputStream>
  /** What comes after each line, by stream of the data. */
  readonly suffixes: ReadonlyArray<string>
}

/** Stream, structured metadata and parsed labels merged, so that one stream may become several. */
const byAllLabels = (data: StreamsData): Outputs => ({
  inOrder: outputsOf(data, data.streams.map(({ stream, metadata, parsed }) => mergeLabels(stream, metadata, parsed))),
  suffixes: data.streams.map(() => ']'),
})

const byStream = (data: StreamsData): Outputs => ({
  inOrder: outputsOf(data, data.streams.map(({ stream }) => stream)),
  suffixes: data.streams.map(({ metadata, parsed }) => `,{${[...categoryText('structuredMetadata', metadata), ...categoryText('parsed', parsed)].join(',')}}]`),
})

const categoryText = (name: string, labels: Labels): string[] => (labels.length === 0 ? [] : [`"${name}":${labelsJson(labels)}`])

/** One output a distinct label set, sorted; those without entries are left out. */
function outputsOf({ entries }: StreamsData, labelSets: ReadonlyArray<Labels>): OutputStream[] {
  const byText = new Map<string, OutputStream>()
  const ofStream = labelSets.map((labels) => {
    const text = labelText(labels)
    const output = byText.get(text) ?? { labels, entries: [] }
    byText.set(text, output)
    return output
  })
  for (let i = 0; i < entries.length; i++) ofStream[entries[i]!.stream]!.entries.push(i)
  return [...byText].filter(([, output]) => output.entries.length > 0).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, output]) => output)
}

function* streamParts({ inOrder, suffixes }: Outputs, { entries }: StreamsData): Generator<string> {
  for (const [i, { labels, entries: own }] of inOrder.entries()) {
    yield `${i === 0 ? '' : ','}{"stream":${labelsJson(labels)},"values":[`
    let separator = ''
    for (const at of own) {
      const { ns, line, stream } = entries[at]!
      yield `${separator}["${ns}",${JSON.stringify(line)}${suffixes[stream]!}`
      separator = ','
    }
    yield ']}'
  }
}

/** A name is in one of the three only; parsed hides metadata hides stream all the same. */
function mergeLabels(...sets: ReadonlyArray<Labels>): Labels {
  return [...new Map(sets.flat())].sort(([a], [b]) => (a < b ? -1 : 1))
}

const labelsJson = (labels: Labels): string => `{${labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`

function* matrixParts({ series, grid }: MatrixData, first: number): Generator<string> {
  const times = Array.from({ length: grid.count }, (_, k) => secondsText(pointNs(grid, k)))
  for (const [i, { labels, values, present }] of series.entries()) {
    yield `${first + i === 0 ? '' : ','}{"metric":${labelsJson(labels)},"values":[`
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
