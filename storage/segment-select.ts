/**
 * Which blocks of a segment a scan has to read: by labels, time and filters, with an account of what was skipped and why.
 *
 * `SegmentReader.select` uses it. Works on the footer alone; filters are asked through the function that it is given.
 */
import type { Labels } from '../protocols/model.ts'
import type { ScanNeeds } from '../protocols/logql/scan.ts'
import { blockBounds } from './block-codec.ts'
import type { BlockFacts, SectionFooter } from './segment-footer.ts'

/** What of a scan's needs decides about blocks. */
export type BlockNeeds = Pick<ScanNeeds, 'literals' | 'metadataEquals' | 'minNs' | 'maxNs'>

/** Blocks, chunks (a stream's part of a block) and stored bytes by what became of them. */
export interface SkipStats {
  chunks: number
  chunksSkippedByLabels: number
  chunksSkippedByTime: number
  blocks: number
  blocksSkippedByLabels: number
  blocksSkippedByTime: number
  blocksSkippedByFilter: number
  bytes: number
  bytesSkippedByLabels: number
  bytesSkippedByTime: number
  bytesSkippedByFilter: number
  /** Read to decide, on top of the footer. */
  filterBytesRead: number
}

export const noSkips = (): SkipStats => ({
  chunks: 0,
  chunksSkippedByLabels: 0,
  chunksSkippedByTime: 0,
  blocks: 0,
  blocksSkippedByLabels: 0,
  blocksSkippedByTime: 0,
  blocksSkippedByFilter: 0,
  bytes: 0,
  bytesSkippedByLabels: 0,
  bytesSkippedByTime: 0,
  bytesSkippedByFilter: 0,
  filterBytesRead: 0,
})

/** Blocks with at least one chunk whose stream is accepted and whose time range meets the needs'. */
export function selectByFooter(section: SectionFooter, accept: (labels: Labels) => boolean, needs: Pick<BlockNeeds, 'minNs' | 'maxNs'>, stats: SkipStats): BlockFacts[] {
  const accepted = acceptedStreams(section, accept)
  return section.blocks.filter((block) => {
    // Rounded where they lie so far away that it does not matter.
    const from = Number(needs.minNs - block.baseNs)
    const to = Number(needs.maxNs - block.baseNs)
    let labelled = 0
    let chosen = 0
    for (const chunk of block.chunks) {
      if (accepted[chunk.stream] === 0) continue
      labelled++
      if (chunk.minRelativeNs <= to && chunk.maxRelativeNs >= from) chosen++
    }
    const bytes = storedBytesOf(block)
    stats.chunks += block.chunks.length
    stats.chunksSkippedByLabels += block.chunks.length - labelled
    stats.chunksSkippedByTime += labelled - chosen
    stats.blocks++
    stats.bytes += bytes
    if (chosen > 0) return true
    if (labelled === 0) {
      stats.blocksSkippedByLabels++
      stats.bytesSkippedByLabels += bytes
    } else {
      stats.blocksSkippedByTime++
      stats.bytesSkippedByTime += bytes
    }
    return false
  })
}

/** Those of the blocks whose filter does not rule them out. */
export function selectByFilter(blocks: ReadonlyArray<BlockFacts>, mayHold: (block: number) => boolean, stats: SkipStats): BlockFacts[] {
  return blocks.filter((block) => {
    if (mayHold(block.index)) return true
    stats.blocksSkippedByFilter++
    stats.bytesSkippedByFilter += storedBytesOf(block)
    return false
  })
}

function acceptedStreams(section: SectionFooter, accept: (labels: Labels) => boolean): Uint8Array {
  return Uint8Array.from({ length: section.received.length }, (_, stream) => (accept(section.postings.labelsOf(stream)) ? 1 : 0))
}

export function storedBytesOf({ columns }: BlockFacts): number {
  let bytes = 0
  for (const { storedBytes } of columns) bytes += storedBytes
  return bytes
}

/** In the order in which a log query wants them: those that reach farthest to its side first. */
export function blocksByTime(blocks: ReadonlyArray<BlockFacts>, direction: 'forward' | 'backward'): BlockFacts[] {
  const keyed = blocks.map((block) => ({ block, ...blockBounds(block) }))
  if (direction === 'backward') keyed.sort((a, b) => (a.maxNs > b.maxNs ? -1 : a.maxNs < b.maxNs ? 1 : 0))
  else keyed.sort((a, b) => (a.minNs < b.minNs ? -1 : a.minNs > b.minNs ? 1 : 0))
  return keyed.map(({ block }) => block)
}

/** Whether all of a block is beyond a scan's `bound()`. */
export function isBeyond(block: BlockFacts, bound: bigint | null, direction: 'forward' | 'backward'): boolean {
  if (bound === null) return false
  const { minNs, maxNs } = blockBounds(block)
  return direction === 'backward' ? maxNs < bound : minNs > bound
}

/** What a stream has in this segment: what label, series, stats and volume endpoints need. */
export interface SeriesFacts {
  readonly labels: Labels
  readonly minNs: bigint
  readonly maxNs: bigint
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
  readonly rowCount: number
  readonly lineBytes: number
  readonly chunkCount: number
}

/** In label order. With bounds, only chunks that meet `[minNs, maxNs]` count, and streams without any are left out. */
export function seriesOf(section: SectionFooter, accept: (labels: Labels) => boolean, within: { readonly minNs: bigint; readonly maxNs: bigint } | null): SeriesFacts[] {
  const found: Array<{ -readonly [K in keyof SeriesFacts]: SeriesFacts[K] } | undefined> = []
  const accepted = acceptedStreams(section, accept)
  for (const block of section.blocks) {
    const { minNs: blockMinNs, maxNs: blockMaxNs } = blockBounds(block)
    if (within !== null && (blockMinNs > within.maxNs || blockMaxNs < within.minNs)) continue
    for (const chunk of block.chunks) {
      if (accepted[chunk.stream] === 0) continue
      const minNs = block.baseNs + BigInt(chunk.minRelativeNs)
      const maxNs = block.baseNs + BigInt(chunk.maxRelativeNs)
      if (within !== null && (minNs > within.maxNs || maxNs < within.minNs)) continue
      const series = (found[chunk.stream] ??= { labels: section.postings.labelsOf(chunk.stream), ...section.received[chunk.stream]!, minNs, maxNs, rowCount: 0, lineBytes: 0, chunkCount: 0 })
      if (minNs < series.minNs) series.minNs = minNs
      if (maxNs > series.maxNs) series.maxNs = maxNs
      series.rowCount += chunk.rowCount
      series.lineBytes += chunk.lineBytes
      series.chunkCount++
    }
  }
  return found.filter((series) => series !== undefined)
}
