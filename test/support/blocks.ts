/** Builds an `EntryBlock` from plain entries, for tests of whatever reads blocks. */
import type { EntryBlock, Labels, LevelColumn, LineColumn, MetadataColumn } from '../../protocols/model.ts'

export interface TestEntry {
  readonly ns: bigint
  readonly line: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly level?: string
}

export interface TestStream {
  readonly labels: Readonly<Record<string, string>>
  readonly entries: ReadonlyArray<TestEntry>
}

export const labelsOf = (record: Readonly<Record<string, string>>): Labels =>
  Object.entries(record).filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1))

export function blockOf(streams: ReadonlyArray<TestStream>, options: { readonly levels?: boolean } = {}): EntryBlock {
  const rows = streams.flatMap((s) => [...s.entries].sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)))
  const baseNs = rows[0]?.ns ?? 0n
  const relative = Float64Array.from(rows, (r) => Number(r.ns - baseNs))
  const encoded = rows.map((r) => Buffer.from(r.line))
  const starts = new Uint32Array(rows.length)
  const lengths = Uint32Array.from(encoded, (b) => b.length)
  for (let i = 1; i < rows.length; i++) starts[i] = starts[i - 1]! + lengths[i - 1]!
  const sets: Labels[] = [[]]
  const metadata: MetadataColumn = {
    codes: Uint32Array.from(rows, (r) => (r.metadata === undefined ? 0 : sets.push(labelsOf(r.metadata)) - 1)),
    sets,
  }
  const values = ['']
  const levels: LevelColumn = {
    codes: Uint16Array.from(rows, (r) => {
      const level = r.level ?? 'unknown'
      return values.includes(level) ? values.indexOf(level) : values.push(level) - 1
    }),
    values,
  }
  let row = 0
  const runs = streams.map((s) => ({ labels: labelsOf(s.labels), from: row, to: (row += s.entries.length) }))
  const times = rows.map((r) => r.ns)
  let lines: LineColumn | null = null
  return {
    rowCount: rows.length,
    baseNs,
    minNs: times.reduce((a, b) => (b < a ? b : a), baseNs),
    maxNs: times.reduce((a, b) => (b > a ? b : a), baseNs),
    runs,
    relativeNs: () => relative,
    lengths: () => lengths,
    lines: () => (lines ??= { bytes: Buffer.concat(encoded), starts, lengths }),
    metadata: () => (sets.length > 1 ? metadata : null),
    levels: () => (options.levels === false ? null : levels),
  }
}
