/** Slabs and cuts from plain streams, for tests of storage: a tiny stand-in for the partition's owner. */
import { formatLabels } from '../../protocols/labels.ts'
import type { Labels, TenantId } from '../../protocols/model.ts'
import { decodePushBatches } from '../../protocols/push/decode-protobuf.ts'
import type { ChunkEncoding } from '../../storage/column-codec.ts'
import { type PackedStreams, packStreams } from '../../storage/packed-streams.ts'
import type { SegmentCut, StreamCut } from '../../storage/segment-encode.ts'
import { SlabPool } from '../../storage/slab-pool.ts'
import type { RowRun, Slab } from '../../storage/slab.ts'
import { type PlainStream, pushBody } from './push-bodies.ts'

export const parseLabels = (text: string): Labels => [...text.matchAll(/([a-z_]+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!] as const)

/** As they cross to a thread. */
export const packed = (streams: ReadonlyArray<StreamCut>): PackedStreams => packStreams(streams.map(({ labels, ...rows }) => ({ ...rows, labelsText: formatLabels(labels) })))

export class TestPartition {
  readonly slabs: Slab[] = []
  private readonly pool = new SlabPool(0)
  readonly #runs = new Map<string, Map<string, RowRun[]>>()

  /** Applies a push; returns the run of each of its streams. */
  push(tenant: string, streams: ReadonlyArray<PlainStream>): RowRun[] {
    return decodePushBatches(pushBody(streams)).flatMap((batch) => {
      let slab = this.slabs.at(-1)
      let at = slab?.append(batch) ?? 'full'
      if (at === 'full') {
        slab = this.pool.open(this.slabs.length, batch)
        this.slabs.push(slab)
        at = slab.append(batch)
      }
      if (at === 'full') throw new Error('a fresh slab is full')
      const shift = at
      return batch.streams.map((stream) => {
        const run = { slab: slab!.id, from: shift + stream.rowFrom, to: shift + stream.rowTo }
        this.runsOf(tenant, stream.labelsText).push(run)
        return run
      })
    })
  }

  runsOf(tenant: string, labels: string): RowRun[] {
    const streams = this.#runs.get(tenant) ?? new Map<string, RowRun[]>()
    this.#runs.set(tenant, streams)
    const runs = streams.get(labels) ?? []
    streams.set(labels, runs)
    return runs
  }

  cut(options: { readonly encoding?: ChunkEncoding; readonly blockTargetBytes?: number; readonly first?: number; readonly last?: number } = {}): SegmentCut {
    return {
      partition: 3,
      first: options.first ?? 1,
      last: options.last ?? 9,
      slabs: this.slabs.map((slab) => slab.descriptor()),
      pushIds: [],
      recordIds: [],
      ...(options.blockTargetBytes === undefined ? {} : { blockTargetBytes: options.blockTargetBytes }),
      tenants: [...this.#runs].map(([tenant, streams]) => ({
        tenant: tenant as TenantId,
        encoding: options.encoding ?? 'zstd',
        streams: [...streams].map(([labels, runs]) => ({ labels: parseLabels(labels), receivedMinMs: 1000, receivedMaxMs: 2000, runs })),
      })),
    }
  }
}
