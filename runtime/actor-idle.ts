/**
 * Passivation: one timer for a whole node looks over the actors that may be put away when idle. A tick is a small integer that each actor
 * notes when it handles messages, so idleness costs no timer and no clock reading per message.
 */
import type { IdleCell } from './actor-host.ts'
import type { Clock, Timer } from './clock.ts'

/** Idle times are kept to within one tick. */
const IDLE_TICK_MS = 500
/** Actors put away in one go; the rest follow at the next tick, so that a burst does not hold up messages. */
const PASSIVATIONS_PER_TICK_MAX = 5_000

export class IdleSweep {
  readonly #clock: Clock
  readonly #cells: IdleCell[] = []
  #timer: Timer | undefined
  #tick = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get tick(): number {
    return this.#tick
  }

  add(cell: IdleCell): void {
    cell.idleSlot = this.#cells.length
    this.#cells.push(cell)
    this.#timer ??= this.#clock.after(IDLE_TICK_MS, () => this.#sweep())
  }

  remove(cell: IdleCell): void {
    const last = this.#cells.pop() as IdleCell
    if (last !== cell) {
      this.#cells[cell.idleSlot] = last
      last.idleSlot = cell.idleSlot
    }
    cell.idleSlot = -1
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sweep(): void {
    this.#tick++
    let left = PASSIVATIONS_PER_TICK_MAX
    // From the end: removing an actor puts the last one, already looked at, into its place.
    for (let i = this.#cells.length - 1; i >= 0 && left > 0; i--) if (this.#cells[i]?.passivateIfIdle() === true) left--
    this.#timer = this.#cells.length === 0 ? undefined : this.#clock.after(IDLE_TICK_MS, () => this.#sweep())
  }
}

/** Ticks that must have passed for an actor to have been idle that long. */
export function ticksPerIdle(idleMs: number): number {
  return Math.max(1, Math.ceil(idleMs / IDLE_TICK_MS))
}
