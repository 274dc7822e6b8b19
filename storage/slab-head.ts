/**
 * Open rows as the query engine sees them: an `EntryBlock` over the rows of one slab, made in whatever thread scans heads.
 *
 * Lines are not copied, only the columns of the chosen rows are; metadata and levels are derived when first asked for. Rows that no run names
 * (other tenants', dropped duplicates) are not in the block.
 */
import type { EntryBlock, Labels, MetadataColumn, StreamRun } from '../protocols/model.ts'
import type { LevelsOf } from '../protocols/push/level.ts'
import { MetadataDictionary } from './column-metadata.ts'
import { type RowRun, type SlabColumns, type SlabDescriptor, slabColumns } from './slab.ts'

export interface HeadRun extends RowRun {
  readonly labels: Labels
}

/** One block a slab that the runs touch, slabs in the order given. Runs of a slab are laid out in row order, so line starts ascend. */
export function headBlocks(slabs: ReadonlyArray<SlabDescriptor>, runs: ReadonlyArray<HeadRun>, levelsOf: LevelsOf | null): EntryBlock[] {
  const bySlab = Map.groupBy(runs, (run) => run.slab)
  return slabs.flatMap((slab) => {
    const own = bySlab.get(slab.id)?.filter((run) => run.from < run.to)
    return own === undefined || own.length === 0 ? [] : [headBlock(slab, own, levelsOf)]
  })
}

function headBlock(slab: SlabDescriptor, unordered: ReadonlyArray<HeadRun>, levelsOf: LevelsOf | null): EntryBlock {
  const all = slabColumns(slab)
  const ordered = [...unordered].sort((a, b) => a.from - b.from)
  const runs: StreamRun[] = []
  let rowCount = 0
  for (const run of ordered) {
    if (run.to > slab.rowCount) throw new Error(`slab ${slab.id}: run ends at row ${run.to} of ${slab.rowCount}`)
    runs.push({ labels: run.labels, from: rowCount, to: (rowCount += run.to - run.from) })
  }
  const columns = chosen(all, ordered, rowCount)
  const { relativeNs } = columns
  let minNs = Infinity
  let maxNs = -Infinity
  for (let i = 0; i < rowCount; i++) {
    minNs = Math.min(minNs, relativeNs[i]!)
    maxNs = Math.max(maxNs, relativeNs[i]!)
  }
  const metadata = lazily(() => metadataOf(columns))
  return {
    rowCount,
    baseNs: slab.baseNs,
    minNs: slab.baseNs + BigInt(minNs),
    maxNs: slab.baseNs + BigInt(maxNs),
    runs,
    relativeNs: () => relativeNs,
    lengths: () => columns.lengths,
    lines: () => columns,
    metadata,
    levels: lazily(() => (levelsOf === null ? null : levelsOf({ runs, metadata: metadata(), lines: columns }))),
  }
}

function chosen(all: SlabColumns, runs: ReadonlyArray<HeadRun>, rowCount: number): SlabColumns {
  const pick = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
    let at = 0
    for (const run of runs) {
      to.set(from.subarray(run.from, run.to), at)
      at += run.to - run.from
    }
    return to
  }
  return {
    bytes: all.bytes,
    relativeNs: pick(all.relativeNs, new Float64Array(rowCount)),
    starts: pick(all.starts, new Uint32Array(rowCount)),
    lengths: pick(all.lengths, new Uint32Array(rowCount)),
    metadataStarts: pick(all.metadataStarts, new Uint32Array(rowCount)),
    metadataEnds: pick(all.metadataEnds, new Uint32Array(rowCount)),
  }
}

function metadataOf({ bytes, metadataStarts, metadataEnds }: SlabColumns): MetadataColumn | null {
  const dictionary = new MetadataDictionary()
  const codes = metadataStarts.map((from, i) => dictionary.codeOf(bytes, from, metadataEnds[i]!))
  return dictionary.sets.length === 1 ? null : { codes, sets: dictionary.sets }
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}
