/**
 * Lets a bounded number of queries run at once, taking turns between tenants, so that one tenant's many queries delay another's by at most one each. A
 * tenant's queue is bounded; beyond it the answer is 429. A query that is cancelled while it waits leaves the queue.
 */
import type { Clock } from '../../runtime/clock.ts'
import { SkaldError } from '../../runtime/errors.ts'

interface Waiting {
  readonly begin: () => void
}

export class FairQueue {
  private readonly clock: Clock
  private readonly runningMax: number
  private readonly waitingMax: number
  private running = 0
  /** Tenants in turn; each one's queries in order of arrival. */
  private readonly queues = new Map<string, Waiting[]>()

  /** `waitingMax` is a tenant's; Loki's `max_outstanding_per_tenant`. */
  constructor(clock: Clock, runningMax: number, waitingMax: number) {
    this.clock = clock
    this.runningMax = runningMax
    this.waitingMax = waitingMax
  }

  get busy(): number {
    return this.running
  }

  get waiting(): number {
    return [...this.queues.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  /** Runs when it is its turn; `run` is told how long it waited. Rejects `too_many_requests` or with the signal's reason. */
  async run<A>(tenant: string, signal: AbortSignal, run: (queuedMs: number) => Promise<A>): Promise<A> {
    const begunMs = this.clock.monotonicMs()
    await this.turn(tenant, signal)
    try {
      signal.throwIfAborted()
      return await run(this.clock.monotonicMs() - begunMs)
    } finally {
      this.running--
      this.next()
    }
  }

  private turn(tenant: string, signal: AbortSignal): Promise<void> {
    if (this.running < this.runningMax) {
      this.running++
      return Promise.resolve()
    }
    const queue = this.queues.get(tenant) ?? []
    if (queue.length >= this.waitingMax) {
      return Promise.reject(new SkaldError('too_many_requests', `too many outstanding requests of tenant ${tenant} (limit: ${this.waitingMax}, querier.max_outstanding_per_tenant)`, { retryAfterS: 1 }))
    }
    this.queues.set(tenant, queue)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = queue.indexOf(waiting)
        if (at !== -1) queue.splice(at, 1)
        if (queue.length === 0) this.queues.delete(tenant)
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
    const [tenant, queue] = first.value
    const waiting = queue.shift()
    // The tenant goes to the end of the line.
    this.queues.delete(tenant)
    if (queue.length > 0) this.queues.set(tenant, queue)
    if (waiting === undefined) return
    this.running++
    waiting.begin()
  }
}
