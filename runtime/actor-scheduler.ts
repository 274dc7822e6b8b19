/**
 * The ready queue: actors with mail run in turns in a microtask, a bounded number of messages each, and the queue lets the event loop have its
 * turn (I/O, timers) after a bounded number in all. No fibre, promise or timer per actor.
 */
import type { Runnable } from './actor-host.ts'

/** Messages an actor may handle before the next one has its turn: few, since one message may make a tenant's actor speak to thousands of streams. */
const TURN_MESSAGES_MAX = 16
/** Messages in all before I/O and timers have theirs: about a millisecond of small handlers. */
const DRAIN_MESSAGES_MAX = 2048
/** The part of the queue that was run is cut off when it is this long. */
const SPENT_MAX = 1024

export class ActorScheduler {
  #ready: Runnable[] = []
  #at = 0
  #isArmed = false
  readonly #drain = (): void => this.#run()

  add(runnable: Runnable): void {
    this.#ready.push(runnable)
    if (this.#isArmed) return
    this.#isArmed = true
    queueMicrotask(this.#drain)
  }

  #run(): void {
    let budget = DRAIN_MESSAGES_MAX
    while (this.#at < this.#ready.length) {
      const next = this.#ready[this.#at++] as Runnable
      // A turn costs something even when it finds nothing to do.
      budget -= Math.max(1, next.run(TURN_MESSAGES_MAX))
      if (this.#at > SPENT_MAX) this.#cut()
      if (budget <= 0) break
    }
    if (this.#at < this.#ready.length) return void setImmediate(this.#drain)
    this.#ready.length = 0
    this.#at = 0
    this.#isArmed = false
  }

  #cut(): void {
    this.#ready = this.#ready.slice(this.#at)
    this.#at = 0
  }
}
