import { describe, expect, it } from 'vitest'
import { freeBuffer } from '../../runtime/free-buffer.ts'

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

  it('gives back what is a byte longer than its view, as of decompressed blocks', () => {
    const whole = Buffer.allocUnsafeSlow(100_001)
    freeBuffer(whole.subarray(0, 100_000))
    expect(whole.length).toBe(0)
  })
})
