/**
 * What only some actors have: timers, watchers, pending asks, a running effect. Made when first needed, so that the 50,000 others do not pay
 * for it. Only `actor-cell.ts` uses it.
 */
import type { ActorHost, Running } from './actor-host.ts'
import type { ActorRef, ExitReason } from './actor.ts'
import type { Timer } from './clock.ts'
import { SkaldError } from './errors.ts'
import type * as Effect from 'effect/Effect'

export interface Watcher {
  readonly notify: (reason: ExitReason) => void
}

export class CellExtras<M> {
  timers: Set<Timer> | undefined = undefined
  watchers: Set<Watcher> | undefined = undefined
  /** How to end what this actor watches. */
  watched: Array<() => void> | undefined = undefined
  asks: Map<M, (error: SkaldError) => void> | undefined = undefined
  /** The message being handled, when somebody has to hear of a crash over it. */
  current: M | undefined = undefined
  fibre: Running | undefined = undefined
  afterFibre: (() => void) | undefined = undefined
  afterEnd: Array<() => void> | undefined = undefined
  passivating = false

  /** The incarnation ends: its timers do, and what it watches the next one has to watch again. */
  endIncarnation(): void {
    for (const timer of this.timers ?? []) timer.cancel()
    this.timers = undefined
    const watched = this.watched ?? []
    this.watched = undefined
    for (const unwatch of watched) unwatch()
  }

  /** The actor has ended for good. */
  end(address: string, reason: ExitReason): void {
    for (const fail of this.asks?.values() ?? []) fail(new SkaldError('not_found', `${address} ended before it answered`))
    for (const watcher of this.watchers ?? []) watcher.notify(reason)
  }

  /** It crashed over the message being handled: whoever asked with that hears at once. */
  failCurrent(address: string, error: unknown): void {
    if (this.current === undefined) return
    const fail = this.asks?.get(this.current)
    this.withdrawAsk(this.current)
    this.current = undefined
    fail?.(new SkaldError('internal', `${address} crashed: ${error instanceof Error ? error.message : String(error)}`, { cause: error }))
  }

  withdrawAsk(message: M): void {
    this.asks?.delete(message)
    if (this.asks?.size === 0) this.asks = undefined
  }

  /** Nobody waits for the running effect any more. */
  abandonFibre(): void {
    const { fibre } = this
    this.fibre = this.afterFibre = undefined
    fibre?.interrupt()
  }
}

/** Runs an actor's `terminate` for as long as it may take; then interrupts it and goes on. Its failure is an event, not a crash. */
export function terminateWithin(host: ActorHost, actor: ActorRef<never>, effect: Effect.Effect<void, unknown>, shutdownMs: number, done: () => void): void {
  let isFinished = false
  const finish = (): void => {
    if (isFinished) return
    isFinished = true
    deadline.cancel()
    done()
  }
  const deadline = host.clock.after(shutdownMs, () => {
    host.event({ kind: 'killed', actor })
    fibre?.interrupt()
    finish()
  })
  const fibre = host.run(effect, (outcome) => {
    if (!outcome.ok && !isFinished) host.event({ kind: 'crashed', actor, error: outcome.error })
    finish()
  })
}
