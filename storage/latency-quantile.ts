/**
 * How long requests took of late: a ring of recent durations and a quantile of it. `object-store-hedge.ts` asks it when a read has become
 * unusually slow. Pure.
 */

const SAMPLES = 256
/** Sorting at every sample would cost more than it tells. */
const SAMPLES_PER_SORT = 16

export class LatencyQuantile {
  readonly #ring = new Float64Array(SAMPLES)
  readonly #quantile: number
  #count = 0
  #valueMs: number | undefined

  constructor(quantile: number) {
    this.#quantile = quantile
  }

  note(durationMs: number): void {
    this.#ring[this.#count++ % SAMPLES] = durationMs
    if (this.#count % SAMPLES_PER_SORT !== 0) return
    const sorted = this.#ring.slice(0, Math.min(this.#count, SAMPLES)).sort()
    this.#valueMs = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * this.#quantile))]
  }

  /** Undefined until enough is known. */
  valueMs(): number | undefined {
    return this.#valueMs
  }
}
