/**
 * Reads a segment through ranged reads: the footer with one, then only the blocks and columns that a scan needs.
 *
 * Query workers use it, over whatever object store; footers are immutable and worth caching. Anything that does not check out rejects with
 * `storage_corrupt` naming the segment, block and column. It never answers with lines that it is not sure of.
 */
import { freeBuffer } from '../runtime/free-buffer.ts'
import type { EntryBlock, Labels, StreamRun, TenantId } from '../protocols/model.ts'
import type { ScanNeeds } from '../protocols/logql/scan.ts'
import { type FetchedColumns, StoredBlock } from './block-codec.ts'
import type { SegmentEntry } from './catalog.ts'
import { corrupt } from './column-bytes.ts'
import { CATALOG_TENANTS_MAX, COLUMN_KINDS, type ColumnKind, type ColumnRange, segmentKey, TAIL_BYTES } from './segment-format.ts'
import { type BlockFacts, decodeFooter, footerLength, type SectionFooter, type SegmentFooter } from './segment-footer.ts'
import { askFilters, questionOf } from './filter-read.ts'
import { type BlockNeeds, noSkips, selectByFilter, selectByFooter, type SeriesFacts, seriesOf, type SkipStats } from './segment-select.ts'

/** Exactly `lengthBytes` bytes of the object from `offset`. Cancelling is the caller's: a rejection ends the read. */
export type ReadRange = (offset: number, lengthBytes: number) => Promise<Buffer>

/** A first read of the tail when the footer's length is not known: most footers fit. */
const TAIL_GUESS_BYTES = 64 << 10
/** Unneeded bytes between two ranges that are read along rather than asked for apart. */
const GAP_BYTES_MAX = 16 << 10
/** Stored bytes that are fetched together: little at first, because the first block may be enough, then twice as much each time up to the greatest. */
const WINDOW_BYTES_MIN = 512 << 10
const WINDOW_BYTES_MAX = 8 << 20

export interface ReaderOptions {
  /** Stored bytes that are fetched together at most; default 8 MiB, which a store behind a network needs. */
  readonly windowBytesMax?: number
  /** Nobody else has what `read` gives, so its memory is given back when the scan is past it. */
  readonly ownsReads?: boolean
}

/** Reads the footer of an object of `objectBytes` bytes; one read if its length is known or short. */
export async function readFooter(key: string, objectBytes: number, footerBytes: number | null, read: ReadRange): Promise<SegmentFooter> {
  const guess = Math.min(objectBytes, footerBytes ?? TAIL_GUESS_BYTES)
  if (guess < TAIL_BYTES) throw corrupt(`segment ${key}: footer`, `the object has only ${objectBytes} bytes`)
  const end = await read(objectBytes - guess, guess)
  const length = footerLength(end, `segment ${key}: footer`)
  if (length <= end.length) return decodeFooter(end, objectBytes, key)
  if (length > objectBytes) throw corrupt(`segment ${key}: footer`, `has ${length} bytes, the object ${objectBytes}`)
  return decodeFooter(await read(objectBytes - length, length), objectBytes, key)
}

/** The catalog's entry, from the object alone (F4). */
export function entryFromFooter(footer: SegmentFooter): SegmentEntry {
  const { partition, first, last, rowCount, lineBytes, footerBytes } = footer
  const tenants = footer.sections.map((s) => s.tenant)
  return {
    key: segmentKey(partition, first, last),
    partition,
    first,
    last,
    sizeBytes: footer.footerOffset + footerBytes,
    footerBytes,
    minNs: String(footer.minNs),
    maxNs: String(footer.maxNs),
    rowCount,
    rawBytes: lineBytes,
    appliedIdCount: footer.pushIds.length + footer.recordIds.length,
    tenants: tenants.length > CATALOG_TENANTS_MAX ? null : tenants,
  }
}

export interface Selection {
  readonly section: SectionFooter
  readonly blocks: ReadonlyArray<BlockFacts>
  readonly stats: SkipStats
}

/** The columns that a scan with these needs asks blocks for. */
export function columnsFor(needs: Pick<ScanNeeds, 'lines' | 'metadata' | 'levels'>): ColumnKind[] {
  const wanted: Record<ColumnKind, boolean> = { times: true, lengths: true, levels: needs.levels, metadata: needs.metadata, lines: needs.lines }
  return COLUMN_KINDS.filter((kind) => wanted[kind])
}

interface LoadedBlock {
  readonly facts: BlockFacts
  readonly columns: FetchedColumns
}

interface LoadedWindow {
  readonly blocks: ReadonlyArray<LoadedBlock>
  /** What the blocks' columns are parts of. */
  readonly reads: ReadonlyArray<Buffer>
}

const ALL = (): boolean => true

export class SegmentReader {
  readonly key: string
  readonly footer: SegmentFooter
  readonly #read: ReadRange
  readonly #windowBytesMax: number
  readonly #ownsReads: boolean

  constructor(key: string, footer: SegmentFooter, read: ReadRange, { windowBytesMax = WINDOW_BYTES_MAX, ownsReads = false }: ReaderOptions = {}) {
    this.key = key
    this.footer = footer
    this.#read = read
    this.#windowBytesMax = windowBytesMax
    this.#ownsReads = ownsReads
  }

  tenants(): TenantId[] {
    return this.footer.sections.map((s) => s.tenant)
  }

  streams(tenant: TenantId, accept: (labels: Labels) => boolean): Labels[] {
    const postings = this.#section(tenant)?.postings
    return Array.from({ length: postings?.streamCount ?? 0 }, (_, stream) => postings!.labelsOf(stream)).filter(accept)
  }

  series(tenant: TenantId, accept: (labels: Labels) => boolean = ALL, within: { readonly minNs: bigint; readonly maxNs: bigint } | null = null): SeriesFacts[] {
    const section = this.#section(tenant)
    return section === undefined ? [] : seriesOf(section, accept, within)
  }

  /** The blocks that can hold matching entries; null when the tenant has nothing here. */
  async select(tenant: TenantId, accept: (labels: Labels) => boolean, needs: BlockNeeds): Promise<Selection | null> {
    const section = this.#section(tenant)
    if (section === undefined) return null
    const stats = noSkips()
    const blocks = selectByFooter(section, accept, needs, stats)
    const question = blocks.length === 0 ? [] : questionOf({ literals: needs.literals, metadataEquals: pairsOnlyInMetadata(section, needs) }, this.footer.filters.wordHashes)
    if (question.length === 0) return { section, blocks, stats }
    const answer = await askFilters(this.key, this.footer.filters, question, this.#read)
    stats.filterBytesRead = answer.bytesRead
    return { section, blocks: selectByFilter(blocks, answer.mayHold, stats), stats }
  }

  /**
   * The selected blocks in order, with these columns fetched; reads run ahead by one window. `wanted` is asked again just before a block is fetched and before it
   * is given out: a scan that has what it needs says no to the rest. A block's columns hold until the next block is asked for.
   */
  async *load({ section, blocks }: Pick<Selection, 'section' | 'blocks'>, kinds: ReadonlyArray<ColumnKind>, wanted: (block: BlockFacts) => boolean = ALL): AsyncGenerator<EntryBlock> {
    let ahead: Promise<LoadedWindow> | null = null
    for (const window of [...windowsOf(blocks, kinds, this.#windowBytesMax), []]) {
      const loaded: LoadedWindow | null = await ahead
      ahead = this.#fetch(window.filter(wanted), kinds)
      // A consumer that stops early leaves the read ahead to itself.
      ahead.catch(() => undefined)
      if (loaded === null) continue
      for (const { facts, columns } of loaded.blocks) {
        if (!wanted(facts)) continue
        const block = new StoredBlock(this.key, facts, runsOf(section, facts), columns)
        yield block
        block.release()
      }
      if (this.#ownsReads) loaded.reads.forEach(freeBuffer)
    }
  }

  #section(tenant: TenantId): SectionFooter | undefined {
    return this.footer.sections.find((s) => s.tenant === tenant)
  }

  async #fetch(blocks: ReadonlyArray<BlockFacts>, kinds: ReadonlyArray<ColumnKind>): Promise<LoadedWindow> {
    const loaded: LoadedBlock[] = blocks.map((facts) => ({ facts, columns: {} }))
    const parts = loaded.flatMap(({ facts, columns }) => kinds.map((kind) => ({ columns, kind, range: rangeOf(facts, kind) }))).filter((part) => part.range.storedBytes > 0)
    parts.sort((a, b) => a.range.offset - b.range.offset)
    const reads = await Promise.all(
      coalesced(parts.map((part) => part.range)).map(async ({ offset, length, from, to }) => {
        const bytes = await this.#read(offset, length)
        for (const { columns, kind, range } of parts.slice(from, to)) columns[kind] = bytes.subarray(range.offset - offset, range.offset - offset + range.storedBytes)
        return bytes
      }),
    )
    return { blocks: loaded, reads }
  }
}

/** A filter by name also accepts a stream's label, which no block's filter knows of. */
function pairsOnlyInMetadata(section: SectionFooter, { metadataEquals }: BlockNeeds): BlockNeeds['metadataEquals'] {
  const labelNames = new Set(section.postings.names())
  return metadataEquals.filter(([name]) => !labelNames.has(name))
}

const rangeOf = (block: BlockFacts, kind: ColumnKind): ColumnRange => block.columns[COLUMN_KINDS.indexOf(kind)]!

function windowsOf(blocks: ReadonlyArray<BlockFacts>, kinds: ReadonlyArray<ColumnKind>, bytesMax: number): BlockFacts[][] {
  const windows: BlockFacts[][] = []
  let room = 0
  for (const block of blocks) {
    const own = kinds.reduce((sum, kind) => sum + rangeOf(block, kind).storedBytes, 0)
    if (windows.length === 0 || own > room) {
      room = Math.min(bytesMax, WINDOW_BYTES_MIN * 2 ** windows.length)
      windows.push([])
    }
    room -= own
    windows.at(-1)!.push(block)
  }
  return windows
}

/** Neighbouring ranges as one read: positions `[from, to)` of the ascending input. */
function coalesced(ranges: ReadonlyArray<ColumnRange>): Array<{ offset: number; length: number; from: number; to: number }> {
  const reads: Array<{ offset: number; length: number; from: number; to: number }> = []
  for (const [i, range] of ranges.entries()) {
    const last = reads.at(-1)
    const end = range.offset + range.storedBytes
    if (last !== undefined && range.offset - (last.offset + last.length) <= GAP_BYTES_MAX && end - last.offset <= WINDOW_BYTES_MAX) {
      last.length = end - last.offset
      last.to = i + 1
    } else reads.push({ offset: range.offset, length: range.storedBytes, from: i, to: i + 1 })
  }
  return reads
}

function runsOf(section: SectionFooter, block: BlockFacts): StreamRun[] {
  let row = 0
  return block.chunks.map((chunk) => ({ labels: section.postings.labelsOf(chunk.stream), from: row, to: (row += chunk.rowCount) }))
}
