/**
 * How messages of an actor that other nodes may reach become bytes. Control messages use `jsonCodec`; data messages bring a binary codec of
 * their own. A codec never sees the network, and its decoder gets hostile bytes: it throws, and the sender is told `bad_request`.
 */
import type { Reply } from './actor.ts'

export interface ActorCodec<M> {
  /** A `Reply` inside the message is left out. */
  encode(message: M): Uint8Array
  /** Puts `reply` where the message had one. */
  decode(bytes: Buffer, reply: Reply<unknown>): M
  encodeAnswer(answer: unknown): Uint8Array
  decodeAnswer(bytes: Buffer): unknown
}

const REPLY = '$reply'
const BYTES = '$bytes'
const BIGINT = '$bigint'

/** JSON with three additions: replies, byte arrays (as base64) and bigints. For messages of plain data, not for bulk. */
export function jsonCodec<M>(): ActorCodec<M> {
  return {
    encode: (message) => toBytes(message),
    decode: (bytes, reply) => fromBytes(bytes, reply) as M,
    encodeAnswer: (answer) => toBytes(answer === undefined ? null : answer),
    decodeAnswer: (bytes) => fromBytes(bytes, undefined),
  }
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, replace))
}

/** `this` holds the value before Buffer's own `toJSON`. */
function replace(this: unknown, key: string, converted: unknown): unknown {
  const value = (this as Record<string, unknown>)[key]
  if (typeof value === 'bigint') return { [BIGINT]: value.toString() }
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  return isReply(value) ? { [REPLY]: true } : converted
}

function fromBytes(bytes: Buffer, reply: Reply<unknown> | undefined): unknown {
  return JSON.parse(bytes.toString(), (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (BIGINT in value) return BigInt(String(value[BIGINT]))
    if (BYTES in value) return Buffer.from(String(value[BYTES]), 'base64')
    return REPLY in value ? reply : value
  })
}

function isReply(value: unknown): value is Reply<unknown> {
  return typeof value === 'object' && value !== null && 'succeed' in value && typeof value.succeed === 'function' && 'fail' in value
}
