/**
 * The arithmetic of ranged reads, one for all stores: which bytes of an object of a known size does `getRange(offset, length)` mean. Pure.
 */
import { rangeOutside } from './object-store-errors.ts'

export interface ByteRange {
  /** From the object's beginning. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/**
 * A negative offset counts from the end and is cut at the object's beginning; then up to `lengthBytes` follow. Otherwise the range must
 * lie inside the object: throws `storage_corrupt` when it does not.
 */
export function resolveRange(key: string, offset: number, lengthBytes: number, sizeBytes: number): ByteRange {
  if (offset < 0) {
    const start = Math.max(0, sizeBytes + offset)
    return { start, end: Math.min(sizeBytes, start + lengthBytes) }
  }
  if (offset + lengthBytes > sizeBytes) throw rangeOutside(key, offset, lengthBytes, sizeBytes)
  return { start: offset, end: offset + lengthBytes }
}
