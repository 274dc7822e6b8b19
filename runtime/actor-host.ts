/**
 * What actors and supervisors need from the system they live in: ports, the ready queue, fibres, counters. Types and no behaviour, so that
 * `actor-cell.ts`, `supervisor.ts` and `actor-system.ts` do not import each other in a circle.
 */
import type * as Effect from 'effect/Effect'
import type { ActorContext, ActorRef, Address, ActorSystem, ExitReason, Supervisor } from './actor.ts'
import type { Clock } from './clock.ts'
import type { SkaldError } from './errors.ts'

/** What happened, for logs and metrics. Addresses are made only when somebody reads them. */
export type ActorEvent =
  | { readonly kind: 'crashed'; readonly actor: ActorRef<never>; readonly error: unknown }
  | { readonly kind: 'restarted' | 'passivated' | 'killed'; readonly actor: ActorRef<never> }
  | { readonly kind: 'escalated'; readonly child: string; readonly of: string; readonly error: unknown }

export interface ActorCounters {
  /** Running and restarting actors. */
  actors: number
  deadLetters: number
  refused: number
  crashes: number
  restarts: number
  escalations: number
  passivations: number
}

/** Something the ready queue runs. */
export interface Runnable {
  /** Runs up to `budget` messages and says how many; queues itself again when it has more to do. */
  run(budget: number): number
}

/** A fibre that was started; `undefined` when the effect finished at once. */
export interface Running {
  interrupt(): void
}

export type Outcome<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: unknown }

/** Who hears of an escalation. */
export interface SupervisorOwner {
  readonly address: string
  readonly mayStartChildren: boolean
  crash(error: unknown): void
}

/** An actor as its supervisor sees it. */
export interface Cell<M> extends ActorRef<M>, ActorContext<M>, SupervisorOwner {
  readonly id: string
  readonly address: Address
  readonly isDead: boolean
  childCell(id: string): Cell<never> | undefined
  /** Runs when the actor has ended for good; at once when it has already. Returns how to withdraw. */
  watchEnd(notify: (reason: ExitReason) => void): () => void
  /** Fails an ask at once when the actor ends or crashes over it. Returns how to withdraw. */
  awaitAnswer(message: M, fail: (error: SkaldError) => void): () => void
}

/** A supervisor as its owner sees it. */
export interface OwnedSupervisor extends Supervisor {
  readonly count: number
  cell(id: string): Cell<never> | undefined
  /** Stops all in reverse order of start; ready for new children after. */
  stopAll(done: () => void): void
  /** A child has ended by itself. */
  exited(cell: Cell<never>, reason: ExitReason): void
}

export interface ActorHost extends ActorSystem {
  readonly clock: Clock
  readonly counters: ActorCounters
  /** Grows with time, slowly; idleness is measured in it. */
  readonly tick: number
  readonly ticksPerIdle: (idleMs: number) => number
  schedule(runnable: Runnable): void
  run<A>(effect: Effect.Effect<A, unknown>, done: (outcome: Outcome<A>) => void): Running | undefined
  supervisorOf(owner: SupervisorOwner): OwnedSupervisor
  watchIdle(cell: IdleCell): void
  unwatchIdle(cell: IdleCell): void
  event(event: ActorEvent): void
}

/** An actor that passivates. */
export interface IdleCell {
  /** Where it stands in the system's list of such actors; -1 when it does not. */
  idleSlot: number
  /** Passivates when it has been idle long enough and agrees; whether it did. */
  passivateIfIdle(): boolean
}
