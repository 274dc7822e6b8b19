/**
 * What is done to a query's text before its scans and to their partial answers after them: parse and plan, merge, evaluate, encode. Pure functions behind `AnswerWork`, run
 * in the answer thread or, where little is to do, on the event loop. They do it in steps: between them other tasks may have the thread.
 */
import type { TaskSignal } from '../../runtime/worker-host.ts'
import { detectFields, detectValues } from '../../protocols/detected/fields.ts'
import type { LogExpr, Matcher } from '../../protocols/logql/ast.ts'
import { evaluationSteps } from '../../protocols/logql/evaluate.ts'
import { mergeSteps } from '../../protocols/logql/merge.ts'
import { parse, parseLogQuery, parseMatchers } from '../../protocols/logql/parser.ts'
import type { QueryPlan } from '../../protocols/logql/plan.ts'
import { prettify } from '../../protocols/logql/print.ts'
import type { MatrixData, QueryData } from '../../protocols/logql/query-data.ts'
import { legacyStreams } from '../../protocols/logql/response-legacy.ts'
import { resultPieces, seriesPieces } from '../../protocols/logql/response.ts'
import type { PatternPartial, ScanPartial, ScanPlan } from '../../protocols/logql/scan.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import { decodePartial, encodePartial, ownBuffers, type EncodedPartial } from '../segments/encoded-partial.ts'
import { decodeSeries } from '../segments/encoded-series.ts'
import { exportPage, type ExportPage, type ExportPlace } from './export-page.ts'
import { prepareQuery, type PreparedQuery, type QueryText } from './prepared-query.ts'
import { type StreamsForm, streamsBodySteps } from './stream-answers.ts'

/** What an answer's result is shown as. */
export type AnswerForm =
  | { readonly kind: 'json'; readonly categorizeLabels: boolean }
  | { readonly kind: 'legacy' }
  | { readonly kind: 'fields'; readonly limit: number }
  | { readonly kind: 'values'; readonly name: string; readonly limit: number }

/** The result as JSON; that of a matrix, which may be many times as long as its numbers, is written while it is sent (`seriesText`). */
export type ShownAnswer =
  | { readonly kind: 'pieces'; readonly resultType: QueryData['kind']; readonly entryCount: number; readonly pieces: ReadonlyArray<Uint8Array> }
  | { readonly kind: 'matrix'; readonly resultType: 'matrix'; readonly entryCount: 0; readonly matrix: MatrixData }

type Partials = ReadonlyArray<Uint8Array>

export interface AnswerTasks {
  readonly prepare: { readonly asks: { readonly query: QueryText }; readonly gives: PreparedQuery }
  readonly parseLog: { readonly asks: { readonly text: string }; readonly gives: LogExpr }
  readonly parseMatchers: { readonly asks: { readonly text: string }; readonly gives: ReadonlyArray<Matcher> }
  /** The whole answer: a short text may be laid out over megabytes. */
  readonly prettify: { readonly asks: { readonly text: string }; readonly gives: Uint8Array }
  readonly merge: { readonly asks: { readonly plan: ScanPlan; readonly partials: Partials }; readonly gives: EncodedPartial }
  /** `partials[i]` belong to `plan.scans[i]`; `items`: entries or series in all of them. */
  readonly show: { readonly asks: { readonly plan: QueryPlan; readonly partials: ReadonlyArray<Partials>; readonly items: number; readonly form: AnswerForm }; readonly gives: ShownAnswer }
  /** Series of a matrix as they stand between its brackets; `first`: how many come before them. */
  readonly seriesText: { readonly asks: { readonly matrix: MatrixData; readonly first: number }; readonly gives: ReadonlyArray<Uint8Array> }
  readonly exportPage: { readonly asks: { readonly plan: ScanPlan; readonly partials: Partials; readonly place: ExportPlace }; readonly gives: ExportPage }
  /** A whole answer about streams; `items`: how many there are in all `partials`. */
  readonly streams: { readonly asks: { readonly partials: Partials; readonly items: number; readonly form: StreamsForm; readonly warnings: ReadonlyArray<string> }; readonly gives: Uint8Array }
  readonly patterns: { readonly asks: { readonly plan: ScanPlan; readonly partials: Partials }; readonly gives: PatternPartial['clusters'] }
}

export type AnswerTaskKind = keyof AnswerTasks
export type AnswerTask<K extends AnswerTaskKind = AnswerTaskKind> = { readonly [Kind in K]: { readonly kind: Kind } & AnswerTasks[Kind]['asks'] }[K]

export async function runAnswerTask(task: AnswerTask, signal: TaskSignal): Promise<AnswerTasks[AnswerTaskKind]['gives']> {
  switch (task.kind) {
    case 'prepare': return prepareQuery(task.query)
    case 'parseLog': return parseLogQuery(task.text)
    case 'parseMatchers': return parseMatchers(task.text)
    case 'prettify': return new TextEncoder().encode(`${JSON.stringify({ status: 'success', data: prettify(parse(task.text)) })}\n`)
    case 'merge': return encodePartial(await merged(task.plan, task.partials, signal))
    case 'show': return show(task, signal)
    case 'seriesText': return bytesOf(seriesPieces(task.matrix, task.first), signal)
    case 'exportPage': return exportPage(await merged(task.plan, task.partials, signal), task.place)
    case 'streams': return new TextEncoder().encode(await inSteps(streamsBodySteps(decodedParts(task.partials), task.form, task.warnings), signal))
    case 'patterns': {
      const partial = await merged(task.plan, task.partials, signal)
      if (partial.kind !== 'patterns') throw new Error('a pattern scan gave another answer')
      return partial.clusters
    }
  }
}

function* decodedParts(partials: Partials): Generator<ReadonlyArray<SeriesFacts>> {
  for (const bytes of partials) yield decodeSeries(bytes)
}

async function merged(plan: ScanPlan, partials: Partials, signal: TaskSignal): Promise<ScanPartial> {
  const decoded: ScanPartial[] = []
  for (const bytes of partials) {
    decoded.push(decodePartial(bytes))
    await signal.turn()
  }
  return inSteps(mergeSteps(plan, decoded), signal)
}

async function show({ plan, partials, form }: AnswerTask<'show'>, signal: TaskSignal): Promise<ShownAnswer> {
  const scans: ScanPartial[] = []
  for (const [i, ofScan] of partials.entries()) scans.push(await merged(plan.scans[i]!, ofScan, signal))
  const data = await inSteps(evaluationSteps(plan, scans), signal)
  if (data.kind === 'matrix' && form.kind === 'json') return { kind: 'matrix', resultType: 'matrix', entryCount: 0, matrix: data }
  return { kind: 'pieces', resultType: data.kind, entryCount: data.kind === 'streams' ? data.entries.length : 0, pieces: await bytesOf(textOf(data, form), signal) }
}

function textOf(data: QueryData, form: AnswerForm): Iterable<string> {
  if (form.kind === 'json') return resultPieces(data, form.categorizeLabels)
  if (data.kind !== 'streams') return []
  switch (form.kind) {
    case 'legacy': return [JSON.stringify(legacyStreams(data))]
    case 'fields': return [JSON.stringify(detectFields(data, form.limit))]
    case 'values': return [JSON.stringify(detectValues(data, form.name, form.limit))]
  }
}

async function inSteps<A>(steps: Generator<undefined, A, undefined>, signal: TaskSignal): Promise<A> {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await signal.turn()
  }
}

async function bytesOf(texts: Iterable<string>, signal: TaskSignal): Promise<Uint8Array[]> {
  const encoder = new TextEncoder()
  const pieces: Uint8Array[] = []
  for (const text of texts) {
    pieces.push(encoder.encode(text))
    await signal.turn()
  }
  return pieces
}

/** The partial answers that a task is about. */
export function partialsOf(task: AnswerTask): ReadonlyArray<Uint8Array> {
  if (task.kind === 'show') return task.partials.flat()
  return 'partials' in task ? task.partials : []
}

/** What of a task's outcome is handed to the event loop's thread without a copy. */
export function transfersOf(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array) return ownBuffers([value])
  if (Array.isArray(value)) return ownBuffers(value.filter((piece) => piece instanceof Uint8Array))
  if (typeof value !== 'object' || value === null) return []
  if ('pieces' in value) return transfersOf(value.pieces)
  if ('bytes' in value) return transfersOf([value.bytes])
  return 'matrix' in value ? columnsOf(value.matrix as MatrixData) : []
}

function columnsOf({ series }: MatrixData): ArrayBuffer[] {
  return series.flatMap(({ values, present }) => [...new Set([values.buffer, present.buffer])].filter((buffer) => buffer instanceof ArrayBuffer))
}
