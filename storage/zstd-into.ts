/** zstd decompression into memory that is there already, for readers of blocks. */
import zlib from 'node:zlib'
import { EMPTY_FRAME, LEAST_CHUNK_BYTES, zstdCoder, type ZstdCoder } from './zstd-binding.ts'

/** One a thread. null: this node has none; undefined: not known yet, or the last one failed. */
let decoder: ZstdCoder | null | undefined

/** Decompresses one frame to the front of `into`: how many bytes it has; null: this release of node cannot. Throws what is wrong with the frame. */
export function decompressZstdInto(stored: Uint8Array, into: Uint8Array): number | null {
  if (decoder === undefined) decoder = zstdCoder(zlib.createZstdDecompress({ chunkSize: LEAST_CHUNK_BYTES }))
  if (decoder === null) return null
  const { binding, left } = decoder
  binding.reset()
  binding.writeSync(zlib.constants.ZSTD_e_end, stored, 0, stored.length, into, 0, into.length)
  const { failure } = decoder
  if (failure === null && isNothing(stored.subarray(stored.length - left[1]!))) return into.length - left[0]!
  decoder = undefined
  throw new Error(failure ?? 'has more than the expected bytes')
}

/** Segments may have an empty frame behind a column's, written before encoders took it away. */
const isNothing = (rest: Uint8Array): boolean => rest.length === 0 || EMPTY_FRAME.equals(rest)
