import zlib from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { compressZstd } from '../../storage/zstd-column.ts'
import { decompressZstdInto } from '../../storage/zstd-into.ts'
import { seeded } from '../support/push-bodies.ts'

const PIECE_BYTES = 128 << 10
const PARAMETERS = {
  [zlib.constants.ZSTD_c_compressionLevel]: 3,
  [zlib.constants.ZSTD_c_minMatch]: 7,
  [zlib.constants.ZSTD_c_hashLog]: 16,
  [zlib.constants.ZSTD_c_chainLog]: 16,
}
const publicCall = (raw: Buffer): Buffer => zlib.zstdCompressSync(raw, { params: PARAMETERS, chunkSize: Math.min(PIECE_BYTES, raw.length + (raw.length >>> 7) + 128) })

const random = seeded(5)
const noise = (bytes: number, symbols: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * symbols)))
const logLines = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: Math.ceil(bytes / 60) }, (_, i) => `level=info msg="request ${i}" took=${Math.floor(random() * 1e6)}us path=/api/v1/${i % 97}\n`).join('')).subarray(0, bytes)

/** Too large for memory that is kept. */
const HUGE_BYTES = 5 << 20
const SIZES = [1, 300, 20_000, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 400_000, 1_100_000, HUGE_BYTES]

/** The module as a thread has it at its start. */
async function newThread(): Promise<typeof compressZstd> {
  vi.resetModules()
  return (await import('../../storage/zstd-column.ts')).compressZstd
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('zstd compression of columns', () => {
  it.each(SIZES)('gives the bytes of node\'s own call for %i bytes, whatever was compressed before (F3)', (bytes) => {
    for (const raw of [logLines(bytes), noise(bytes, 20), noise(bytes, 200), Buffer.alloc(bytes)]) expect(compressZstd(raw).equals(publicCall(raw))).toBe(true)
  })

  it('gives the raw length in each frame, and memory that the next column does not change', () => {
    const raws = [logLines(300_000), noise(50_000, 20), logLines(1000)]
    const frames = raws.map(compressZstd)
    for (const [i, frame] of frames.entries()) {
      expect(frame.equals(publicCall(raws[i]!))).toBe(true)
      expect((frame[4]! & 0b1110_0000) !== 0).toBe(true)
    }
  })

  it('gives the same bytes by the public call where node has no such binding', async () => {
    vi.spyOn(zlib, 'createZstdCompress').mockReturnValue({} as zlib.ZstdCompress)
    const own = vi.spyOn(zlib, 'zstdCompressSync')
    const compress = await newThread()
    const raw = logLines(400_000)
    const frame = compress(raw)
    expect(own).toHaveBeenCalledOnce()
    expect(frame.equals(compressZstd(raw))).toBe(true)
  })

  it('takes no bytes of a frame whose content ends with those of an empty one', () => {
    const empty = Buffer.from('28b52ffd2000010000', 'hex')
    // Stored as it is, so that the frame has the length that an empty one behind it would give it.
    const rawBytes = 2 * PIECE_BYTES - 20
    const content = Buffer.concat([noise(rawBytes - empty.length, 256), empty])
    const raw = Buffer.concat([noise(2 * PIECE_BYTES + empty.length - publicCall(content).length, 256), content])
    const frame = compressZstd(raw)
    expect(frame.length).toBe(2 * PIECE_BYTES + empty.length)
    expect(frame.equals(publicCall(raw))).toBe(true)
    expect(zlib.zstdDecompressSync(frame).equals(raw)).toBe(true)
  })

  it('throws what zstd says, and takes the next column', async () => {
    const compress = await newThread()
    const { createZstdCompress } = zlib
    const opened = vi.spyOn(zlib, 'createZstdCompress').mockImplementationOnce((options) => {
      const stream = createZstdCompress(options) as zlib.ZstdCompress & { _handle: { writeSync: () => void; onerror: (message: string) => void } }
      stream._handle.writeSync = () => stream._handle.onerror('Allocation error')
      return stream
    })
    const raw = logLines(400_000)
    expect(() => compress(raw)).toThrow('Allocation error')
    expect(compress(raw).equals(publicCall(raw))).toBe(true)
    compress(raw)
    expect(opened).toHaveBeenCalledTimes(2)
  })

  it('is one frame when that fills a piece of output to the last byte, where node\'s own call puts an empty one behind it', async () => {
    const raw = fillsAPiece()
    expect(publicCall(raw).length).toBe(PIECE_BYTES + 9)
    const frame = compressZstd(raw)
    expect(frame.length).toBe(PIECE_BYTES)
    expect(decompressZstdInto(frame, Buffer.alloc(raw.length + 1))).toBe(raw.length)
    vi.spyOn(zlib, 'createZstdCompress').mockReturnValue({} as zlib.ZstdCompress)
    expect((await newThread())(raw).equals(frame)).toBe(true)
  })
})

/** Content whose frame has just the bytes of a piece. */
function fillsAPiece(): Buffer {
  // One more byte that matches nothing makes the frame longer by a byte, so some length fits: found by halving, then by steps.
  const content = noise(PIECE_BYTES * 2, 256)
  let low = 0
  let high = content.length
  const sizeOf = (length: number): number => compressZstd(content.subarray(0, length)).length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (sizeOf(middle) < PIECE_BYTES) low = middle
    else high = middle
  }
  return content.subarray(0, high)
}
