/**
 * Gives the memory of a buffer back at once. Large buffers that live for a moment cost twice when they wait for the garbage collector: in peak memory,
 * and because V8 marks the whole heap again after so many bytes of them (docs/performance.md). Used where a push has just been done with.
 */

/** Smaller ones are not worth the call. */
const BYTES_MIN = 16 * 1024

/** The caller must be the last user: whoever still looks sees no bytes at all. A view of a part of its memory is left alone, since others may have the rest. */
export function freeBuffer({ buffer, byteLength }: Uint8Array | Float64Array | Uint32Array): void {
  if (byteLength >= BYTES_MIN && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
