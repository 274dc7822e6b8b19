/**
 * The actor contract. An actor is private state behind a bounded mailbox; `handle` runs one message at a time. It is written as a `Behavior`
 * and started by a supervisor from a `ChildSpec`. docs/actors.md has the semantics on one page.
 *
 * `handle` may be plain (data plane: returns at once) or return an Effect (control plane: the next message waits for it). A defect or a
 * failure in either crashes the actor and its supervisor decides.
 */
import type * as Effect from 'effect/Effect'

/** The address of an actor: a NATS subject, e.g. `skald.v1.actor.<node>.partition.3`. Local delivery does not touch NATS. */
export type Address = string & { readonly _: unique symbol }

/** What a sender learns at once. `full`: the mailbox refused (count or bytes); `dead`: nobody there. */
export type Delivery = 'delivered' | 'full' | 'dead'

export interface TellOptions {
  /** Counted against the mailbox's byte budget; default 0. */
  readonly bytes?: number
  /** `high` overtakes `normal`; supervision overtakes both. */
  readonly priority?: 'high' | 'normal'
}

/** A handle to an actor on this node or elsewhere. */
export interface ActorRef<M> {
  readonly address: Address
  tell(message: M, options?: TellOptions): Delivery
}

/** A message that wants an answer: make one with `ActorSystem.ask`. Answering twice is ignored. */
export interface Reply<A> {
  succeed(answer: A): void
  fail(error: unknown): void
}

export type ExitReason = { readonly kind: 'normal' } | { readonly kind: 'shutdown' } | { readonly kind: 'crashed'; readonly error: unknown }

export interface ActorContext<M> {
  readonly self: ActorRef<M>
  readonly system: ActorSystem
  /** A supervisor for this actor's own children: they stop (in reverse order) before the actor does. */
  readonly children: Supervisor
  /** Sends a message to itself later; cancelled when the actor stops. */
  tellLater(delayMs: number, message: M): { cancel(): void }
  /** Ends this actor normally after the current message. */
  stop(): void
  /** Told as `{ref, reason}` through `make` when the other actor ends. */
  watch(ref: ActorRef<never>, make: (reason: ExitReason) => M): void
}

export interface Behavior<M, S> {
  /** Fresh state at every start and restart. A failure counts as a crash. */
  init(context: ActorContext<M>): S | Effect.Effect<S, unknown>
  /** Returns nothing: state is private and mutable. */
  handle(state: S, message: M, context: ActorContext<M>): void | Effect.Effect<void, unknown>
  terminate?(state: S, reason: ExitReason, context: ActorContext<M>): void | Effect.Effect<void, unknown>
}

export interface MailboxLimits {
  readonly messagesMax: number
  readonly bytesMax: number
}

export type Restart = 'permanent' | 'transient' | 'temporary'

export interface ChildSpec<M, S> {
  readonly id: string
  readonly behavior: Behavior<M, S>
  readonly restart: Restart
  readonly mailbox?: Partial<MailboxLimits>
  /** Stop after this long without a message (it must hold nothing that cannot be rebuilt). `passivate` may veto by returning false. */
  readonly idleMs?: number
  readonly passivate?: (state: S) => boolean
  /** How long `terminate` may take; default 5 s. */
  readonly shutdownMs?: number
}

export interface SupervisionPolicy {
  readonly strategy: 'one-for-one' | 'one-for-all' | 'rest-for-one'
  /** More than this many restarts within the period: the supervisor itself crashes (escalation). */
  readonly restartsMax: number
  readonly periodMs: number
  /** Exponential with jitter between these. */
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
}

export interface Supervisor {
  readonly policy: SupervisionPolicy
  setPolicy(policy: Partial<SupervisionPolicy>): void
  /** Returns when `init` has been called; messages told before init is done wait in the mailbox. Throws if the id is taken. */
  start<M, S>(spec: ChildSpec<M, S>): ActorRef<M>
  get<M>(id: string): ActorRef<M> | undefined
  stop(id: string): Effect.Effect<void>
  ids(): ReadonlyArray<string>
}

export interface ActorSystem {
  readonly node: string
  readonly root: Supervisor
  /** Local: straight to the mailbox. Elsewhere: over NATS; messages must then be structured-cloneable/encodable by the registered codec. */
  ref<M>(address: string): ActorRef<M>
  /** Builds the message around a one-shot reply; fails with SkaldError (`query_timeout` at the deadline, `too_many_requests` for a full mailbox, `not_found` for a dead one). */
  ask<M, A>(to: ActorRef<M>, make: (reply: Reply<A>) => M, timeoutMs: number, options?: TellOptions): Promise<A>
  deadLetters(): number
  /** Stops everything in reverse order of start. */
  shutdown(): Effect.Effect<void>
}
