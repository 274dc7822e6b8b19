/**
 * From a request's body and headers to a `PushRequest`: what the content is, how it is compressed, how large it may be.
 *
 * Called by the HTTP and the NATS gateway with the same values. Sizes are checked before decompressing where the format announces them and while
 * decompressing where it does not, so a small hostile body never becomes a large one. It does not look at labels, limits of a tenant or time.
 */
import { gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { SkaldError } from '../../runtime/errors.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import type { PushBatch } from './batch.ts'
import { transcodeJsonPush } from './decode-json.ts'
import { transcodeLegacyJsonPush } from './decode-json-legacy.ts'
import { decodePushBatches } from './decode-protobuf.ts'
import { lz4FrameBytesMax } from './lz4-frame.ts'

export interface PushSizes {
  /** Largest body as it comes over the wire; Loki's `distributor.max-recv-msg-size`. */
  readonly bodyBytesMax: number
  /** Largest body after decompression; Loki's `distributor.max-decompressed-size`. */
  readonly decompressedBytesMax: number
}

/** 100 MiB as in Loki, decompressed at most 5 times that: Loki's 5000 MiB would be a licence to exhaust memory. */
export const PUSH_SIZES_DEFAULT: PushSizes = { bodyBytesMax: 104_857_600, decompressedBytesMax: 524_288_000 }

export interface PushContent {
  /** `Content-Type`; undefined when there was none. */
  readonly contentType: string | undefined
  /** `Content-Encoding`; undefined or '' when there was none. */
  readonly contentEncoding: string | undefined
  readonly body: Buffer
  /** The shape that `/api/prom/push` had for JSON. */
  readonly legacy?: boolean
}

export interface DecodedPush {
  /** One, unless the entries' times span more than 90 days. */
  readonly batches: ReadonlyArray<PushBatch>
  /** The body as it came when that was snappy of the only batch's `body`: fit for the WAL unless something is refused. */
  readonly snappyBody: Buffer | null
}

/** Decodes a push of `/loki/api/v1/push` or `/api/prom/push`. Throws `body_too_large`, `decompressed_too_large`, `malformed_body`, `unsupported_media`. */
export function decodePush(content: PushContent, sizes: PushSizes = PUSH_SIZES_DEFAULT): DecodedPush {
  if (mediaType(content.contentType) === 'application/json') return { batches: decodePushBatches(transcodeJson(content, sizes)), snappyBody: null }
  const plain = plainBody(content, sizes, false)
  const message = unsnappy(plain, sizes)
  try {
    const batches = decodePushBatches(message)
    return { batches, snappyBody: batches.length === 1 ? plain : null }
  } catch (error) {
    freeBuffer(message)
    throw error
  }
}

/** A push in JSON as a `PushRequest`. Throws as `decodePush` does. */
export function transcodeJson(content: PushContent, sizes: PushSizes): Buffer {
  const plain = plainBody(content, sizes, true)
  return content.legacy === true ? transcodeLegacyJsonPush(plain) : transcodeJsonPush(plain)
}

function plainBody({ body, contentEncoding }: PushContent, sizes: PushSizes, json: boolean): Buffer {
  checkBodyBytes(body, sizes, json)
  return decodeTransfer(body, contentEncoding ?? '', sizes)
}

function checkBodyBytes(body: Buffer, sizes: PushSizes, json: boolean): void {
  if (body.length <= sizes.bodyBytesMax) return
  if (json) throw new SkaldError('malformed_body', `compressed message size ${body.length} exceeds limit ${sizes.bodyBytesMax}`)
  throw new SkaldError('body_too_large', `request body too large: message size too large than max (${body.length} vs ${sizes.bodyBytesMax})`)
}

function decodeTransfer(body: Buffer, encoding: string, sizes: PushSizes): Buffer {
  switch (encoding) {
    case '':
    case 'snappy':
      return body
    case 'gzip':
      return gunzip(body, sizes)
    case 'deflate':
      return bounded(() => inflateRawSync(body, { maxOutputLength: sizes.decompressedBytesMax }), sizes, 'flate: corrupt input before offset 0')
    default:
      throw new SkaldError('unsupported_media', `Content-Encoding ${JSON.stringify(encoding)} not supported`)
  }
}

/** For OTLP: other encodings, other words. */
export function decodeOtlpTransfer(body: Buffer, encoding: string, sizes: PushSizes): Buffer {
  if (body.length > sizes.bodyBytesMax) throw new SkaldError('body_too_large', `request body too large: message size too large than max (${body.length} vs ${sizes.bodyBytesMax})`)
  switch (encoding) {
    case '':
      if (body.length > sizes.decompressedBytesMax) throw tooLarge(body.length, sizes)
      return body
    case 'gzip':
      return gunzip(body, sizes)
    case 'zstd':
      return bounded(() => zstdDecompressSync(body, { maxOutputLength: sizes.decompressedBytesMax }), sizes, 'magic number mismatch')
    case 'lz4':
      if (lz4FrameBytesMax(body) > sizes.decompressedBytesMax) throw tooLarge(lz4FrameBytesMax(body), sizes)
      return bounded(() => lz4.decompressFrameSync(body), sizes, 'lz4: bad magic number')
    default:
      throw new SkaldError('unsupported_media', `unsupported content encoding ${encoding}: only gzip, lz4 and zstd are supported`)
  }
}

function gunzip(body: Buffer, sizes: PushSizes): Buffer {
  const header = body.length >= 10 && body[0] === 0x1f && body[1] === 0x8b && body[2] === 8
  if (!header) throw new SkaldError('malformed_body', body.length === 0 ? 'EOF' : body.length < 10 ? 'unexpected EOF' : 'gzip: invalid header')
  return bounded(() => gunzipSync(body, { maxOutputLength: sizes.decompressedBytesMax }), sizes, 'gzip: invalid checksum')
}

/** Runs a decompressor that stops at the limit; its own errors become the client's. */
function bounded(decompress: () => Buffer, sizes: PushSizes, corruptText: string): Buffer {
  try {
    return decompress()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(sizes.decompressedBytesMax + 1, sizes)
    throw new SkaldError('malformed_body', code === 'Z_BUF_ERROR' ? 'unexpected EOF' : corruptText, { cause: error })
  }
}

const tooLarge = (bytes: number, sizes: PushSizes): SkaldError =>
  new SkaldError('decompressed_too_large', `decompressed message size too large than max (${bytes} vs ${sizes.decompressedBytesMax})`)

/** The longest copy of a snappy block, 64 bytes, takes 3: no block can announce more than this many times its own length. */
const SNAPPY_EXPANSION_MAX = 64 / 3

/** Decompresses a snappy block, after a look at the length that it announces. */
export function unsnappy(block: Buffer, sizes: PushSizes): Buffer {
  const announced = snappyLength(block)
  if (announced === null || announced > block.length * SNAPPY_EXPANSION_MAX) throw corruptSnappy()
  if (announced > sizes.decompressedBytesMax) throw tooLarge(announced, sizes)
  try {
    // Memory of V8's own: outside memory is slower to make and stays until a finalizer has run.
    return snappy.uncompressSync(block, { asBuffer: true, copyOutputData: true }) as Buffer
  } catch (error) {
    throw corruptSnappy(error)
  }
}

const corruptSnappy = (cause?: unknown): SkaldError => new SkaldError('malformed_body', 'snappy: corrupt input', { cause })

function snappyLength(block: Buffer): number | null {
  let value = 0
  for (let i = 0; i < 5 && i < block.length; i++) {
    const byte = block[i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return value > 0xffff_ffff ? null : value
  }
  return null
}

/** The media type, lower case, as Go's MIME parser gives it, or its error. */
export function mediaType(contentType: string | undefined): string {
  const [type = '', ...parameters] = (contentType ?? '').split(';')
  const name = type.trim().toLowerCase()
  if (name === '') throw unsupported('mime: no media type')
  const [major = '', minor, ...more] = name.split('/')
  if (!TOKEN.test(major) || minor === undefined) throw unsupported(TOKEN.test(major) ? 'mime: expected slash after first token' : 'mime: no media type')
  if (!TOKEN.test(minor) || more.length > 0) throw unsupported(minor === '' ? 'mime: expected token after slash' : 'mime: unexpected content after media subtype')
  for (const parameter of parameters) if (parameter.trim() !== '' && !/^\s*[^\s=;"]+\s*=\s*("[^"]*"|[^\s"]+)\s*$/.test(parameter)) throw unsupported('mime: invalid media parameter')
  return name
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const unsupported = (message: string): SkaldError => new SkaldError('unsupported_media', message)
