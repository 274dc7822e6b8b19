/**
 * Exponential back-off with jitter, for loops that third-party code drives (NATS reconnects, watches). Control-plane code that is ours uses
 * Effect schedules instead. Jitter is "equal": between half and all of the exponential delay, so that many nodes do not return at once.
 */
import type { Random } from './random.ts'

export interface BackoffLimits {
  readonly minMs: number
  readonly maxMs: number
}

export class Backoff {
  readonly #limits: BackoffLimits
  readonly #random: Random
  #failures = 0

  constructor(limits: BackoffLimits, random: Random) {
    this.#limits = limits
    this.#random = random
  }

  nextMs(): number {
    const delayMs = backoffMs(this.#failures, this.#limits, this.#random.next())
    this.#failures++
    return delayMs
  }

  reset(): void {
    this.#failures = 0
  }
}

/** The delay after `failures` earlier failures; `jitter` in [0, 1). Never above the maximum. */
export function backoffMs(failures: number, limits: BackoffLimits, jitter: number): number {
  const exponentialMs = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(failures, 30))
  return exponentialMs * (0.5 + jitter / 2)
}
