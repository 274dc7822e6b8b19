/**
 * Bounds what is on its way to a log: so many records and so many bytes, first come first served. `wal-jetstream.ts` waits here before it
 * publishes, so that a slow server makes pushers wait instead of filling memory. Holds no data itself.
 */
import type { Clock } from '../runtime/clock.ts'

export interface WindowLimits {
  readonly recordsMax: number
  readonly bytesMax: number
}

interface Waiter {
  readonly bytes: number
  readonly enter: () => void
}

export class AppendWindow {
  readonly #limits: WindowLimits
  readonly #clock: Pick<Clock, 'after'>
  readonly #waiting: Waiter[] = []
  #records = 0
  #bytes = 0

  constructor(limits: WindowLimits, clock: Pick<Clock, 'after'>) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Resolves true when there is room, false when there was none for `waitMs`. A record larger than the window enters alone. */
  enter(bytes: number, waitMs: number): Promise<boolean> {
    if (this.#waiting.length === 0 && this.#hasRoom(bytes)) {
      this.#take(bytes)
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const timer = this.#clock.after(waitMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        resolve(false)
        this.#admit()
      })
      const waiter: Waiter = {
        bytes,
        enter: () => {
          timer.cancel()
          resolve(true)
        },
      }
      this.#waiting.push(waiter)
    })
  }

  leave(bytes: number): void {
    this.#records--
    this.#bytes -= bytes
    this.#admit()
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoom(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(next.bytes)
      next.enter()
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#records === 0 || (this.#records < this.#limits.recordsMax && this.#bytes + bytes <= this.#limits.bytesMax)
  }

  #take(bytes: number): void {
    this.#records++
    this.#bytes += bytes
  }
}
