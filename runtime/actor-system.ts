/**
 * The actors of one node: the root supervisor, the ready queue, addresses, asks, passivation and counters. `actors/root.ts` makes one a node;
 * a simulation makes many, on one clock. What crosses to other nodes is `actor-remote.ts`, plugged in with `connectRemote`.
 */
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import { AddressRef, parseAddress } from './actor-address.ts'
import { ask } from './actor-ask.ts'
import type { ActorCounters, ActorEvent, ActorHost, Cell, IdleCell, Outcome, OwnedSupervisor, Runnable, Running, SupervisorOwner } from './actor-host.ts'
import { IdleSweep, ticksPerIdle } from './actor-idle.ts'
import type { ActorRef, Reply, Supervisor, TellOptions } from './actor.ts'
import { ActorScheduler } from './actor-scheduler.ts'
import type { Clock } from './clock.ts'
import { portsContext } from './effect-ports.ts'
import type { Random } from './random.ts'
import { subjectToken } from './subject.ts'
import { LocalSupervisor } from './supervisor.ts'

export interface ActorSystemOptions {
  /** Unique in the cluster; part of every address. */
  readonly node: string
  readonly clock: Clock
  readonly random: Random
  readonly onEvent?: (event: ActorEvent) => void
  /** The root supervisor gave up: the node cannot go on. Its actors have stopped. */
  readonly onEscalation?: (error: unknown) => void
}

/** Makes references to actors of other nodes. */
export interface RemoteActors {
  ref<M>(address: string): ActorRef<M>
}

export const ADDRESS_PREFIX = 'skald.v1.actor.'

export class LocalActorSystem implements ActorHost {
  readonly node: string
  readonly clock: Clock
  readonly counters: ActorCounters = { actors: 0, deadLetters: 0, refused: 0, crashes: 0, restarts: 0, escalations: 0, passivations: 0 }
  readonly ticksPerIdle = ticksPerIdle
  readonly #root: LocalSupervisor
  readonly #scheduler = new ActorScheduler()
  readonly #idle: IdleSweep
  readonly #onEvent: ((event: ActorEvent) => void) | undefined
  readonly #fork: <A>(effect: Effect.Effect<A, unknown>) => ReturnType<typeof Effect.runFork<A, unknown>>
  #remote: RemoteActors | undefined

  constructor(options: ActorSystemOptions) {
    this.node = options.node
    this.clock = options.clock
    this.#onEvent = options.onEvent
    this.#idle = new IdleSweep(options.clock)
    this.#fork = Effect.runForkWith(portsContext(options.clock, options.random))
    const escalated = options.onEscalation ?? crashProcess
    this.#root = new LocalSupervisor(this, { address: ADDRESS_PREFIX + subjectToken(options.node), mayStartChildren: true, crash: escalated })
  }

  get root(): Supervisor {
    return this.#root
  }

  get tick(): number {
    return this.#idle.tick
  }

  ref<M>(address: string): ActorRef<M> {
    const parsed = parseAddress(address)
    if (parsed.node === this.node) return new AddressRef<M>(this, address, () => this.find(parsed.path))
    if (this.#remote === undefined) throw new Error(`${address} is on another node, and this system is not connected`)
    return this.#remote.ref(address)
  }

  ask<M, A>(to: ActorRef<M>, make: (reply: Reply<A>) => M, timeoutMs: number, options?: TellOptions): Promise<A> {
    return ask(this.clock, to, make, timeoutMs, options)
  }

  deadLetters(): number {
    return this.counters.deadLetters
  }

  shutdown(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.#root.stopAll(() => {
        this.#idle.stop()
        resume(Effect.void)
      })
    })
  }

  /** References to other nodes' addresses go through this from now on. */
  connectRemote(remote: RemoteActors): void {
    this.#remote = remote
  }

  /** The actor at a path of ids below the root, if it runs. */
  find(path: ReadonlyArray<string>): Cell<never> | undefined {
    const [first, ...rest] = path
    return rest.reduce<Cell<never> | undefined>((cell, id) => cell?.childCell(id), this.#root.cell(first ?? ''))
  }

  schedule(runnable: Runnable): void {
    this.#scheduler.add(runnable)
  }

  run<A>(effect: Effect.Effect<A, unknown>, done: (outcome: Outcome<A>) => void): Running | undefined {
    const fiber = this.#fork(effect)
    const finish = (exit: Exit.Exit<A, unknown>): void => done(outcomeOf(exit))
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return void finish(exit)
    fiber.addObserver(finish)
    return { interrupt: () => fiber.interruptUnsafe() }
  }

  supervisorOf(owner: SupervisorOwner): OwnedSupervisor {
    return new LocalSupervisor(this, owner)
  }

  watchIdle(cell: IdleCell): void {
    this.#idle.add(cell)
  }

  unwatchIdle(cell: IdleCell): void {
    this.#idle.remove(cell)
  }

  event(event: ActorEvent): void {
    this.#onEvent?.(event)
  }
}

function outcomeOf<A>(exit: Exit.Exit<A, unknown>): Outcome<A> {
  return Exit.isSuccess(exit) ? { ok: true, value: exit.value } : { ok: false, error: Cause.squash(exit.cause) }
}

/** Nobody asked to hear of it: better no process than one without its actors. */
function crashProcess(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
