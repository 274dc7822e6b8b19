/** Streams packed for another thread are the same when they are unpacked there. */
import { expect, it } from 'vitest'
import { formatLabels } from '../../protocols/labels.ts'
import type { Labels } from '../../protocols/model.ts'
import { packStreams, slabIdsOf, unpackStreams } from '../../storage/packed-streams.ts'
import type { StreamCut } from '../../storage/segment-encode.ts'

const STREAMS: ReadonlyArray<StreamCut> = [
  { labels: [['app', 'a'], ['path', '/x, "y"=\n\\']], receivedMinMs: 1_793_491_200_000, receivedMaxMs: 1_793_491_200_001, runs: [{ slab: 9, from: 0, to: 3 }, { slab: 2, from: 7, to: 8 }] },
  { labels: [['app', 'b'], ['service.name', 'c']] as Labels, receivedMinMs: 5, receivedMaxMs: 6, runs: [] },
  { labels: [['app', 'é{}, x=']] as Labels, receivedMinMs: 0, receivedMaxMs: 0, runs: [{ slab: 2, from: 4, to: 40_000 }] },
]
const packed = (streams: ReadonlyArray<StreamCut>) => structuredClone(packStreams(streams.map(({ labels, ...rows }) => ({ ...rows, labelsText: formatLabels(labels) }))))

it('gives streams back as they were', () => {
  expect(unpackStreams(packed(STREAMS))).toEqual(STREAMS)
  expect(unpackStreams(packed([]))).toEqual([])
})

it('knows how much it holds, and of which slabs', () => {
  expect(packed(STREAMS)).toMatchObject({ count: 3, rowCount: 40_000 })
  expect(slabIdsOf([packed(STREAMS), packed([])])).toEqual([2, 9])
})
