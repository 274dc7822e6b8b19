/**
 * Reads the object store's URL from the configuration: `file:///var/lib/skald`, a plain path, or
 * `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-west-1&path_style=true`. Pure; the configuration is checked by it, and the composition root opens what it names.
 */
import { fileURLToPath } from 'node:url'
import { SkaldError } from '../runtime/errors.ts'
import { checkKey } from './object-key.ts'

export interface S3Location {
  readonly bucket: string
  /** No slash at either end; may be empty. */
  readonly prefix: string
  /** Absent: from AWS_REGION or the profile. */
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Bucket in the path instead of the host name; what a given endpoint usually needs. */
  readonly pathStyle: boolean
}

export type ObjectStoreLocation =
  | { readonly kind: 'fs'; readonly directory: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 's3'; readonly s3: S3Location }

const S3_SETTINGS: ReadonlySet<string> = new Set(['endpoint', 'region', 'path_style'])
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i

/** Throws `bad_request` with what is wrong and what is expected; the URL is not repeated, since there may be credentials in it. */
export function parseObjectStoreUrl(text: string): ObjectStoreLocation {
  if (text.startsWith('s3:')) return { kind: 's3', s3: parseS3(text) }
  if (text === 'memory:' || text === 'memory://') return { kind: 'memory' }
  if (!text.startsWith('file:')) {
    if (text === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw wrong('expected file:, s3: or a directory')
    return { kind: 'fs', directory: text }
  }
  // `file:data/objects` is a relative path, which URL itself would make absolute.
  const directory = text.startsWith('file:/') ? fileURLToPath(parseUrl(text)) : text.slice('file:'.length)
  if (directory === '') throw wrong('no directory given')
  return { kind: 'fs', directory }
}

function parseS3(text: string): S3Location {
  const url = parseUrl(text)
  const bucket = url.hostname
  if (!BUCKET.test(bucket)) throw wrong(`${JSON.stringify(bucket)} is not a bucket name`)
  if (url.username !== '') throw wrong('credentials do not belong into the URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  const unknown = [...url.searchParams.keys()].find((name) => !S3_SETTINGS.has(name))
  if (unknown !== undefined) throw wrong(`unknown setting ${unknown}; known are ${[...S3_SETTINGS].join(', ')}`)
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '')
  if (prefix !== '') checkKey(prefix)
  const endpoint = url.searchParams.get('endpoint') ?? undefined
  if (endpoint !== undefined && !/^https?:$/.test(parseUrl(endpoint).protocol)) throw wrong('the endpoint begins with http:// or https://')
  const region = url.searchParams.get('region') ?? (endpoint === undefined ? undefined : 'us-east-1')
  const pathStyle = url.searchParams.get('path_style')
  if (pathStyle !== null && pathStyle !== 'true' && pathStyle !== 'false') throw wrong('path_style is true or false')
  const isPathStyle = pathStyle === null ? endpoint !== undefined : pathStyle === 'true'
  return { bucket, prefix, region, endpoint, pathStyle: isPathStyle }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw wrong('not a URL')
  }
}

const wrong = (why: string): SkaldError => new SkaldError('bad_request', why)
