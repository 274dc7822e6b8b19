/**
 * A clock that moves only when it is told to: simulations and tests run hours in milliseconds, in one fixed order. Timers due at the same
 * instant run in the order they were set. `skewMs` shifts the wall clock alone, as a machine with a wrong date would see it.
 */
import { sleepOn } from './clock-system.ts'
import type { Clock, Timer } from './clock.ts'
import { TimerQueue } from './timer-queue.ts'

/** 2026-01-01T00:00:00Z: a start that looks like a date in failures. */
const START_MS = 1_767_225_600_000

export class ManualClock implements Clock {
  readonly #timers = new TimerQueue()
  readonly #startMs: number
  #elapsedMs = 0
  /** Added to wall time only. */
  skewMs = 0

  constructor(startMs = START_MS) {
    this.#startMs = startMs
  }

  nowMs(): number {
    return Math.floor(this.#startMs + this.#elapsedMs + this.skewMs)
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const deadline = this.#timers.add(this.#elapsedMs + Math.max(0, delayMs), run)
    return { cancel: () => this.#timers.cancel(deadline) }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn((ms, run) => this.after(ms, run), delayMs, signal)
  }

  /** Timers that have not run. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves time and runs what falls due, in order, timers set on the way included. Promises that these settle run after it returns. */
  advance(ms: number): void {
    const untilMs = this.#elapsedMs + ms
    for (;;) {
      const next = this.#timers.nextMs()
      if (next === undefined || next > untilMs) break
      this.#elapsedMs = Math.max(this.#elapsedMs, next)
      this.#timers.takeDue(next)?.()
    }
    this.#elapsedMs = untilMs
  }

  /** Like `advance`, but lets promises and fibres run between any two instants: what asynchronous code under test needs. */
  async run(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms
    await settle()
    for (;;) {
      const next = this.#timers.nextMs()
      if (next === undefined || next > untilMs) break
      this.advance(Math.max(0, next - this.#elapsedMs))
      await settle()
    }
    this.advance(Math.max(0, untilMs - this.#elapsedMs))
    await settle()
  }
}

/** Two turns of the event loop: microtasks, and the immediates that Effect's scheduler yields through. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
