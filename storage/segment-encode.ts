/**
 * Encodes one cut of a partition as a segment object: the function that flush workers run. Slabs in, bytes and catalog facts out.
 *
 * Equal input gives equal bytes (F3): streams are sorted by labels, their rows by time, and nothing depends on when or where it runs. It reads shared
 * memory and does no I/O.
 */
import { freeBuffer } from '../runtime/free-buffer.ts'
import { compareLabels } from '../protocols/label-order.ts'
import type { Labels, Sequence, TenantId, TimeNs } from '../protocols/model.ts'
import type { LevelsOf } from '../protocols/push/level.ts'
import { encodeBlock, blockBounds, type StoredColumn } from './block-codec.ts'
import { BlockRows, type RowSource } from './block-rows.ts'
import type { SegmentEntry } from './catalog.ts'
import type { ChunkEncoding } from './column-codec.ts'
import { type BlockFilter, FilterBuilder, filterPages } from './filter-build.ts'
import { type AppliedId, BLOCK_TARGET_BYTES, CATALOG_TENANTS_MAX, COLUMN_KINDS, SEGMENT_MAGIC, segmentKey } from './segment-format.ts'
import { type BlockFacts, encodeFooter, type FooterInput } from './segment-footer.ts'
import { type RowRun, type SlabDescriptor, slabColumns } from './slab.ts'
import { inTimeOrder } from './slab-order.ts'

export interface StreamCut {
  readonly labels: Labels
  /** When the gateway received the stream's pushes, Unix ms. */
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
  /** In the order in which they were applied; together at least one row. */
  readonly runs: ReadonlyArray<RowRun>
}

export interface TenantCut {
  readonly tenant: TenantId
  readonly encoding: ChunkEncoding
  readonly streams: ReadonlyArray<StreamCut>
}

export interface SegmentCut {
  readonly partition: number
  readonly first: Sequence
  readonly last: Sequence
  readonly tenants: ReadonlyArray<TenantCut>
  readonly slabs: ReadonlyArray<SlabDescriptor>
  readonly pushIds: ReadonlyArray<AppliedId>
  readonly recordIds: ReadonlyArray<AppliedId>
  readonly blockTargetBytes?: number
}

export interface EncodedSegment {
  readonly bytes: Buffer
  readonly entry: SegmentEntry
}

/** `levelsOf` gives the level deriver of a tenant, null where levels are not discovered. Streams without rows are left out. */
export function encodeSegment(cut: SegmentCut, levelsOf: (tenant: TenantId) => LevelsOf | null): EncodedSegment {
  const sources = new Map<number, RowSource>(cut.slabs.map((slab) => [slab.id, { baseNs: slab.baseNs, columns: slabColumns(slab) }]))
  const sourceOf = (slab: number): RowSource => sources.get(slab) ?? missingSlab(slab)
  const target = cut.blockTargetBytes ?? BLOCK_TARGET_BYTES
  const output: EncodedBlock[] = []
  const tenants = [...cut.tenants].filter((t) => t.streams.some(hasRows)).sort((a, b) => (a.tenant < b.tenant ? -1 : 1))
  const rows = new BlockRows(target * 2)
  const filters = new FilterBuilder()
  const seal = (encoding: ChunkEncoding): BlockFacts => {
    const sealed = rows.seal()
    const columns = encodeBlock(sealed, encoding)
    const filter = filters.block(sealed)
    const index = output.push({ columns, filter }) - 1
    const { baseNs, rowCount, chunks, lines } = sealed
    return { index, baseNs, rowCount, lineBytes: lines.length, chunks, columns: columns.map((c) => c.range), filterBitsLog2: filter.bitsLog2 }
  }
  const sections = tenants.map((tenant) => {
    rows.levelsOf = levelsOf(tenant.tenant)
    return encodeSection(tenant, rows, sourceOf, target, seal)
  })
  return assemble(cut, sections, output)
}

interface EncodedBlock {
  readonly columns: ReadonlyArray<StoredColumn>
  readonly filter: BlockFilter
}

function missingSlab(slab: number): never {
  throw new Error(`a run is in slab ${slab}, which was not given`)
}

const hasRows = (stream: StreamCut): boolean => stream.runs.some((run) => run.to > run.from)

type Section = FooterInput['sections'][number]

function encodeSection(cut: TenantCut, rows: BlockRows, sourceOf: (slab: number) => RowSource, targetBytes: number, sealBlock: (encoding: ChunkEncoding) => BlockFacts): Section {
  const streams = cut.streams.filter(hasRows).sort((a, b) => compareLabels(a.labels, b.labels))
  const blocks: BlockFacts[] = []
  const seal = (): void => {
    if (rows.rowCount > 0) blocks.push(sealBlock(cut.encoding))
  }
  for (const [position, { labels, runs }] of streams.entries()) {
    const bytes = lineBytesOf(runs, sourceOf)
    if (rows.lineBytes + bytes > targetBytes && rows.lineBytes > targetBytes / 4) seal()
    const partBytes = Math.max(1, (rows.lineBytes + bytes) / Math.max(1, Math.round((rows.lineBytes + bytes) / targetBytes)))
    inTimeOrder(runs, sourceOf, (source, from, to) => {
      for (let row = from; row < to; ) {
        row = rows.addRows(position, labels, source, row, to, partBytes)
        if (row < to) seal()
      }
    })
  }
  seal()
  const received = streams.map(({ receivedMinMs, receivedMaxMs }) => ({ receivedMinMs, receivedMaxMs }))
  return { tenant: cut.tenant, streams: streams.map((s) => s.labels), received, blocks }
}

function lineBytesOf(runs: ReadonlyArray<RowRun>, sourceOf: (slab: number) => RowSource): number {
  let bytes = 0
  for (const run of runs) {
    const { lengths } = sourceOf(run.slab).columns
    for (let row = run.from; row < run.to; row++) bytes += lengths[row]!
  }
  return bytes
}

function assemble(cut: SegmentCut, sections: ReadonlyArray<Section>, output: ReadonlyArray<EncodedBlock>): EncodedSegment {
  const blocks = sections.flatMap((section) => section.blocks)
  const bounds = boundsOf(blocks)
  const rowCount = blocks.reduce((sum, b) => sum + b.rowCount, 0)
  const lineBytes = blocks.reduce((sum, b) => sum + b.lineBytes, 0)
  const { partition, first, last, pushIds, recordIds } = cut
  const footer = encodeFooter({ partition, first, last, rowCount, lineBytes, ...bounds, sections, pushIds, recordIds })
  const columns = COLUMN_KINDS.flatMap((_, kind) => output.map((block) => block.columns[kind]!.stored))
  const bytes = Buffer.concat([SEGMENT_MAGIC, ...columns, filterPages(output.map((block) => block.filter)), footer])
  columns.forEach(freeBuffer)
  for (const { filter } of output) freeBuffer(filter.bits)
  const entry: SegmentEntry = {
    key: segmentKey(partition, first, last),
    partition,
    first,
    last,
    sizeBytes: bytes.length,
    footerBytes: footer.length,
    minNs: String(bounds.minNs),
    maxNs: String(bounds.maxNs),
    rowCount,
    rawBytes: lineBytes,
    appliedIdCount: pushIds.length + recordIds.length,
    tenants: sections.length > CATALOG_TENANTS_MAX ? null : sections.map((s) => s.tenant),
  }
  return { bytes, entry }
}

function boundsOf(blocks: ReadonlyArray<BlockFacts>): { readonly minNs: TimeNs; readonly maxNs: TimeNs } {
  let bounds: { minNs: TimeNs; maxNs: TimeNs } | null = null
  for (const block of blocks) {
    const { minNs, maxNs } = blockBounds(block)
    if (bounds === null) bounds = { minNs, maxNs }
    else bounds = { minNs: minNs < bounds.minNs ? minNs : bounds.minNs, maxNs: maxNs > bounds.maxNs ? maxNs : bounds.maxNs }
  }
  return bounds ?? { minNs: 0n, maxNs: 0n }
}
