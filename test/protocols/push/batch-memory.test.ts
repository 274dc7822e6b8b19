import { describe, expect, it } from 'vitest'
import { freeBuffer } from '../../../runtime/free-buffer.ts'
import { BatchMemory } from '../../../protocols/push/batch-memory.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { pushBody } from '../../support/push-bodies.ts'

const batch = () => decodePushRequest(Buffer.concat([pushBody([{ labels: '{app="a"}', entries: Array.from({ length: 3_000 }, (_, i) => ({ ns: BigInt(i), line: Buffer.from(`line ${i}`) })) }])]))

describe('the memory of a decoded push', () => {
  it('is given back when the last of its users has left, and not before', () => {
    const shared = batch()
    const memory = new BatchMemory(shared)
    memory.use()
    memory.use()
    memory.leave()
    expect([shared.body.length > 40_000, shared.relativeNs.length]).toEqual([true, 3_000])
    memory.leave()
    expect([shared.body.length, shared.relativeNs.length]).toEqual([0, 0])
  })
})

describe('freeBuffer', () => {
  it('leaves a view of a part alone, since the rest may be in use', () => {
    const whole = Buffer.allocUnsafeSlow(100_000).fill(1)
    freeBuffer(whole.subarray(10))
    expect(whole.length).toBe(100_000)
    freeBuffer(whole)
    expect(whole.length).toBe(0)
  })

  it('leaves shared memory alone: another thread may read it', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(100_000))
    freeBuffer(shared)
    expect(shared.length).toBe(100_000)
  })
})
