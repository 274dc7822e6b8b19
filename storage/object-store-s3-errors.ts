/**
 * What an S3 client's failure means to us: not there, not now, not ever, or cut short. Used by `object-store-s3.ts` only; knows the SDK's
 * errors by their shape (`name`, `$metadata`), so it imports nothing of it.
 */
import { SkaldError } from '../runtime/errors.ts'
import { objectNotFound, storeCancelled, storeUnavailable } from './object-store-errors.ts'

interface SdkFailure {
  readonly name?: string
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** Statuses below 500 that a second try may turn: request timeout, conflict with a running operation, early, too many. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 409, 425, 429])

export function asS3StoreError(doing: string, key: string, error: unknown, signal: AbortSignal | undefined): SkaldError {
  if (error instanceof SkaldError) return error
  if (signal?.aborted === true) return storeCancelled(doing, signal)
  const { name = '', $metadata } = error as SdkFailure
  const status = $metadata?.httpStatusCode ?? 0
  if (name === 'NoSuchBucket') return storeUnavailable(doing, error, false)
  if (name === 'NoSuchKey' || status === 404) return objectNotFound(key, error)
  if (name === 'InvalidRange' || status === 416) {
    return new SkaldError('storage_corrupt', `object ${key} ends before the range that was asked for`, { cause: error, retryable: false })
  }
  const isFinal = status >= 300 && status < 500 && !RETRYABLE_STATUSES.has(status) && name !== 'RequestTimeTooSkewed' && name !== 'BadDigest'
  return storeUnavailable(status === 0 ? doing : `${doing} (HTTP ${status})`, error, !isFinal)
}
