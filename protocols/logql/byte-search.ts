/** Finding bytes in a part of a larger buffer. Short needles in short lines: a loop beats the call into native code. */

/** First position at or after `start` where the whole needle lies before `end`, or -1. */
export function indexOfBytes(bytes: Uint8Array, needle: Uint8Array, start: number, end: number): number {
  const length = needle.length
  if (length === 0) return start
  const first = needle[0]!
  const last = end - length
  for (let at = start; at <= last; at++) {
    if (bytes[at] !== first) continue
    let i = 1
    while (i < length && bytes[at + i] === needle[i]) i++
    if (i === length) return at
  }
  return -1
}

export function startsWithBytes(bytes: Uint8Array, needle: Uint8Array, start: number, end: number): boolean {
  if (end - start < needle.length) return false
  for (let i = 0; i < needle.length; i++) if (bytes[start + i] !== needle[i]) return false
  return true
}
