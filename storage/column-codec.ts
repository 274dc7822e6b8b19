/**
 * Chunk encodings (Loki's names): how the bytes of one column are compressed. Encoders choose by the tenant's setting, readers by the code in the footer.
 *
 * Synchronous on purpose: it runs in worker threads, and the asynchronous zlib calls cost twice the CPU.
 */
import zlib from 'node:zlib'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { corrupt } from './column-bytes.ts'
import type { ColumnRoom } from './column-room.ts'
import { compressZstd } from './zstd-column.ts'
import { decompressZstdInto } from './zstd-into.ts'

/** The position is the code in the format. */
export const CHUNK_ENCODINGS = ['none', 'snappy', 'gzip', 'lz4', 'zstd'] as const
export type ChunkEncoding = (typeof CHUNK_ENCODINGS)[number]

const GZIP_LEVEL = 1

interface Codec {
  readonly compress: (bytes: Buffer) => Buffer
  /** `room`: where the result may be put; it is not used by all. */
  readonly decompress: (bytes: Buffer, rawBytes: number, room: ColumnRoom | null) => Buffer
}

const CODECS: ReadonlyArray<Codec> = [
  { compress: (bytes) => Buffer.from(bytes), decompress: (bytes) => bytes },
  { compress: (bytes) => snappy.compressSync(bytes), decompress: uncompressSnappy },
  { compress: (bytes) => zlib.gzipSync(bytes, { level: GZIP_LEVEL }), decompress: (bytes, rawBytes) => zlib.gunzipSync(bytes, { maxOutputLength: rawBytes + 1 }) },
  { compress: (bytes) => lz4.compressSync(bytes), decompress: uncompressLz4 },
  { compress: compressZstd, decompress: decompressZstd },
]

/** With room for one byte more than there should be, which shows frames that are too long. */
function decompressZstd(bytes: Buffer, rawBytes: number, room: ColumnRoom | null): Buffer {
  const into = room?.take(rawBytes + 1) ?? null
  const written = into === null ? null : decompressZstdInto(bytes, into.subarray(0, rawBytes + 1))
  if (into !== null && written !== null) return into.subarray(0, written)
  return zlib.zstdDecompressSync(bytes, { maxOutputLength: rawBytes + 1, chunkSize: Math.max(64, rawBytes + 1) })
}

function uncompressSnappy(bytes: Buffer): Buffer {
  const raw = snappy.uncompressSync(bytes, { asBuffer: true })
  return typeof raw === 'string' ? Buffer.from(raw) : raw
}

/** The library trusts the length in front of the block, so it is checked before memory is asked for. */
function uncompressLz4(bytes: Buffer, rawBytes: number): Buffer {
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== rawBytes) throw new Error('wrong length in front')
  return lz4.uncompressSync(bytes)
}

/** Compresses with the encoding, or stores as is where that is not smaller: returns the code that goes into the format. */
export function compressColumn(encoding: ChunkEncoding, bytes: Buffer): { readonly code: number; readonly stored: Buffer } {
  const code = CHUNK_ENCODINGS.indexOf(encoding)
  const stored = bytes.length === 0 ? bytes : CODECS[code]!.compress(bytes)
  return stored.length < bytes.length ? { code, stored } : { code: 0, stored: Buffer.from(bytes) }
}

/** Throws `storage_corrupt` when the bytes are not `rawBytes` bytes compressed by encoding `code`. With a room the result may lie in it. */
export function decompressColumn(code: number, stored: Buffer, rawBytes: number, what: string, room: ColumnRoom | null = null): Buffer {
  const codec = CODECS[code]
  if (codec === undefined) throw corrupt(what, `unknown encoding ${code}`)
  let raw: Buffer
  try {
    raw = codec.decompress(stored, rawBytes, room)
  } catch (error) {
    throw corrupt(what, `cannot be decompressed (${CHUNK_ENCODINGS[code]}): ${error instanceof Error ? error.message : String(error)}`)
  }
  if (raw.length !== rawBytes) throw corrupt(what, `has ${raw.length} bytes after decompression, not ${rawBytes}`)
  return raw
}
