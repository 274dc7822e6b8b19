import zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decompressZstdInto } from '../../storage/zstd-into.ts'

const TEXT = Buffer.from('GET /index.html 200 '.repeat(5000))
const FRAME = zlib.zstdCompressSync(TEXT)

describe('zstd decompression into memory that is there', () => {
  it('gives what node\'s own call gives, in front of what was there', () => {
    const into = Buffer.alloc(TEXT.length + 10, 'x')
    expect(decompressZstdInto(FRAME, into)).toBe(TEXT.length)
    expect(into.subarray(0, TEXT.length).equals(TEXT)).toBe(true)
    expect(into.subarray(TEXT.length).toString()).toBe('xxxxxxxxxx')
  })

  it('has nothing to do with the frame before', () => {
    const into = Buffer.alloc(TEXT.length)
    for (const text of ['a', 'b'.repeat(70_000), 'c']) {
      const frame = zlib.zstdCompressSync(Buffer.from(text))
      expect(into.toString('utf8', 0, decompressZstdInto(frame, into)!)).toBe(text)
    }
  })

  it.each([
    ['a changed byte', Buffer.from(FRAME).fill(0xff, 12, 20), TEXT.length],
    ['no frame at all', Buffer.from('GET /index.html 200'), TEXT.length],
    ['more than there is room for', FRAME, TEXT.length - 1],
    ['more than one frame', Buffer.concat([FRAME, FRAME]), TEXT.length],
  ])('refuses %s, and takes a good frame afterwards', (_, frame, bytes) => {
    const into = Buffer.alloc(bytes)
    expect(() => decompressZstdInto(frame, into)).toThrow()
    expect(decompressZstdInto(FRAME, Buffer.alloc(TEXT.length))).toBe(TEXT.length)
  })

  it('takes a frame with an empty one behind it, as node writes where a frame fills its output', () => {
    const stored = Buffer.concat([FRAME, zlib.zstdCompressSync(Buffer.alloc(0))])
    expect(decompressZstdInto(stored, Buffer.alloc(TEXT.length + 1))).toBe(TEXT.length)
  })

  it('says how much of a frame there is that was cut off', () => {
    const into = Buffer.alloc(TEXT.length)
    let written: number | null = null
    try {
      written = decompressZstdInto(FRAME.subarray(0, -3), into)
    } catch {
      return
    }
    expect(written).toBeLessThan(TEXT.length)
  })
})
