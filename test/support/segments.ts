/** Reads segments back as plain rows, for tests that compare what was stored with what was pushed. */
import type { EntryBlock, Labels, TenantId } from '../../protocols/model.ts'
import { COLUMN_KINDS, type ColumnKind } from '../../storage/segment-format.ts'
import { readFooter, SegmentReader } from '../../storage/segment-read.ts'
import type { BlockNeeds } from '../../storage/segment-select.ts'

/** Needs that rule nothing out. */
export const ALL: BlockNeeds = { literals: [], metadataEquals: [], minNs: -(2n ** 63n), maxNs: 2n ** 63n - 1n }

export interface StoredObject {
  readonly bytes: Buffer
  readonly entry: { readonly key: string; readonly footerBytes: number | null }
}

export interface PlainRow {
  readonly ns: bigint
  readonly line: string
  readonly metadata: string
  readonly level: string
}

export const textOf = (labels: Labels): string => `{${labels.map(([n, v]) => `${n}="${v}"`).join(', ')}}`

export function rowsOf(block: EntryBlock, into: Map<string, PlainRow[]>): void {
  const times = block.relativeNs()
  const { bytes, starts, lengths } = block.lines()
  const metadata = block.metadata()
  const levels = block.levels()
  for (const { labels, from, to } of block.runs) {
    const rows = into.get(textOf(labels)) ?? []
    into.set(textOf(labels), rows)
    for (let i = from; i < to; i++) {
      const level = levels === null ? '' : levels.values[levels.codes[i]!]!
      const set = metadata === null ? [] : metadata.sets[metadata.codes[i]!]!
      rows.push({ ns: block.baseNs + BigInt(times[i]!), line: bytes.toString('utf8', starts[i], starts[i]! + lengths[i]!), metadata: textOf(set), level })
    }
  }
}

export async function readerOf({ bytes, entry }: StoredObject, reads: Array<[number, number]> = []): Promise<SegmentReader> {
  const read = async (offset: number, length: number): Promise<Buffer> => {
    reads.push([offset, length])
    return bytes.subarray(offset, offset + length)
  }
  return new SegmentReader(entry.key, await readFooter(entry.key, bytes.length, entry.footerBytes, read), read)
}

export async function readAll(segment: StoredObject, tenant: TenantId, needs = ALL, kinds: ReadonlyArray<ColumnKind> = COLUMN_KINDS): Promise<Map<string, PlainRow[]>> {
  const reader = await readerOf(segment)
  const selection = await reader.select(tenant, () => true, needs)
  const rows = new Map<string, PlainRow[]>()
  if (selection === null) return rows
  for await (const block of reader.load(selection, kinds)) rowsOf(block, rows)
  return rows
}

