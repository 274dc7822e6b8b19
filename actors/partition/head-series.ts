/** Facts about the streams in memory, for labels, series, stats and volume. Reads columns only, no line. */
import { slabColumns, type SlabColumns, type SlabDescriptor } from '../../storage/slab.ts'
import { unpackStreams } from '../../storage/packed-streams.ts'
import type { StreamCut } from '../../storage/segment-encode.ts'
import type { AcceptLabels } from './tenant-streams.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import type { HeadContent } from '../segments/segment-work.ts'

/** Of the streams that `accept` takes. */
export function headSeries(content: HeadContent, accept: AcceptLabels = () => true): SeriesFacts[] {
  const slabs = new Map(content.slabs.map((slab) => [slab.id, { slab, columns: slabColumns(slab) }]))
  return content.streams.flatMap((part) => unpackStreams(part).filter(({ labels }) => accept(labels)).map((stream) => factsOf(stream, slabs)))
}

function factsOf(stream: StreamCut, slabs: ReadonlyMap<number, { slab: SlabDescriptor; columns: SlabColumns }>): SeriesFacts {
  let minNs: bigint | null = null
  let maxNs: bigint | null = null
  let rowCount = 0
  let lineBytes = 0
  for (const run of stream.runs) {
    const { slab, columns } = slabs.get(run.slab)!
    const first = slab.baseNs + BigInt(columns.relativeNs[run.from]!)
    const last = slab.baseNs + BigInt(columns.relativeNs[run.to - 1]!)
    if (minNs === null || first < minNs) minNs = first
    if (maxNs === null || last > maxNs) maxNs = last
    rowCount += run.to - run.from
    for (let row = run.from; row < run.to; row++) lineBytes += columns.lengths[row]! + columns.metadataEnds[row]! - columns.metadataStarts[row]!
  }
  return {
    labels: stream.labels,
    minNs: minNs ?? 0n,
    maxNs: maxNs ?? 0n,
    receivedMinMs: stream.receivedMinMs,
    receivedMaxMs: stream.receivedMaxMs,
    rowCount,
    lineBytes,
    chunkCount: 1,
  }
}
