/**
 * What an object key may look like, checked by every store before it touches anything: a key can then never climb out of a directory,
 * collide with a temporary file, or need escaping in a URL. Pure.
 */
import { SkaldError } from '../runtime/errors.ts'

/** Characters of a whole key: S3 allows 1024 bytes, and the prefix of the bucket's URL goes in front. */
const KEY_CHARS_MAX = 800
/** Characters of one part: file systems allow 255 bytes. */
const KEY_PART_CHARS_MAX = 200

const PART = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]*$/

/** Throws `bad_request` unless the key is `/`-separated parts of `[A-Za-z0-9._=-]`, none of them empty or beginning with a dot. */
export function checkKey(key: string): void {
  const good = key.length <= KEY_CHARS_MAX && key.split('/').every((part) => part.length <= KEY_PART_CHARS_MAX && PART.test(part))
  if (!good) throw new SkaldError('bad_request', `not an object key: ${JSON.stringify(key.slice(0, KEY_CHARS_MAX))}`)
}

/** A prefix is the beginning of some key: all parts but the last must be whole, the last may be cut anywhere. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)
}
