/**
 * zstd compression of columns, for the threads that encode: one compressor a thread, and its output in the same memory each time. The bytes are those that
 * `zlib.zstdCompressSync` gives, which is used where node has no such binding and for columns that are too large to keep memory for.
 */
import zlib from 'node:zlib'
import { ColumnRoom } from './column-room.ts'
import { EMPTY_FRAME, LEAST_CHUNK_BYTES, zstdCoder, type ZstdCoder } from './zstd-binding.ts'

/**
 * Level 3 with long minimum matches and small tables: on log lines smaller (0.150 against 0.156 of raw) and a quarter faster to read (1000 against 790 MB/s) than
 * level 1 at the same cost of writing. Measured: docs/format.md.
 */
const PARAMETERS = {
  [zlib.constants.ZSTD_c_compressionLevel]: 3,
  [zlib.constants.ZSTD_c_minMatch]: 7,
  [zlib.constants.ZSTD_c_hashLog]: 16,
  [zlib.constants.ZSTD_c_chainLog]: 16,
}

/** Output is made in pieces of this size. It is a part of the format's equal bytes (F3): zstd divides a frame differently when it sees room for all of it. */
const PIECE_BYTES_MAX = 128 << 10

/** zstd needs no more for this many bytes of any content. */
const bytesMax = (rawBytes: number): number => rawBytes + (rawBytes >>> 7) + 128

const room = new ColumnRoom()

/** One a thread. null: this node has none; undefined: not known yet, or the last one failed. */
let encoder: ZstdCoder | null | undefined

/** One frame, which gives its raw length, in memory of its own. */
export function compressZstd(raw: Buffer): Buffer {
  const pieceBytes = Math.min(PIECE_BYTES_MAX, bytesMax(raw.length))
  const into = room.take(bytesMax(raw.length) + 2 * pieceBytes)
  const written = into === null ? null : compressInto(raw, into, pieceBytes)
  if (into !== null && written !== null) return Buffer.from(oneFrame(into.subarray(0, written), raw.length, pieceBytes))
  return oneFrame(zlib.zstdCompressSync(raw, { params: PARAMETERS, chunkSize: pieceBytes }), raw.length, pieceBytes)
}

/** How many bytes are at the front of `into`; null: this release of node cannot. */
function compressInto(raw: Buffer, into: Buffer, pieceBytes: number): number | null {
  if (encoder === undefined) encoder = zstdCoder(zlib.createZstdCompress({ params: PARAMETERS, chunkSize: LEAST_CHUNK_BYTES }))
  if (encoder === null) return null
  const { binding, left } = encoder
  let from = 0
  let at = 0
  // No reset before: zstd is ready for the next frame at the end of one, and node's reset makes a new compressor, without the parameters.
  do {
    binding.writeSync(zlib.constants.ZSTD_e_end, raw, from, raw.length - from, into, at, pieceBytes)
    if (encoder.failure !== null) return failed(encoder.failure)
    from = raw.length - left[1]!
    at += pieceBytes - left[0]!
  } while (left[0] === 0)
  return at
}

/** It may be within a frame, so the next column gets another one. */
function failed(failure: string): never {
  encoder = undefined
  throw new Error(`zstd: ${failure}`)
}

/** Readers take one frame. What looks like an empty one behind it may be the content of one that ends there: then it is no frame without. */
function oneFrame(frames: Buffer, rawBytes: number, pieceBytes: number): Buffer {
  const end = frames.length - EMPTY_FRAME.length
  const isTwo = end > 0 && end % pieceBytes === 0 && frames.subarray(end).equals(EMPTY_FRAME) && isWhole(frames.subarray(0, end), rawBytes)
  return isTwo ? frames.subarray(0, end) : frames
}

function isWhole(frame: Buffer, rawBytes: number): boolean {
  try {
    return zlib.zstdDecompressSync(frame, { maxOutputLength: rawBytes }).length === rawBytes
  } catch {
    return false
  }
}
