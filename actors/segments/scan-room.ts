/**
 * Room in the memory budget for scans of segments: each takes what its reader keeps at hand, and waits while that is more than is left. One always runs, so
 * that queries go on, slowly, while everything else is full (W4, Q4).
 */
import type { MemoryBudget } from '../../storage/memory-budget.ts'

/** A scan that needs no more than this does not wait: it is over before others have given anything back. */
const SMALL_BYTES = 4 * 1024 * 1024

export class ScanRoom {
  private readonly budget: MemoryBudget
  private readonly waiting: Array<() => void> = []
  private running = 0

  constructor(budget: MemoryBudget) {
    this.budget = budget
  }

  async run<A>(bytes: number, scan: () => Promise<A>): Promise<A> {
    let held = this.take(bytes)
    while (held === null) {
      await new Promise<void>((resolve) => this.waiting.push(resolve))
      held = this.take(bytes)
    }
    this.running++
    try {
      return await scan()
    } finally {
      this.running--
      held.close()
      for (const retry of this.waiting.splice(0)) retry()
    }
  }

  private take(bytes: number): ReturnType<MemoryBudget['tryHold']> {
    if (this.running > 0 && bytes > SMALL_BYTES) return this.budget.tryHold('queries', bytes)
    const held = this.budget.account('queries')
    held.set(bytes)
    return held
  }
}
