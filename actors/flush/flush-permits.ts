/**
 * How many flushes run at once, and who is next: of those that wait, the most urgent; of equals, the first. For `flusher.ts`.
 */
import * as Effect from 'effect/Effect'
import type { CutReason } from '../partition/cut-policy.ts'

/** Smaller goes first: what gives memory back, then what somebody waits for, then what only grows old. */
const URGENCY: Readonly<Record<CutReason, number>> = { memory: 0, forced: 1, full: 2, idle: 3, max_age: 4 }

interface Waiting {
  /** Asked when a permit is free: a queue becomes more urgent while it waits. */
  readonly reasons: () => ReadonlyArray<CutReason>
  readonly go: () => void
}

export class FlushPermits {
  private free: number
  private readonly waiting: Waiting[] = []

  constructor(count: number) {
    this.free = count
  }

  /** Runs with a permit, which is given back however it ends. */
  run<A, E>(reasons: () => ReadonlyArray<CutReason>, flush: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const give = Effect.sync(() => this.give())
    return Effect.uninterruptibleMask((restore) => Effect.andThen(restore(this.take(reasons)), Effect.ensuring(restore(flush), give)))
  }

  private take(reasons: () => ReadonlyArray<CutReason>): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.free > 0) {
        this.free--
        return resume(Effect.void)
      }
      const waiting: Waiting = { reasons, go: () => resume(Effect.void) }
      this.waiting.push(waiting)
      // Interrupted when its turn has come already: the permit goes on to the next.
      return Effect.sync(() => void (this.withdraw(waiting) || this.give()))
    })
  }

  private give(): void {
    const next = this.waiting.reduce<Waiting | undefined>((best, one) => (best === undefined || urgencyOf(one) < urgencyOf(best) ? one : best), undefined)
    if (next === undefined) this.free++
    else if (this.withdraw(next)) next.go()
  }

  private withdraw(one: Waiting): boolean {
    const at = this.waiting.indexOf(one)
    if (at !== -1) this.waiting.splice(at, 1)
    return at !== -1
  }
}

const urgencyOf = ({ reasons }: Waiting): number => Math.min(...reasons().map((reason) => URGENCY[reason]))
