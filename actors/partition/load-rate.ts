/**
 * How many bytes a second a partition gets, averaged with weights that fall to a third in half a minute: what makes a hot partition visible. Pure;
 * `partition-apply.ts` counts what it applies.
 */

const WEIGHT_MS = 30_000
/** A first push alone is no rate. */
const SINCE_MS_MIN = 1_000

export class LoadRate {
  private readonly startedMs: number
  private atMs: number
  private weighted = 0

  /** Times are monotonic. */
  constructor(nowMs: number) {
    this.startedMs = nowMs
    this.atMs = nowMs
  }

  add(bytes: number, nowMs: number): void {
    this.weighted = this.weightedAt(nowMs) + bytes
    this.atMs = nowMs
  }

  /** Over the time since the start while that is short. */
  bytesPerS(nowMs: number): number {
    const sinceMs = Math.max(SINCE_MS_MIN, nowMs - this.startedMs)
    return (this.weightedAt(nowMs) * 1_000) / (WEIGHT_MS * (1 - Math.exp(-sinceMs / WEIGHT_MS)))
  }

  private weightedAt(nowMs: number): number {
    return this.weighted * Math.exp(-Math.max(0, nowMs - this.atMs) / WEIGHT_MS)
  }
}
