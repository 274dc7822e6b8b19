/** Facts about the streams in memory, for labels, series, stats and volume. Reads columns only, no line. */
import { slabColumns, type SlabColumns, type SlabDescriptor } from '../storage/slab.ts'
import type { EncodeStream, HeadContent, SeriesFacts } from './segment-work.ts'

export function headSeries(content: HeadContent): SeriesFacts[] {
  const slabs = new Map(content.slabs.map((slab) => [slab.id, { slab, columns: slabColumns(slab) }]))
  return content.streams.map((stream) => factsOf(stream, slabs))
}

function factsOf(stream: EncodeStream, slabs: ReadonlyMap<number, { slab: SlabDescriptor; columns: SlabColumns }>): SeriesFacts {
  let minNs: bigint | null = null
  let maxNs = 0n
  let rowCount = 0
  let rawBytes = 0
  for (const run of stream.runs) {
    const { slab, columns } = slabs.get(run.slab)!
    const first = slab.baseNs + BigInt(columns.relativeNs[run.from]!)
    const last = slab.baseNs + BigInt(columns.relativeNs[run.to - 1]!)
    if (minNs === null || first < minNs) minNs = first
    if (last > maxNs) maxNs = last
    rowCount += run.to - run.from
    for (let row = run.from; row < run.to; row++) rawBytes += columns.lengths[row]! + columns.metadataEnds[row]! - columns.metadataStarts[row]!
  }
  return {
    labels: stream.labels,
    minNs: String(minNs ?? 0n),
    maxNs: String(maxNs),
    receivedMinMs: stream.receivedMinMs,
    receivedMaxMs: stream.receivedMaxMs,
    rowCount,
    rawBytes,
    chunkCount: 1,
  }
}
