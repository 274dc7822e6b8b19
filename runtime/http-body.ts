/** Reads a request's body into one buffer, with the limit enforced while reading. Used by `http-server.ts`; it never parses and never holds more than the limit. */
import type { IncomingMessage } from 'node:http'
import { SkaldError } from './errors.ts'
import { freeBuffer } from './free-buffer.ts'

/** Makes the caller's own error: `bytes` is what the client announced, or what came before reading stopped. */
export type TooLarge = (bytes: number, limitBytes: number) => Error

/** Up to here an announced length is believed and its memory taken at once; beyond, memory grows with what really comes. */
const TRUSTED_BYTES_MAX = 4 << 20

export function readBody(request: IncomingMessage, limitBytes: number, tooLarge: TooLarge): Promise<Buffer> {
  const announced = request.headers['content-length']
  if (announced === undefined) return gather(request, limitBytes, tooLarge)
  const bytes = Number(announced)
  // Node has already refused a length that is no number, and ends the body at that length.
  if (bytes > limitBytes) return Promise.reject(tooLarge(bytes, limitBytes))
  return bytes <= TRUSTED_BYTES_MAX ? fill(request, Buffer.allocUnsafe(bytes)) : gather(request, limitBytes, tooLarge)
}

/** The length is known: no second copy. */
function fill(request: IncomingMessage, into: Buffer): Promise<Buffer> {
  let filled = 0
  return consume(request, (part) => {
    part.copy(into, filled)
    filled += part.length
    freeBuffer(part)
  }).then(() => into.subarray(0, filled))
}

function gather(request: IncomingMessage, limitBytes: number, tooLarge: TooLarge): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  return consume(request, (part) => {
    bytes += part.length
    if (bytes > limitBytes) throw tooLarge(bytes, limitBytes)
    parts.push(part)
  }).then(() => (parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, bytes)))
}

/** A client that leaves in the middle rejects with `query_cancelled`. */
function consume(request: IncomingMessage, take: (part: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      request.removeListener('data', onData)
      // The rest is read and dropped, so that the client gets to see the answer.
      request.resume()
      reject(error)
    }
    const onData = (part: Buffer): void => {
      try {
        take(part)
      } catch (error) {
        fail(error)
      }
    }
    const cancelled = (): void => fail(new SkaldError('query_cancelled', 'the request was cancelled by the client'))
    request.on('data', onData)
    request.once('end', resolve)
    request.once('error', cancelled)
    request.once('close', () => void (request.complete || cancelled()))
  })
}
