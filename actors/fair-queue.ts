/**
 * Lets a bounded number of things run at once, taking turns between those who ask: queries between tenants, scan tasks between queries. So one that asks for much
 * delays another by at most one turn each. A queue may be bounded; beyond it the answer is 429. What is cancelled while it waits leaves the queue.
 */
import type { Clock } from '../runtime/clock.ts'
import { SkaldError } from '../runtime/errors.ts'

interface Waiting {
  readonly begin: () => void
}

/** `K`: who takes turns, a tenant's name or a query's signal. */
export class FairQueue<K> {
  private readonly clock: Clock
  private readonly runningMax: number
  private readonly waitingMax: number
  private running = 0
  /** Askers in turn; each one's in order of arrival. */
  private readonly queues = new Map<K, Waiting[]>()

  /** `waitingMax` is of one asker; for tenants Loki's `max_outstanding_per_tenant`. */
  constructor(clock: Clock, runningMax: number, waitingMax: number) {
    this.clock = clock
    this.runningMax = runningMax
    this.waitingMax = waitingMax
  }

  get waiting(): number {
    return [...this.queues.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  /** Runs when it is its turn; `run` is told how long it waited. Rejects `too_many_requests` or with the signal's reason. */
  async run<A>(asker: K, signal: AbortSignal, run: (queuedMs: number) => Promise<A>): Promise<A> {
    const begunMs = this.clock.monotonicMs()
    await this.turn(asker, signal)
    try {
      signal.throwIfAborted()
      return await run(this.clock.monotonicMs() - begunMs)
    } finally {
      this.running--
      this.next()
    }
  }

  private turn(asker: K, signal: AbortSignal): Promise<void> {
    if (this.running < this.runningMax) {
      this.running++
      return Promise.resolve()
    }
    const queue = this.queues.get(asker) ?? []
    if (queue.length >= this.waitingMax) {
      return Promise.reject(new SkaldError('too_many_requests', `too many outstanding requests of tenant ${String(asker)} (limit: ${this.waitingMax}, querier.max_outstanding_per_tenant)`, { retryAfterS: 1 }))
    }
    this.queues.set(asker, queue)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = queue.indexOf(waiting)
        if (at !== -1) queue.splice(at, 1)
        if (queue.length === 0) this.queues.delete(asker)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      queue.push(waiting)
    })
  }

  private next(): void {
    const first = this.queues.entries().next()
    if (first.done === true || this.running >= this.runningMax) return
    const [asker, queue] = first.value
    const waiting = queue.shift()
    // The asker goes to the end of the line.
    this.queues.delete(asker)
    if (queue.length > 0) this.queues.set(asker, queue)
    if (waiting === undefined) return
    this.running++
    waiting.begin()
  }
}
