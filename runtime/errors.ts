/**
 * What a client can be told: one catalogue of operating errors, each with its HTTP status and whether trying again can help.
 * Operating errors are values of this class; a broken invariant is a plain `Error` and crashes the actor it happens in.
 */

export interface ErrorDetails {
  readonly retryable?: boolean
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfterS?: number
  readonly cause?: unknown
}

export class SkaldError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'SkaldError'
    this.code = code
    this.status = ERROR_STATUS[code]
    this.retryable = details.retryable ?? RETRYABLE_STATUSES.has(this.status)
    this.retryAfterS = details.retryAfterS
  }
}

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/** Code -> HTTP status. docs/errors.md is checked against this table. */
export const ERROR_STATUS = {
  bad_request: 400,
  no_tenant: 401,
  invalid_tenant: 400,
  unsupported_media: 400,
  body_too_large: 413,
  decompressed_too_large: 400,
  malformed_body: 400,
  empty_push: 422,
  invalid_entries: 400,
  rate_limited: 429,
  not_found: 404,
  query_parse: 400,
  query_limit: 400,
  query_failed: 400,
  query_timeout: 504,
  query_cancelled: 499,
  too_many_requests: 429,
  wal_full: 503,
  wal_unavailable: 503,
  storage_unavailable: 503,
  storage_corrupt: 500,
  over_memory: 503,
  /** Strict queries: a part of the answer is missing. */
  partial_answer: 503,
  not_ready: 503,
  stopping: 503,
  /** The machine or the configuration is wrong: the program cannot start. */
  setup: 500,
  internal: 500,
} as const satisfies Record<string, number>

export type ErrorCode = keyof typeof ERROR_STATUS
