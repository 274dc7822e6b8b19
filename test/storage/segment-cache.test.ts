import { describe, expect, it } from 'vitest'
import { SegmentCache } from '../../storage/segment-cache.ts'
import type { SegmentFooter } from '../../storage/segment-footer.ts'
import { SharedLedger } from '../../storage/shared-ledger.ts'

const MB = 2 ** 20
const footer = (footerBytes: number): SegmentFooter => ({ footerBytes }) as SegmentFooter

describe('segment cache', () => {
  const open = (keepsRanges = true, limitBytes = 16 * MB): { cache: SegmentCache; ledger: SharedLedger } => {
    const ledger = new SharedLedger()
    ledger.limitBytes = limitBytes
    // The other end of the same memory, as a thread has it.
    return { cache: new SegmentCache({ ledger: new SharedLedger(ledger.memory), keepsRanges }), ledger }
  }

  it('loads a footer and a range once, until they are forgotten', async () => {
    const { cache } = open()
    let loads = 0
    const range = (): Promise<Buffer> => cache.range('a', 0, 3, async () => (loads++, Buffer.from('abc')))
    const read = (): Promise<SegmentFooter> => cache.footer('a', async () => (loads++, footer(1000)))
    for (let i = 0; i < 3; i++) {
      expect(String(await range())).toBe('abc')
      expect((await read()).footerBytes).toBe(1000)
    }
    expect(loads).toBe(2)
    cache.forget('a')
    await range()
    await read()
    expect(loads).toBe(4)
  })

  it('keeps no ranges of local files', async () => {
    const { cache, ledger } = open(false)
    let loads = 0
    for (let i = 0; i < 2; i++) await cache.range('a', 0, 3, async () => (loads++, Buffer.alloc(3)))
    expect([loads, ledger.usedBytes]).toEqual([2, 0])
  })

  it('is counted in its ledger, and yields when its limit falls (W4)', async () => {
    const { cache, ledger } = open()
    for (let i = 0; i < 40; i++) await cache.range(`s${i}`, 0, MB, async () => Buffer.alloc(MB))
    expect(ledger.usedBytes).toBeGreaterThan(14 * MB)
    expect(ledger.usedBytes).toBeLessThanOrEqual(16 * MB)
    ledger.limitBytes = 4 * MB
    await cache.range('one more', 0, MB, async () => Buffer.alloc(MB))
    expect(ledger.usedBytes).toBeLessThanOrEqual(4 * MB)
    ledger.limitBytes = 0
    await cache.range('none', 0, MB, async () => Buffer.alloc(MB))
    expect(ledger.usedBytes).toBe(0)
  })
})
