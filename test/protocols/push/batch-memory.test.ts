import { describe, expect, it } from 'vitest'
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
