/** Reads that wait until a partition has applied the log up to what was acknowledged before them, each within its own bound (Q2). Shared by `partition-log.ts` and `partition-answers.ts`; pure but for what it runs. */
import type { Sequence } from '../../protocols/model.ts'

interface Waiter {
  readonly through: Sequence
  readonly untilMs: number
  readonly run: (behind: boolean) => void
}

export class CatchUpWaiters {
  private waiting: ReadonlyArray<Waiter> = []

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** `run` is called once: with false when everything up to `through` is applied, with true when time is up. */
  add(through: Sequence, untilMs: number, run: (behind: boolean) => void): void {
    this.waiting = [...this.waiting, { through, untilMs, run }]
  }

  applied(sequence: Sequence): void {
    this.end(({ through }) => through <= sequence, false)
  }

  giveUp(nowMs: number): void {
    this.end(({ untilMs }) => untilMs <= nowMs, true)
  }

  private end(isOver: (waiter: Waiter) => boolean, behind: boolean): void {
    if (!this.waiting.some(isOver)) return
    const over = this.waiting.filter(isOver)
    this.waiting = this.waiting.filter((waiter) => !isOver(waiter))
    for (const { run } of over) run(behind)
  }
}
