/**
 * The clock port. Everything outside `runtime/` takes time from here (a test looks for strays), so a cluster can run under a simulated clock.
 * `SystemClock` is the machine's; `test/simulation/` drives `ManualClock`.
 */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time, Unix ms. */
  nowMs(): number
  /** Monotonic time, ms with fraction. */
  monotonicMs(): number
  /** Runs once after the delay. */
  after(delayMs: number, run: () => void): Timer
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}
