/**
 * The protobuf wire format as far as the push path needs it: varints, tags, skipping what is not known.
 *
 * Used by the walkers of `PushRequest` and of OTLP. The hot loop of decode-protobuf.ts has its own inlined readers; these are for everything
 * that happens once a stream or record. Errors carry the words that Go's generated decoders use, because clients and their users know them.
 */
import { SkaldError } from '../../runtime/errors.ts'

export const WIRE_VARINT = 0
export const WIRE_FIXED64 = 1
export const WIRE_BYTES = 2
export const WIRE_FIXED32 = 5

/** Nested groups deeper than this are refused: nothing real has any. */
const GROUP_DEPTH_MAX = 32

export const malformed = (message: string): SkaldError => new SkaldError('malformed_body', message)
export const truncated = (): SkaldError => malformed('unexpected EOF')
export const wrongWireType = (wireType: number, field: string): SkaldError => malformed(`proto: wrong wireType = ${wireType} for field ${field}`)
const illegalTag = (message: string, tag: number): SkaldError =>
  malformed(tag >>> 3 === 0 ? `proto: ${message}: illegal tag 0 (wire type ${tag & 7})` : `proto: ${message}: wiretype end group for non-group`)

/** A cursor over one message's bytes. Reading past `end` is an error, never a value. */
export class WireReader {
  readonly bytes: Buffer
  at: number
  end: number

  constructor(bytes: Buffer, from = 0, to = bytes.length) {
    this.bytes = bytes
    this.at = from
    this.end = to
  }

  /** An unsigned varint up to 2^53; larger ones lose low bits, so lengths are checked against `end` afterwards. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw truncated()
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw malformed('proto: integer overflow')
  }

  /** An int64 varint as a BigInt (attribute values, timestamps outside the hot path). */
  int64(): bigint {
    const from = this.at
    if (this.varint() < Number.MAX_SAFE_INTEGER / 2) {
      const end = this.at
      this.at = from
      const value = BigInt(this.varint())
      this.at = end
      return value
    }
    let value = 0n
    for (let i = from; i < this.at; i++) value |= BigInt(this.bytes[i]! & 0x7f) << BigInt(7 * (i - from))
    return BigInt.asIntN(64, value)
  }

  fixed64(): bigint {
    const from = this.advance(8)
    return this.bytes.readBigUInt64LE(from)
  }

  fixed32(): number {
    const from = this.advance(4)
    return this.bytes.readUInt32LE(from)
  }

  double(): number {
    const from = this.advance(8)
    return this.bytes.readDoubleLE(from)
  }

  /** Reads a length and returns where the field's content begins; `at` is then its end. */
  lengthDelimited(): number {
    const length = this.varint()
    if (length > 0x7fff_ffff_ffff) throw malformed('proto: negative length found during unmarshaling')
    return this.advance(length)
  }

  advance(length: number): number {
    const from = this.at
    if (length > this.end - from) throw truncated()
    this.at = from + length
    return from
  }

  /** Passes over a field whose tag was just read. */
  skip(tag: number, message: string, depth = 0): void {
    if (tag >>> 3 === 0) throw illegalTag(message, tag)
    switch (tag & 7) {
      case WIRE_VARINT:
        this.varint()
        return
      case WIRE_FIXED64:
        this.advance(8)
        return
      case WIRE_BYTES:
        this.lengthDelimited()
        return
      case 3:
        this.#skipGroup(message, depth)
        return
      case 4:
        throw illegalTag(message, tag)
      case WIRE_FIXED32:
        this.advance(4)
        return
      default:
        throw malformed(`proto: illegal wireType ${tag & 7}`)
    }
  }

  #skipGroup(message: string, depth: number): void {
    if (depth >= GROUP_DEPTH_MAX) throw malformed(`proto: ${message}: groups nested deeper than ${GROUP_DEPTH_MAX}`)
    for (;;) {
      const inner = this.varint()
      if ((inner & 7) === 4) return
      this.skip(inner, message, depth + 1)
    }
  }
}
