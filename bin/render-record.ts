/** Shows an answer of a node as text for people. Used by `status` and `ring`. */
import { readableBytes } from './readable-bytes.ts'

/** Nested records as indented keys, lists of records as tables, byte counts and times readable. */
export function renderRecord(value: unknown, indent = ''): string {
  if (!isRecord(value)) return `${indent}${scalar('', value)}\n`
  const width = Math.max(0, ...Object.entries(value).filter(([, item]) => !isNested(item)).map(([key]) => key.length))
  return Object.entries(value).map(([key, item]) => (isNested(item) ? `${indent}${key}\n${renderNested(item, `${indent}  `)}` : `${indent}${key.padEnd(width)}  ${scalar(key, item)}\n`)).join('')
}

function renderNested(value: unknown, indent: string): string {
  if (!Array.isArray(value)) return renderRecord(value, indent)
  return value.every((item) => isRecord(item) && !Object.values(item).some(isNested)) ? renderTable(value as ReadonlyArray<Record<string, unknown>>, indent) : value.map((item) => renderRecord(item, indent)).join('\n')
}

function renderTable(rows: ReadonlyArray<Record<string, unknown>>, indent: string): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => (row[column] === undefined ? '-' : scalar(column, row[column]))))]
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  return cells.map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()}\n`).join('')
}

function scalar(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(', ')
  if (typeof value === 'number' && /bytes(_?per_?second)?$/i.test(key)) return readableBytes(value)
  return value === null || value === '' ? '-' : String(value)
}

function isNested(value: unknown): boolean {
  return isRecord(value) || (Array.isArray(value) && value.some(isRecord))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
