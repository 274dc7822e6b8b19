/**
 * Makes a store patient: every call is tried again after failures that may pass, with exponential back-off under full jitter and a time limit
 * a try. The composition root wraps each store in it (over `object-store-hedge.ts`); an outage that outlasts it reaches the caller as
 * `storage_unavailable`, and whoever flushes goes on trying for as long as the WAL has the data.
 */
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import type { Clock } from '../runtime/clock.ts'
import { portsContext } from '../runtime/effect-ports.ts'
import { SkaldError } from '../runtime/errors.ts'
import type { Random } from '../runtime/random.ts'
import { storeCancelled, storeUnavailable } from './object-store-errors.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

export interface RetryPolicy {
  /** The first try included. */
  readonly triesMax: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** Of one try of anything small. */
  readonly tryMs: number
  /** Bodies get a second more for each of these. */
  readonly bytesPerSecondMin: number
}

const RETRY_DEFAULT: RetryPolicy = { triesMax: 5, backoffMinMs: 50, backoffMaxMs: 5_000, tryMs: 15_000, bytesPerSecondMin: 1_000_000 }

export interface RetryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly policy?: Partial<RetryPolicy>
  /** Told of every try that failed and will be repeated. */
  readonly onRetry?: (operation: string, error: SkaldError) => void
}

export function withRetries(store: ObjectStore, options: RetryOptions): ObjectStore {
  return new RetryingStore(store, options)
}

class RetryingStore implements ObjectStore {
  readonly #store: ObjectStore
  readonly #policy: RetryPolicy
  readonly #schedule: Schedule.Schedule<unknown>
  readonly #onRetry: (operation: string, error: SkaldError) => void
  readonly #run: <A>(effect: Effect.Effect<A, SkaldError>, options?: { signal?: AbortSignal }) => Promise<A>

  constructor(store: ObjectStore, { clock, random, policy, onRetry }: RetryOptions) {
    this.#store = store
    this.#policy = { ...RETRY_DEFAULT, ...policy }
    this.#schedule = fullJitter(this.#policy, random)
    this.#onRetry = onRetry ?? (() => undefined)
    this.#run = Effect.runPromiseWith(portsContext(clock, random))
  }

  put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#retry('put', key, body.length, signal, (s) => this.#store.put(key, body, s))
  }

  getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer> {
    return this.#retry('read', key, lengthBytes, signal, (s) => this.#store.getRange(key, offset, lengthBytes, s))
  }

  head(key: string, signal?: AbortSignal): Promise<ObjectInfo> {
    return this.#retry('head', key, 0, signal, (s) => this.#store.head(key, s))
  }

  /** After a failure the list is begun anew, and what was given already is passed over. */
  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    let source: AsyncIterator<ObjectInfo> | undefined
    let after = ''
    for (;;) {
      const next = await this.#retry('list', prefix, 0, signal, async (trySignal) => {
        const reading = (source ??= this.#store.list(prefix, signal)[Symbol.asyncIterator]())
        // A try that failed or was given up leaves its source in an unknown place.
        trySignal.addEventListener('abort', () => (source = undefined), { once: true })
        return nextAfter(reading, after).catch((error: unknown) => {
          source = undefined
          throw error
        })
      })
      if (next === undefined) return
      after = next.key
      yield next
    }
  }

  delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void> {
    return this.#retry('delete', `${keys.length} objects`, 0, signal, (s) => this.#store.delete(keys, s))
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #retry<A>(operation: string, what: string, bodyBytes: number, signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<A>): Promise<A> {
    const tryMs = this.#policy.tryMs + (bodyBytes / this.#policy.bytesPerSecondMin) * 1000
    const doing = `${operation} ${what}`
    const once = Effect.tryPromise({ try: call, catch: (error) => asSkaldError(doing, error) }).pipe(
      Effect.timeoutOrElse({
        duration: Duration.millis(tryMs),
        orElse: () => Effect.fail(storeUnavailable(doing, new Error(`no answer within ${Math.round(tryMs)} ms`))),
      }),
    )
    let failedTries = 0
    const noted = Effect.tapError(once, (error) =>
      Effect.sync(() => {
        if (error.retryable && ++failedTries < this.#policy.triesMax) this.#onRetry(operation, error)
      }),
    )
    const patient = Effect.retry(noted, { schedule: this.#schedule, times: this.#policy.triesMax - 1, while: (error) => error.retryable })
    try {
      return await this.#run(patient, signal === undefined ? {} : { signal })
    } catch (error) {
      throw signal?.aborted === true ? storeCancelled(doing, signal) : error
    }
  }
}

/** Anything between nothing and the exponential delay, so that many waiters do not return together. */
function fullJitter(policy: RetryPolicy, random: Random): Schedule.Schedule<unknown> {
  return Schedule.exponential(Duration.millis(policy.backoffMinMs)).pipe(
    Schedule.modifyDelay(({ duration }) => Effect.sync(() => Duration.millis(random.next() * Math.min(policy.backoffMaxMs, Duration.toMillis(duration))))),
  )
}

/** The next item behind `after`; undefined at the end. */
async function nextAfter(source: AsyncIterator<ObjectInfo>, after: string): Promise<ObjectInfo | undefined> {
  for (;;) {
    const { done, value } = await source.next()
    if (done === true) return undefined
    if (value.key > after) return value
  }
}

const asSkaldError = (doing: string, error: unknown): SkaldError => (error instanceof SkaldError ? error : storeUnavailable(doing, error))
