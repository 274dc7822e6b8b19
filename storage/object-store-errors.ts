/**
 * How the object stores say that something went wrong, so that every implementation says it alike. Used by the stores only.
 * Whether a failure is worth another try is decided here and read by `object-store-retry.ts`.
 */
import { SkaldError } from '../runtime/errors.ts'

export const objectNotFound = (key: string, cause?: unknown): SkaldError => new SkaldError('not_found', `object ${key} does not exist`, { cause })

/** The store refused or did not answer. `retryable` false: it will say the same again (credentials, a missing bucket). */
export const storeUnavailable = (doing: string, cause: unknown, retryable = true): SkaldError =>
  new SkaldError('storage_unavailable', `object store: ${doing} failed: ${messageOf(cause)}`, { cause, retryable })

/** The object ends before the range that its reader knows to be there: it is not the object that was written. */
export const rangeOutside = (key: string, offset: number, lengthBytes: number, sizeBytes: number): SkaldError =>
  new SkaldError('storage_corrupt', `object ${key} has ${sizeBytes} bytes, not ${lengthBytes} from ${offset}`, { retryable: false })

/** Fewer or more bytes than asked for arrived: a connection or proxy cut the answer, so another try may do better. */
export const answerCut = (key: string, wantedBytes: number, gotBytes: number): SkaldError =>
  new SkaldError('storage_corrupt', `object ${key}: ${gotBytes} bytes arrived instead of ${wantedBytes}`, { retryable: true })

export const storeCancelled = (doing: string, signal: AbortSignal): SkaldError =>
  new SkaldError('query_cancelled', `object store: ${doing} was cancelled`, { cause: signal.reason })

export function throwIfCancelled(doing: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw storeCancelled(doing, signal)
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message || cause.name : String(cause))
