/**
 * Cuts the slow tail of reads: when an answer takes longer than nearly all before it, the same read is sent a second time and the first
 * answer counts ("The Tail at Scale", Dean and Barroso 2013). Only for stores behind a network; a share of all reads bounds the extra load,
 * so a store that has become slow altogether is not asked twice as much. Writes are never hedged.
 */
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import type { Clock } from '../runtime/clock.ts'
import { portsContext } from '../runtime/effect-ports.ts'
import type { Random } from '../runtime/random.ts'
import { LatencyQuantile } from './latency-quantile.ts'
import { storeCancelled } from './object-store-errors.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

export interface HedgeOptions {
  readonly clock: Clock
  readonly random: Random
  /** Second reads per first read, in the long run; default 0.05. */
  readonly share?: number
  readonly onHedge?: () => void
}

/** Never sooner than this. */
const DELAY_MIN_MS = 50
/** Used until latencies are known, and never later than this. */
const DELAY_MAX_MS = 1_000
const QUANTILE = 0.95
/** Second reads that may be saved up. */
const BURST = 10
/** Reads from this size on have latencies of their own. */
const LARGE_BYTES = 512 * 1024

export function withHedgedReads(store: ObjectStore, options: HedgeOptions): ObjectStore {
  const hedge = new Hedge(options)
  const [small, large] = [new LatencyQuantile(QUANTILE), new LatencyQuantile(QUANTILE)]
  return {
    getRange: (key, offset, lengthBytes, signal): Promise<Buffer> =>
      hedge.run(lengthBytes < LARGE_BYTES ? small : large, `read ${key}`, signal, (s) => store.getRange(key, offset, lengthBytes, s)),
    head: (key, signal): Promise<ObjectInfo> => hedge.run(small, `head ${key}`, signal, (s) => store.head(key, s)),
    put: (key, body, signal) => store.put(key, body, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    delete: (keys, signal) => store.delete(keys, signal),
    close: () => store.close(),
  }
}

class Hedge {
  readonly #options: Required<Pick<HedgeOptions, 'clock' | 'share' | 'onHedge'>>
  readonly #runPromise: <A>(effect: Effect.Effect<A, unknown>, options?: { signal?: AbortSignal }) => Promise<A>
  #allowance = BURST

  constructor(options: HedgeOptions) {
    const { clock, random, share = 0.05, onHedge = () => undefined } = options
    this.#options = { clock, share, onHedge }
    this.#runPromise = Effect.runPromiseWith(portsContext(clock, random))
  }

  async run<A>(latency: LatencyQuantile, doing: string, signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<A>): Promise<A> {
    this.#allowance = Math.min(BURST, this.#allowance + this.#options.share)
    try {
      return await this.#runPromise(this.#race(latency, call), signal === undefined ? {} : { signal })
    } catch (error) {
      throw signal?.aborted === true ? storeCancelled(doing, signal) : error
    }
  }

  /** The first success wins and the other try is cancelled; a failure counts only when no other try is left. */
  #race<A>(latency: LatencyQuantile, call: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> {
    let running = 1
    const attempt = Effect.tryPromise({ try: this.#timed(latency, call), catch: (error) => error }).pipe(
      Effect.catch((error) => Effect.suspend(() => (--running === 0 ? Effect.fail(error) : Effect.never))),
    )
    const second = Effect.suspend(() => {
      if (this.#allowance < 1) return Effect.never
      this.#allowance--
      this.#options.onHedge()
      running++
      return attempt
    })
    return Effect.raceFirst(attempt, Effect.andThen(Effect.sleep(Duration.millis(this.#delayMs(latency))), second))
  }

  #timed<A>(latency: LatencyQuantile, call: (signal: AbortSignal) => Promise<A>): (signal: AbortSignal) => Promise<A> {
    return async (signal) => {
      const startMs = this.#options.clock.monotonicMs()
      const answer = await call(signal)
      latency.note(this.#options.clock.monotonicMs() - startMs)
      return answer
    }
  }

  #delayMs(latency: LatencyQuantile): number {
    return Math.max(DELAY_MIN_MS, Math.min(DELAY_MAX_MS, latency.valueMs() ?? DELAY_MAX_MS))
  }
}
