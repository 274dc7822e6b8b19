/**
 * The integer and text codings that every part of a segment is written in: little-endian fixed widths, LEB128 varints, length-prefixed UTF-8.
 *
 * Column and footer files use it. Reading checks every bound: whatever does not fit is `storage_corrupt` naming what was being read.
 */
import { SkaldError } from '../runtime/errors.ts'

export const corrupt = (what: string, why: string): SkaldError => new SkaldError('storage_corrupt', `${what}: ${why}`)

const TWO_28 = 2 ** 28

export class ByteWriter {
  #buffer: Buffer
  length = 0

  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHint)
  }

  /** Makes sure that `bytes` more fit. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + bytes))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }

  u8(value: number): void {
    this.reserve(1)
    this.#buffer[this.length++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    this.length = this.#buffer.writeUInt32LE(value >>> 0, this.length)
  }

  i64(value: bigint): void {
    this.reserve(8)
    this.length = this.#buffer.writeBigInt64LE(value, this.length)
  }

  /** An integer in [0, 2^53). */
  varint(value: number): void {
    this.reserve(8)
    let rest = value
    while (rest >= TWO_28) {
      this.#buffer[this.length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    let low = rest | 0
    while (low > 127) {
      this.#buffer[this.length++] = (low & 127) | 128
      low >>>= 7
    }
    this.#buffer[this.length++] = low
  }

  /** An integer in (-2^52, 2^52). */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length)
    this.#buffer.set(value, this.length)
    this.length += value.length
  }

  text(value: string): void {
    const encoded = Buffer.from(value)
    this.varint(encoded.length)
    this.bytes(encoded)
  }

  /** What was written; a view, valid until the next write. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }
}

export class ByteReader {
  readonly #bytes: Buffer
  readonly what: string
  offset = 0

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes
    this.what = what
  }

  get left(): number {
    return this.#bytes.length - this.offset
  }

  fail(why: string): never {
    throw corrupt(this.what, `${why} at byte ${this.offset}`)
  }

  #take(length: number): number {
    if (length > this.left) this.fail('ends early')
    const at = this.offset
    this.offset += length
    return at
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  i64(): bigint {
    return this.#bytes.readBigInt64LE(this.#take(8))
  }

  varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.offset++]
    if (byte === undefined) return this.fail('ends early')
    if (byte < 128) return byte
    let value = byte & 127
    for (let scale = 128; scale < 2 ** 53; scale *= 128) {
      byte = bytes[this.offset++]
      if (byte === undefined) return this.fail('ends early')
      value += (byte & 127) * scale
      if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : this.fail('number too large')
    }
    return this.fail('number too long')
  }

  signed(): number {
    const coded = this.varint()
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
  }

  /** A count of things that take at least `bytesEach` bytes here, so that a wrong one cannot ask for more memory than the input is worth. */
  count(bytesEach = 1): number {
    const value = this.varint()
    return value * bytesEach <= this.left ? value : this.fail(`count ${value} is more than the bytes that are left`)
  }

  /** A number below `limit`. */
  below(limit: number): number {
    const value = this.varint()
    return value < limit ? value : this.fail(`${value} is not below ${limit}`)
  }

  bytes(length: number): Buffer {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  text(): string {
    return this.bytes(this.count()).toString()
  }

  end(): void {
    if (this.left !== 0) this.fail(`${this.left} bytes too many`)
  }
}
