import { describe, expect, it } from 'vitest'
import { compressColumn, decompressColumn } from '../../storage/column-codec.ts'
import { ColumnRoom } from '../../storage/column-room.ts'

describe('ColumnRoom', () => {
  it('is the same memory for all that fits', () => {
    const room = new ColumnRoom()
    const first = room.take(300_000)!
    expect(first.length).toBeGreaterThanOrEqual(300_000)
    expect(room.take(1000)!.buffer).toBe(first.buffer)
    expect(room.take(first.length + 1)!.buffer).not.toBe(first.buffer)
  })

  it('keeps no memory for what is very large', () => {
    expect(new ColumnRoom().take(5 << 20)).toBe(null)
  })

  it('knows what is in it', () => {
    const room = new ColumnRoom()
    expect(room.holds(room.take(10)!.subarray(2, 4))).toBe(true)
    expect(room.holds(Buffer.alloc(10))).toBe(false)
  })

  it.each(['zstd', 'gzip', 'snappy', 'lz4', 'none'] as const)('gives the columns that %s made, with and without it, and refuses wrong lengths', (encoding) => {
    const room = new ColumnRoom()
    for (const text of ['error '.repeat(1000), 'warn '.repeat(1_000_000)]) {
      const raw = Buffer.from(text)
      const { code, stored } = compressColumn(encoding, raw)
      expect(decompressColumn(code, stored, raw.length, 'x', room).equals(raw)).toBe(true)
      expect(decompressColumn(code, stored, raw.length, 'x').equals(raw)).toBe(true)
      for (const wrong of [raw.length - 1, raw.length + 1]) expect(() => decompressColumn(code, stored, wrong, 'x', room)).toThrow('x')
    }
  })
})
