/**
 * The life of one simulated process: it runs, is paused (as by SIGSTOP) or is dead. Whatever reaches it from outside (timers, answers, messages) goes through
 * `run`, so a paused one gets it all when it wakes up, in order, and a dead one never does. What it has sent before arrives all the same.
 */
import { sleepOn } from '../../runtime/clock-system.ts'
import type { ManualClock } from '../../runtime/clock-manual.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'

export class SimulatedProcess {
  readonly clock: Clock
  /** Resolves when it is killed: connections to it break. */
  readonly ended: Promise<void>
  /** Added to its wall clock. */
  skewMs = 0
  readonly #world: ManualClock
  /** How fast its monotonic clock goes. */
  readonly #rate: number
  #state: 'running' | 'paused' | 'dead' = 'running'
  #waiting: Array<() => void> = []
  readonly #end: () => void

  constructor(world: ManualClock, rate: number) {
    this.#world = world
    this.#rate = rate
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    const after = (delayMs: number, run: () => void): Timer => this.#after(delayMs, run)
    this.clock = {
      nowMs: () => world.nowMs() + this.skewMs,
      monotonicMs: () => world.monotonicMs() * rate,
      after,
      sleep: (delayMs, signal) => sleepOn(after, delayMs, signal),
    }
  }

  get state(): 'running' | 'paused' | 'dead' {
    return this.#state
  }

  run(step: () => void): void {
    if (this.#state === 'running') step()
    else if (this.#state === 'paused') this.#waiting.push(step)
  }

  /** What somebody else's promise comes to, seen from inside. */
  hear<A>(outside: Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      outside.then(
        (value) => this.run(() => resolve(value)),
        (error: unknown) => this.run(() => reject(error)),
      )
    })
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    for (const step of this.#waiting.splice(0)) step()
  }

  kill(): void {
    this.#state = 'dead'
    this.#waiting = []
    this.#end()
  }

  #after(delayMs: number, run: () => void): Timer {
    let isCancelled = false
    const timer = this.#world.after(Math.max(0, delayMs) / this.#rate, () => this.run(() => (isCancelled ? undefined : run())))
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }
}
