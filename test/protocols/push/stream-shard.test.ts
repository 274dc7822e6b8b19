/** A stream is split when it is faster than one shard should be, and its entries are all there afterwards. */
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { PushEncoder } from '../../../protocols/push/encode-protobuf.ts'
import { NEW_STREAM, StreamShards, encodeShards, paceAfter, shardCount, shardLabels } from '../../../protocols/push/stream-shard.ts'
import { plainOf, pushBody } from '../../support/push-bodies.ts'

const MIB = 1_048_576
const DESIRED = 1536 * 1024

describe('the decision', () => {
  it('never splits the first push of a stream, whatever its size', () => {
    const shards = new StreamShards(LIMIT_DEFAULTS)
    expect(shards.shardsOf('{a="b"}', 100 * MIB, 0)).toBe(1)
  })

  it('follows the rate up and down again', () => {
    const shards = new StreamShards(LIMIT_DEFAULTS)
    let most = 1
    for (let ms = 0; ms < 10_000; ms += 100) most = shards.shardsOf('{a="b"}', MIB, ms)
    expect(most).toBe(Math.ceil((20 * MIB) / DESIRED))
    expect(shards.shardsOf('{a="b"}', 10, 60_000)).toBe(1)
    for (let ms = 0; ms < 10_000; ms += 100) expect(shards.shardsOf('{slow="x"}', 10_000, ms)).toBe(1)
  })

  it('is off where the tenant says so, and bounded', () => {
    const off = new StreamShards({ ...LIMIT_DEFAULTS, shard_streams: { ...LIMIT_DEFAULTS.shard_streams, enabled: false } })
    for (let ms = 0; ms < 5_000; ms += 100) expect(off.shardsOf('{a="b"}', 10 * MIB, ms)).toBe(1)
    const fast = paceAfter(paceAfter(NEW_STREAM, 1e12, 0), 1e12, 1_000)
    expect(shardCount(fast, 1e12, DESIRED)).toBe(256)
    expect(shardCount(fast, 1, 0)).toBe(1)
  })

  it('does not mind a clock that goes back', () => {
    const pace = paceAfter(paceAfter(NEW_STREAM, 100, 5_000), 50, 1_000)
    expect(pace).toMatchObject({ second: 5, bytes: 150, pushes: 2, bytesPerS: 0 })
  })
})

describe('the split', () => {
  const entries = Array.from({ length: 7 }, (_, i) => ({ ns: 1_793_491_200_000_000_000n + BigInt(i), line: Buffer.from(`line ${i}`), ...(i === 3 ? { metadata: [['k', 'v']] as Array<[string, string]> } : {}) }))
  const batch = decodePushRequest(pushBody([{ labels: '{a="b", z="1"}', entries }]))

  it('deals the entries over shards in order, each once', () => {
    const encoder = new PushEncoder()
    encodeShards(encoder, batch, 0, [['a', 'b'], ['z', '1']], 3)
    const streams = plainOf(decodePushRequest(encoder.finish()))
    expect(streams.map((s) => s.labels)).toEqual([0, 1, 2].map((i) => `{__stream_shard__="${i}", a="b", z="1"}`))
    expect(streams.map((s) => s.entries)).toEqual([0, 1, 2].map((i) => entries.filter((_, k) => k % 3 === i)))
  })

  it('leaves out shards that get nothing', () => {
    const encoder = new PushEncoder()
    expect(encodeShards(encoder, batch, 0, [['a', 'b']], 100)).toHaveLength(7)
    expect(shardLabels([['A', '1'], ['a', 'b']], 4)).toEqual([['A', '1'], ['__stream_shard__', '4'], ['a', 'b']])
  })
})
