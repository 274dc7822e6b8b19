/** Prints what `/query_range` and `/query` answer: log lines in time order, or series. Used by `query` and `tail`. */
import { ClientError } from './http-client.ts'
import { showTimeNs } from './query-time.ts'

export type OutputForm = 'default' | 'raw' | 'jsonl'

interface StreamResult {
  readonly stream: Readonly<Record<string, string>>
  readonly values: ReadonlyArray<readonly [ns: string, line: string]>
}

interface SeriesResult {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: ReadonlyArray<readonly [number, string]>
}

export interface QueryData {
  readonly resultType: 'streams' | 'matrix' | 'vector' | 'scalar'
  readonly result: ReadonlyArray<StreamResult> | ReadonlyArray<SeriesResult> | readonly [number, string]
}

export interface QueryAnswer {
  readonly data: QueryData
  readonly warnings: ReadonlyArray<string>
}

export interface LogLine {
  readonly ns: bigint
  readonly labels: Readonly<Record<string, string>>
  readonly line: string
}

export function parseAnswer(answer: unknown): QueryAnswer {
  if (typeof answer !== 'object' || answer === null || !('data' in answer)) throw new ClientError('the answer is no query result')
  const warnings = 'warnings' in answer && Array.isArray(answer.warnings) ? answer.warnings.map(String) : []
  return { data: answer.data as QueryData, warnings }
}

/** Lines of all streams in the order that was asked for; ties keep the order within their stream. */
export function logLines(data: QueryData, direction: 'forward' | 'backward'): LogLine[] {
  if (data.resultType !== 'streams') return []
  const lines = (data.result as ReadonlyArray<StreamResult>).flatMap(({ stream, values }) => values.map(([ns, line]) => ({ ns: BigInt(ns), labels: stream, line })))
  const sign = direction === 'forward' ? 1 : -1
  return lines.sort((a, b) => (a.ns === b.ns ? 0 : a.ns < b.ns ? -sign : sign))
}

export function renderLine({ ns, labels, line }: LogLine, form: OutputForm): string {
  if (form === 'raw') return `${line}\n`
  if (form === 'jsonl') return `${JSON.stringify({ timestamp: showTimeNs(ns), labels, line })}\n`
  return `${showTimeNs(ns)} ${renderLabels(labels)} ${line}\n`
}

export function renderSeries(data: QueryData, form: OutputForm): string {
  if (data.resultType === 'scalar') return `${String(data.result[1])}\n`
  const series = data.result as ReadonlyArray<SeriesResult>
  if (form === 'jsonl') return series.map((one) => `${JSON.stringify(one)}\n`).join('')
  return series.map(({ metric, value, values }) => `${renderLabels(metric)}\n${(values ?? (value === undefined ? [] : [value])).map(([s, v]) => `  ${showTimeNs(BigInt(Math.round(s * 1000)) * 1_000_000n)}  ${v}\n`).join('')}`).join('')
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}
