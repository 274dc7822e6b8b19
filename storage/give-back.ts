/**
 * Memory that goes back to the allocator when its user is done, not when the garbage collector comes: V8 begins to mark a thread's whole heap after each 64 MB of
 * buffers, and fresh memory has to be mapped and cleared by the system first. Used by readers of segments for what they alone hold.
 */

/** Below this, buffers may be parts of a pool, and do not matter. */
const OWN_BYTES_MIN = 16 << 10

/** The view, and every other on the same memory, is empty afterwards. Does nothing for a part of something larger. */
export function giveBack(view: Uint8Array | Float64Array | Uint32Array): void {
  const { buffer } = view
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= OWN_BYTES_MIN && view.byteLength >= buffer.byteLength - 1) buffer.transfer(0)
}
