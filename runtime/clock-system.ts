/**
 * The machine's clock, for every real node. A pending `after` does not keep a stopped process alive; a `sleep` does, because somebody awaits it.
 * Simulations and unit tests use `ManualClock` instead; nothing else in the program reads time.
 */
import type { Clock, Timer } from './clock.ts'

/** Longest delay that Node's timers take; longer ones would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  after(delayMs: number, run: () => void): Timer {
    return new SystemTimer(delayMs, run, false)
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn((ms, run) => new SystemTimer(ms, run, true), delayMs, signal)
  }
}

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout

  constructor(delayMs: number, run: () => void, keepsAlive: boolean) {
    this.#handle = this.#arm(delayMs, run, keepsAlive)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  /** Delays past Node's limit are slept in parts. */
  #arm(delayMs: number, run: () => void, keepsAlive: boolean): NodeJS.Timeout {
    const again = (): void => void (this.#handle = this.#arm(delayMs - TIMER_MS_MAX, run, keepsAlive))
    const handle = delayMs <= TIMER_MS_MAX ? setTimeout(run, delayMs) : setTimeout(again, TIMER_MS_MAX)
    return keepsAlive ? handle : handle.unref()
  }
}

/** A cancellable sleep over any one-shot timer; rejects with the signal's reason when it aborts. */
export function sleepOn(after: (delayMs: number, run: () => void) => Timer, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const timer = after(delayMs, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    function abort(): void {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
