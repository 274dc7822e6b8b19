import { describe, expect, it } from 'vitest'
import { SlabPool } from '../../storage/slab-pool.ts'
import { SLAB_BYTES, SLAB_ROWS } from '../../storage/slab.ts'
import { decodePushBatches } from '../../protocols/push/decode-protobuf.ts'
import { type PlainStream, pushBody } from '../support/push-bodies.ts'

const T0 = 1_793_491_200_000_000_000n
const entry = (offsetMs: number, line: string, metadata: Record<string, string> = {}) => ({ ns: T0 + BigInt(offsetMs) * 1_000_000n, line: Buffer.from(line), metadata: Object.entries(metadata) })
const batchOf = (...streams: PlainStream[]) => decodePushBatches(pushBody(streams))[0]!

describe('SlabPool', () => {
  const withMetadata = batchOf({ labels: '{a="1"}', entries: [entry(0, 'first', { user: 'u1' })] })
  const plain = batchOf({ labels: '{a="1"}', entries: [entry(0, 'second')] })

  it('uses memory again, and nothing of its former rows shows', () => {
    const pool = new SlabPool(64 << 20)
    const first = pool.open(1, withMetadata)
    first.append(withMetadata)
    pool.recycle(first)
    const second = pool.open(2, plain)
    expect(second.memory).toBe(first.memory)
    expect(second.rowCount).toBe(0)
    second.append(plain)
    const { columns } = second
    expect(columns.bytes.toString('utf8', columns.starts[0], columns.starts[0]! + columns.lengths[0]!)).toBe('second')
    expect(columns.metadataStarts[0]).toBe(columns.metadataEnds[0])
  })

  it('keeps no more than its bound, and no unusual sizes', () => {
    const pool = new SlabPool(8 << 20)
    for (const slab of [pool.open(1, plain), pool.open(2, plain)]) pool.recycle(slab)
    expect(pool.freeBytes).toBeLessThanOrEqual(8 << 20)
    const large = batchOf({ labels: '{a="1"}', entries: [entry(0, 'x'.repeat(SLAB_BYTES))] })
    const slab = new SlabPool(64 << 20).open(3, large)
    expect(slab.memory.rowCapacity).toBe(SLAB_ROWS)
    expect(slab.append(large)).toBe(0)
  })
})
