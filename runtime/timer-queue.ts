/**
 * A binary heap of deadlines, earliest first and first come first within one instant. `ManualClock` and the actor system's wheel of delays
 * stand on it: thousands of pending delays then need no timer each. It reads no clock.
 */

export interface Deadline {
  readonly atMs: number
  readonly order: number
  /** Undefined once cancelled or run. */
  run: (() => void) | undefined
}

export class TimerQueue {
  readonly #heap: Deadline[] = []
  #order = 0
  #live = 0

  /** Pending deadlines, without cancelled ones. */
  get size(): number {
    return this.#live
  }

  add(atMs: number, run: () => void): Deadline {
    const deadline: Deadline = { atMs, order: this.#order++, run }
    this.#heap.push(deadline)
    this.#up(this.#heap.length - 1)
    this.#live++
    return deadline
  }

  cancel(deadline: Deadline): void {
    if (deadline.run === undefined) return
    deadline.run = undefined
    this.#live--
    // Cancelled ones leave when they reach the top; a heap that is mostly dead is rebuilt so that memory follows the live count.
    if (this.#heap.length > 64 && this.#live < this.#heap.length / 4) this.#rebuild()
  }

  /** The earliest pending instant, or undefined. */
  nextMs(): number | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.atMs
  }

  /** Takes the earliest deadline due at `nowMs`; the caller runs what it gets. */
  takeDue(nowMs: number): (() => void) | undefined {
    this.#dropCancelled()
    const top = this.#heap[0]
    if (top === undefined || top.atMs > nowMs) return undefined
    this.#removeTop()
    const run = top.run
    top.run = undefined
    this.#live--
    return run
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) this.#removeTop()
  }

  #rebuild(): void {
    const live = this.#heap.filter((d) => d.run !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#heap.length = 0
    this.#heap.push(...live)
  }

  #removeTop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#down(0)
  }

  #up(from: number): void {
    const heap = this.#heap
    const item = heap[from] as Deadline
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(item, heap[parent] as Deadline)) break
      heap[at] = heap[parent] as Deadline
      at = parent
    }
    heap[at] = item
  }

  #down(from: number): void {
    const heap = this.#heap
    const item = heap[from] as Deadline
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Deadline, heap[child] as Deadline)) child++
      if (!isBefore(heap[child] as Deadline, item)) break
      heap[at] = heap[child] as Deadline
      at = child
    }
    heap[at] = item
  }
}

function isBefore(a: Deadline, b: Deadline): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
