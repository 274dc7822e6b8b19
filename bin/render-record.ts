/** Shows an answer of a node as text for people. Used by `status` and `ring`. */
import { readableBytes } from './readable-bytes.ts'

/** Nested records as indented keys, lists of records as tables, byte counts and times readable. Tables wider than the terminal (`columns`) are cut into several, each with the first column. */
export function renderRecord(value: unknown, columns = Infinity, indent = ''): string {
  if (!isRecord(value)) return `${indent}${scalar('', value)}\n`
  const width = Math.max(0, ...Object.entries(value).filter(([, item]) => !isNested(item)).map(([key]) => key.length))
  return Object.entries(value).map(([key, item]) => (isNested(item) ? `${indent}${key}\n${renderNested(item, columns, `${indent}  `)}` : `${indent}${key.padEnd(width)}  ${scalar(key, item)}\n`)).join('')
}

function renderNested(value: unknown, columns: number, indent: string): string {
  if (!Array.isArray(value)) return renderRecord(value, columns, indent)
  return value.every((item) => isRecord(item) && !Object.values(item).some(isNested)) ? renderTable(value as ReadonlyArray<Record<string, unknown>>, columns, indent) : value.map((item) => renderRecord(item, columns, indent)).join('\n')
}

function renderTable(rows: ReadonlyArray<Record<string, unknown>>, columns: number, indent: string): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [names, ...rows.map((row) => names.map((name) => (row[name] === undefined ? '-' : scalar(name, row[name]))))]
  const widths = names.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>, shown: ReadonlyArray<number>): string => `${indent}${shown.map((i) => (row[i] ?? '').padEnd(widths[i] ?? 0)).join(GAP).trimEnd()}\n`
  return fitting(widths, columns - indent.length).map((shown) => cells.map((row) => line(row, shown)).join('')).join('\n')
}

const GAP = '  '

/** Which columns go together: as many as fit, and always the first, which says what the row is. */
function fitting(widths: ReadonlyArray<number>, width: number): ReadonlyArray<ReadonlyArray<number>> {
  const tables: number[][] = [[0]]
  const widthOf = (table: ReadonlyArray<number>): number => table.reduce((sum, i) => sum + GAP.length + (widths[i] ?? 0), -GAP.length)
  for (let i = 1; i < widths.length; i++) {
    const last = tables.at(-1) as number[]
    if (last.length === 1 || widthOf([...last, i]) <= width) last.push(i)
    else tables.push([0, i])
  }
  return tables
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
