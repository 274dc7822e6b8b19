/**
 * Objects in an S3 bucket, or in anything that speaks its language. One try a call: retries, time-outs over all tries and hedging belong to
 * `object-store-retry.ts`. Integrity is by Content-MD5, which every S3-compatible store has; newer checksums are sent only where a request
 * cannot do without. Credentials come from the usual places (environment, profile, web identity, instance) unless they are given.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { SkaldError } from '../runtime/errors.ts'
import { checkKey, checkPrefix } from './object-key.ts'
import { asS3StoreError } from './object-store-s3-errors.ts'
import { answerCut } from './object-store-errors.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import type { S3Location } from './object-store-url.ts'

/** S3's own limit of keys in one DeleteObjects request and one page of a list. */
const PAGE_KEYS_MAX = 1000
/** As Amazon's own tools do by default. Larger single requests meet the limits of servers and proxies in between (fauxqs: 10 MiB). */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_IN_FLIGHT = 3
const CONNECT_MS = 5_000
const CONNECTIONS_MAX = 64

export interface S3StoreOptions {
  readonly location: S3Location
  /** Without an answer for this long, a request fails; default 30 s. */
  readonly requestMs?: number
  /** Objects from this size on are sent in parts; default 8 MiB, at least 5 MiB (S3's smallest part). */
  readonly multipartFromBytes?: number
  /** Default 8 MiB. */
  readonly partBytes?: number
  /** Keys of one page of a list and of one delete request; default 1000, which is S3's limit. */
  readonly pageKeys?: number
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
}

export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string
  /** Empty, or ends with a slash. */
  readonly #prefix: string
  readonly #multipartFromBytes: number
  readonly #partBytes: number
  readonly #pageKeys: number

  constructor(options: S3StoreOptions) {
    const { location } = options
    this.#bucket = location.bucket
    this.#prefix = location.prefix === '' ? '' : `${location.prefix}/`
    this.#multipartFromBytes = options.multipartFromBytes ?? PART_BYTES
    this.#partBytes = options.partBytes ?? PART_BYTES
    this.#pageKeys = Math.min(PAGE_KEYS_MAX, options.pageKeys ?? PAGE_KEYS_MAX)
    this.#client = clientOf(options)
  }

  async put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkKey(key)
    await this.#run(`put ${key}`, key, signal, () =>
      body.length < this.#multipartFromBytes ? this.#putWhole(key, body, signal) : this.#putParts(key, body, signal),
    )
  }

  async getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer> {
    checkKey(key)
    if (lengthBytes === 0) return Buffer.alloc(0)
    if (offset < 0) return this.#getTail(key, -offset, lengthBytes, signal)
    const bytes = await this.#getBytes(key, `bytes=${offset}-${offset + lengthBytes - 1}`, lengthBytes, signal)
    if (bytes.length !== lengthBytes) throw answerCut(key, lengthBytes, bytes.length)
    return bytes
  }

  /** Some servers answer 416 when the tail is longer than the object, all of them when the object is empty: then its size tells what to ask. */
  async #getTail(key: string, tailBytes: number, lengthBytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
    try {
      return (await this.#getBytes(key, `bytes=-${tailBytes}`, tailBytes, signal)).subarray(0, lengthBytes)
    } catch (error) {
      if (!(error instanceof SkaldError) || error.code !== 'storage_corrupt') throw error
      const { sizeBytes } = await this.head(key, signal)
      if (sizeBytes >= tailBytes) throw error
      return this.getRange(key, 0, Math.min(lengthBytes, sizeBytes), signal)
    }
  }

  /** One request for one range; the answer may be shorter than `bytesMax`, but is whole. */
  #getBytes(key: string, range: string, bytesMax: number, signal: AbortSignal | undefined): Promise<Buffer> {
    return this.#run(`read ${key}`, key, signal, async () => {
      const command = new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key, Range: range })
      const answer = await this.#client.send(command, abortable(signal))
      const body = answer.Body as Readable
      const arrivingBytes = answer.ContentLength ?? 0
      if (arrivingBytes <= bytesMax) return readAll(key, body, arrivingBytes)
      // A server that ignores Range sends everything: never read more than was asked for.
      body.destroy()
      throw answerCut(key, bytesMax, arrivingBytes)
    })
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo> {
    checkKey(key)
    return this.#run(`head ${key}`, key, signal, async () => {
      const answer = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }), abortable(signal))
      return { key, sizeBytes: answer.ContentLength ?? 0, modifiedMs: answer.LastModified?.getTime() ?? 0 }
    })
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix)
    let token: string | undefined
    do {
      const page = await this.#run(`list ${prefix}`, prefix, signal, () =>
        this.#client.send(
          new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken: token, MaxKeys: this.#pageKeys }),
          abortable(signal),
        ),
      )
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key === undefined) continue
        yield { key: Key.slice(this.#prefix.length), sizeBytes: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 }
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  async delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void> {
    keys.forEach(checkKey)
    for (let at = 0; at < keys.length; at += this.#pageKeys) {
      const batch = keys.slice(at, at + this.#pageKeys).map((key) => ({ Key: this.#prefix + key }))
      await this.#run(`delete ${batch.length} objects`, '', signal, async () => {
        const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects: batch, Quiet: true } })
        const answer = await this.#client.send(command, abortable(signal))
        const failed = answer.Errors?.find((e) => e.Code !== 'NoSuchKey' && e.Code !== 'NotFound')
        if (failed !== undefined) throw new Error(`${failed.Key}: ${failed.Code} ${failed.Message}`)
      })
    }
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  async #putWhole(key: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const command = new PutObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key, Body: body, ContentMD5: md5(body) })
    await this.#client.send(command, abortable(signal))
  }

  /** The object appears when the upload is completed, all of it at once; a failed upload is told to the store, so that its parts cost nothing. */
  async #putParts(key: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const target = { Bucket: this.#bucket, Key: this.#prefix + key }
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(target), abortable(signal))
    if (UploadId === undefined) throw new Error('the store gave no upload id')
    try {
      const Parts = await this.#uploadParts({ ...target, UploadId }, body, signal)
      await this.#client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }), abortable(signal))
    } catch (error) {
      await this.#client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined)
      throw error
    }
  }

  async #uploadParts(target: PartTarget, body: Uint8Array, signal: AbortSignal | undefined): Promise<UploadedPart[]> {
    const parts: UploadedPart[] = []
    const count = Math.ceil(body.length / this.#partBytes)
    const uploadFrom = async (first: number): Promise<void> => {
      for (let i = first; i < count; i += PARTS_IN_FLIGHT) {
        const Body = body.subarray(i * this.#partBytes, (i + 1) * this.#partBytes)
        const command = new UploadPartCommand({ ...target, PartNumber: i + 1, Body, ContentMD5: md5(Body) })
        const { ETag } = await this.#client.send(command, abortable(signal))
        parts[i] = { PartNumber: i + 1, ETag }
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: Math.min(PARTS_IN_FLIGHT, count) }, (_, lane) => uploadFrom(lane)))
    const failed = lanes.find((lane) => lane.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return parts
  }

  async #run<A>(doing: string, key: string, signal: AbortSignal | undefined, request: () => Promise<A>): Promise<A> {
    try {
      return await request()
    } catch (error) {
      throw asS3StoreError(doing, key, error, signal)
    }
  }
}

interface PartTarget {
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string
}

interface UploadedPart {
  readonly PartNumber: number
  readonly ETag: string | undefined
}

function clientOf(options: S3StoreOptions): S3Client {
  const { location, requestMs = 30_000 } = options
  const client = new S3Client({
    ...(location.region === undefined ? {} : { region: location.region }),
    forcePathStyle: location.pathStyle,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: CONNECTIONS_MAX },
      httpsAgent: { maxSockets: CONNECTIONS_MAX },
    },
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  })
  addDeleteMd5(client)
  return client
}

/** DeleteObjects must carry a checksum; servers older than S3's CRC32 accept only Content-MD5, and the SDK no longer sends that by itself. */
function addDeleteMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const request = args.request as { headers: Record<string, string>; body?: unknown }
      if (context.commandName === 'DeleteObjectsCommand' && typeof request.body === 'string') request.headers['content-md5'] = md5(request.body)
      return next(args)
    },
    { step: 'build', name: 'contentMd5OfDelete', priority: 'low' },
  )
}

const md5 = (body: Uint8Array | string): string => createHash('md5').update(body).digest('base64')

const abortable = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } => (signal === undefined ? {} : { abortSignal: signal })

/** Reads a body of known length into one buffer; an early end is an error, never a shorter answer. */
async function readAll(key: string, body: Readable, lengthBytes: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(lengthBytes)
  let at = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (at + chunk.length > lengthBytes) throw answerCut(key, lengthBytes, at + chunk.length)
    at += chunk.copy(into, at)
  }
  if (at !== lengthBytes) throw answerCut(key, lengthBytes, at)
  return into
}
