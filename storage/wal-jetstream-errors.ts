/**
 * What a failed JetStream call means for the log: full, gone, or out of reach. Used by the JetStream WAL only. A refusal is final; everything
 * else is ambiguous (the record may be in), so it is tried again under the same record id.
 */
import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { SkaldError } from '../runtime/errors.ts'
import { isStreamMissing } from './wal-jetstream-stream.ts'

/** What to do about a failed append. */
export type AppendFailure = 'full' | 'too-large' | 'no-stream' | 'again'

/** JetStream error codes: no room on disk or in the account (10023, 10047, 10002). */
const OUT_OF_ROOM: ReadonlySet<number> = new Set([10002, 10023, 10047])
/** Store failure (10077): its text says whether a limit was the reason. */
const STORE_FAILED = 10077

export function classifyAppendFailure(error: unknown): AppendFailure {
  if (isNoResponder(error) || isStreamMissing(error)) return 'no-stream'
  if (error instanceof JetStreamApiError) {
    if (OUT_OF_ROOM.has(error.code) || (error.code === STORE_FAILED && /maximum (bytes|messages)/.test(error.message))) return 'full'
    return 'again'
  }
  if (error instanceof errors.InvalidArgumentError && error.message.includes('max_payload')) return 'too-large'
  return 'again'
}

/** Nobody listens on the stream's subject: it does not exist, or has no leader yet. */
export function isNoResponder(error: unknown): boolean {
  const cause = error instanceof Error && error.name === 'JetStreamNotEnabled' ? error.cause : error
  return cause instanceof errors.NoRespondersError || (cause instanceof errors.RequestError && cause.isNoResponders())
}

export const walFull = (partition: number, bytesMax: number, cause: unknown): SkaldError =>
  new SkaldError('wal_full', `the write-ahead log of partition ${partition} is full (wal.max_size ${bytesMax})`, { cause, retryAfterS: 5 })

export const walUnavailable = (partition: number, doing: string, cause: unknown): SkaldError =>
  new SkaldError('wal_unavailable', `write-ahead log of partition ${partition}: ${doing} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
    retryAfterS: 1,
  })

export const walRecordTooLarge = (partition: number, bytes: number, bytesMax: number): SkaldError =>
  new SkaldError('body_too_large', `a record of ${bytes} bytes for partition ${partition} is over the server's max_payload of ${bytesMax}`)
