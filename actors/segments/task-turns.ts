/**
 * Whose scan task runs next. Worker threads are shared evenly between tenants, and a tenant's part between its queries: the task that goes next belongs to whoever has used
 * the threads least, counted from when they came. Small tasks do not wait: within a thread, tasks take turns every few milliseconds.
 */
import type { Clock } from '../../runtime/clock.ts'

interface Waiting {
  begin(): void
  /** The thread that would serve it best has nothing better to do. */
  readonly suits: () => boolean
}

/** `usedMs` is virtual: newcomers begin where the least served of the others are, so nobody is paid back for having been away. */
interface Share {
  usedMs: number
}

interface Query extends Share {
  readonly tenant: Tenant
  readonly waiting: Waiting[]
  running: number
}

interface Tenant extends Share {
  readonly name: string
  readonly queries: Map<AbortSignal, Query>
}

/** Waiting tasks of a query of which the one that suits is taken. */
const SUITED_AMONG = 32

export interface TurnLimits {
  /** Large tasks under way at once. */
  readonly runningMax: number
  /** The same, when the next one is the first of its query. */
  readonly firstsMax: number
}

export class TaskTurns {
  private readonly clock: Clock
  private readonly limits: TurnLimits
  private readonly tenants = new Map<string, Tenant>()
  private running = 0

  constructor(clock: Clock, limits: TurnLimits) {
    this.clock = clock
    this.limits = limits
  }

  /**
   * A query is known by its signal; when that is aborted, its waiting tasks leave at once with the signal's reason. Of the tasks of a query those that suit at the moment go
   * before others.
   */
  async run<A>(tenant: string, signal: AbortSignal, task: () => Promise<A>, suits: () => boolean = () => true): Promise<A> {
    signal.throwIfAborted()
    const query = this.queryOf(tenant, signal)
    await this.turn(query, signal, suits)
    const begunMs = this.clock.monotonicMs()
    try {
      return await task()
    } finally {
      const usedMs = this.clock.monotonicMs() - begunMs
      query.usedMs += usedMs
      query.tenant.usedMs += usedMs
      query.running--
      this.running--
      this.forget(query, signal)
      this.next()
    }
  }

  private turn(query: Query, signal: AbortSignal, suits: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        query.waiting.splice(query.waiting.indexOf(waiting), 1)
        this.forget(query, signal)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
        suits,
      }
      signal.addEventListener('abort', leave, { once: true })
      query.waiting.push(waiting)
      this.next()
    })
  }

  private next(): void {
    const { runningMax, firstsMax } = this.limits
    while (this.running < firstsMax) {
      const query = this.leastServed(this.running >= runningMax)
      if (query === null) return
      query.running++
      this.running++
      const suited = query.waiting.slice(0, SUITED_AMONG).findIndex(({ suits }) => suits())
      query.waiting.splice(Math.max(0, suited), 1)[0]!.begin()
    }
  }

  /** Among queries with a task that waits (and, when `idleOnly`, none under way): of the tenant and then the query that used the threads least. */
  private leastServed(idleOnly: boolean): Query | null {
    let best: Query | null = null
    for (const tenant of this.tenants.values()) {
      for (const query of tenant.queries.values()) {
        if (query.waiting.length === 0 || (idleOnly && query.running > 0)) continue
        if (best === null || isServedLess(query, best)) best = query
      }
    }
    return best
  }

  private queryOf(name: string, signal: AbortSignal): Query {
    let tenant = this.tenants.get(name)
    if (tenant === undefined) this.tenants.set(name, (tenant = { name, usedMs: leastOf(this.tenants.values()), queries: new Map() }))
    let query = tenant.queries.get(signal)
    if (query === undefined) tenant.queries.set(signal, (query = { tenant, usedMs: leastOf(tenant.queries.values()), waiting: [], running: 0 }))
    return query
  }

  private forget(query: Query, signal: AbortSignal): void {
    if (query.running > 0 || query.waiting.length > 0) return
    query.tenant.queries.delete(signal)
    if (query.tenant.queries.size === 0) this.tenants.delete(query.tenant.name)
  }
}

function isServedLess(a: Query, b: Query): boolean {
  return a.tenant === b.tenant ? a.usedMs < b.usedMs : a.tenant.usedMs < b.tenant.usedMs
}

function leastOf(shares: Iterable<Share>): number {
  let least = Infinity
  for (const { usedMs } of shares) least = Math.min(least, usedMs)
  return least === Infinity ? 0 : least
}
