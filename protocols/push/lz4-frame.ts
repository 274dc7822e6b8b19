/**
 * How large an LZ4 frame can become, read from its headers before anything is decompressed. Used for OTLP pushes, whose compressor announces no
 * length. Frame format: magic, descriptor, blocks of at most a stated size, end mark (LZ4 Frame Format 1.6).
 */
const MAGIC = 0x184d2204
const UNCOMPRESSED_FLAG = 0x8000_0000
/** One byte of an LZ4 block can stand for at most 255. */
const EXPANSION_MAX = 255

/** An upper bound in bytes; 0 for what is no LZ4 frame (the decompressor will say so). */
export function lz4FrameBytesMax(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) return 0
  const flags = frame[4]!
  const blockBytesMax = 2 ** (8 + 2 * ((frame[5]! >>> 4) & 7))
  const blockTrailer = (flags & 0x10) === 0 ? 0 : 4
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4)
  let bytes = 0
  while (at + 4 <= frame.length) {
    const word = frame.readUInt32LE(at)
    if (word === 0) break
    const blockBytes = word & 0x7fff_ffff
    bytes += word >= UNCOMPRESSED_FLAG ? blockBytes : Math.min(blockBytesMax, blockBytes * EXPANSION_MAX)
    at += 4 + blockBytes + blockTrailer
  }
  // Bytes after the end mark may be another frame: assume the worst of them.
  return bytes + Math.max(0, frame.length - at - 8) * EXPANSION_MAX
}
