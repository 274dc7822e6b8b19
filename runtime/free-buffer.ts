/**
 * Gives the memory of a buffer back at once. Large buffers that live for a moment cost twice when they wait for the garbage collector: in peak memory,
 * and because V8 marks the whole heap of a thread again after so many bytes of them (docs/performance.md). Used where a push has just been done with, and
 * by the encoder and the readers of segments for what they alone hold.
 */

/** Smaller ones are not worth the call, and may be parts of a pool. */
const BYTES_MIN = 16 * 1024

/**
 * The caller must be the last user: whoever still looks sees no bytes at all. A view of a part of its memory is left alone, since others may have the rest;
 * a last byte outside of it does not count, since zstd is given one more than it should need.
 */
export function freeBuffer({ buffer, byteLength }: Uint8Array | Float64Array | Uint32Array | Int32Array): void {
  if (buffer instanceof ArrayBuffer && byteLength >= BYTES_MIN && byteLength >= buffer.byteLength - 1) buffer.transfer(0)
}
