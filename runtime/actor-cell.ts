/**
 * A running actor: reference, context, mailbox and life cycle in one object, because a node holds 50,000 of them and an idle one must cost
 * a few hundred bytes and no fibre. It runs messages one at a time and tells its supervisor how it ended; it decides nothing about restarts.
 */
import * as Effect from 'effect/Effect'
import type { Cell, ActorHost, IdleCell, Outcome, OwnedSupervisor, Running, Runnable } from './actor-host.ts'
import type { ActorRef, ActorSystem, Address, ChildSpec, Delivery, ExitReason, MailboxLimits, Supervisor, TellOptions } from './actor.ts'
import { CellExtras, terminateWithin } from './actor-extras.ts'
import type { Watcher } from './actor-extras.ts'
import { SkaldError } from './errors.ts'
import { MAILBOX_LIMITS_DEFAULT, Mailbox } from './mailbox.ts'
import { subjectToken } from './subject.ts'

/** Small integers, because each cell holds one and every `tell` compares it. */
const PHASE = { starting: 0, ready: 1, busy: 2, ending: 3, waiting: 4, dead: 5 } as const
type Phase = (typeof PHASE)[keyof typeof PHASE]

const SHUTDOWN_MS_DEFAULT = 5_000
const NORMAL: ExitReason = Object.freeze({ kind: 'normal' })

/** Where an actor hangs in the tree. */
export interface CellParent {
  /** Address of the owner, with a trailing dot. */
  readonly addressPrefix: string
  exited(cell: Cell<never>, reason: ExitReason): void
}

export class ActorCell<M, S> implements Cell<M>, Runnable, IdleCell {
  readonly #host: ActorHost
  readonly #parent: CellParent
  readonly #spec: ChildSpec<M, S>
  #phase: Phase = PHASE.waiting
  #scheduled = false
  #stopAsked = false
  #lastTick: number
  idleSlot = -1
  /** Its supervisor was asked to stop it: however it ends, it is not restarted. */
  isCondemned = false
  #mailbox: Mailbox<M> | undefined
  #state: S | undefined
  #started = false
  #children: OwnedSupervisor | undefined
  /** The rare parts, made when first needed. */
  #extras: CellExtras<M> | undefined

  constructor(host: ActorHost, parent: CellParent, spec: ChildSpec<M, S>) {
    this.#host = host
    this.#parent = parent
    this.#spec = spec
    this.#lastTick = host.tick
    host.counters.actors++
    if (spec.idleMs !== undefined) host.watchIdle(this)
  }

  get id(): string {
    return this.#spec.id
  }

  get restart(): ChildSpec<M, S>['restart'] {
    return this.#spec.restart
  }

  get address(): Address {
    return (this.#parent.addressPrefix + subjectToken(this.#spec.id)) as Address
  }

  get self(): ActorRef<M> {
    return this
  }

  get system(): ActorSystem {
    return this.#host
  }

  get children(): Supervisor {
    return (this.#children ??= this.#host.supervisorOf(this))
  }

  /** The cell of a child, if there is one. */
  childCell(id: string): Cell<never> | undefined {
    return this.#children?.cell(id)
  }

  /** Messages that wait. */
  get waitingCount(): number {
    return this.#mailbox?.count ?? 0
  }

  get isDead(): boolean {
    return this.#phase === PHASE.dead
  }

  /** Only what is alive: a promise that outlives its actor must not leave orphans. */
  get mayStartChildren(): boolean {
    return this.#phase === PHASE.starting || this.#phase === PHASE.ready || this.#phase === PHASE.busy
  }

  tell(message: M, options?: TellOptions): Delivery {
    if (this.#phase === PHASE.dead) {
      this.#host.counters.deadLetters++
      return 'dead'
    }
    const mailbox = (this.#mailbox ??= new Mailbox<M>(limitsOf(this.#spec.mailbox)))
    const accepted = options === undefined ? mailbox.offer(message, 0, false) : mailbox.offer(message, options.bytes ?? 0, options.priority === 'high')
    if (!accepted) {
      this.#host.counters.refused++
      return 'full'
    }
    if (this.#phase === PHASE.ready) this.#schedule()
    return 'delivered'
  }

  /** Runs messages until the budget, the mailbox or the actor ends, or a handler's effect has to be waited for. */
  run(budget: number): number {
    this.#scheduled = false
    const mailbox = this.#mailbox
    if (mailbox === undefined) return 0
    let count = 0
    while (count < budget && this.#phase === PHASE.ready && mailbox.count > 0) {
      count++
      this.#handle(mailbox.take())
    }
    this.#lastTick = this.#host.tick
    if (this.#hasWork) this.#schedule()
    return count
  }

  /** Calls `init`; messages wait until it is done. */
  start(done?: () => void): void {
    this.#phase = PHASE.starting
    this.#stopAsked = false
    try {
      const made = this.#spec.behavior.init(this)
      if (!Effect.isEffect(made)) return this.#initialised(made as S, done)
      this.#await(made as Effect.Effect<S, unknown>, (outcome) => {
        if (this.#phase === PHASE.starting && !outcome.ok) return this.crash(outcome.error)
        if (!outcome.ok) return
        if (this.#phase === PHASE.starting) return this.#initialised(outcome.value, done)
        // Halted meanwhile: what init made is still there for `terminate` to undo.
        this.#state = outcome.value
        this.#started = this.#phase === PHASE.ending
      })
    } catch (error) {
      this.crash(error)
    }
  }

  tellLater(delayMs: number, message: M): { cancel(): void } {
    if (!this.mayStartChildren) return { cancel: () => undefined }
    const timers = (this.#extra().timers ??= new Set())
    const timer = this.#host.clock.after(delayMs, () => {
      timers.delete(timer)
      this.tell(message)
    })
    timers.add(timer)
    return {
      cancel: () => {
        timers.delete(timer)
        timer.cancel()
      },
    }
  }

  stop(): void {
    this.#stopAsked = true
    // Outside its own handler (a timer, a promise) there is no message to finish.
    if (this.#phase === PHASE.ready && this.#extras?.current === undefined && !this.#scheduled) queueMicrotask(() => this.#stopIfAsked())
  }

  watch(ref: ActorRef<never>, make: (reason: ExitReason) => M): void {
    if (!isWatchable(ref)) throw new Error(`cannot watch ${ref.address}`)
    const unwatch = ref.watchEnd((reason) => this.#notice(make(reason)))
    ;(this.#extra().watched ??= []).push(unwatch)
  }

  /** Runs when the actor has ended for good; at once when it has already. */
  watchEnd(notify: (reason: ExitReason) => void): () => void {
    if (this.#phase === PHASE.dead) {
      notify(goneReason(this.address))
      return () => undefined
    }
    const watcher: Watcher = { notify }
    const watchers = (this.#extra().watchers ??= new Set())
    watchers.add(watcher)
    return () => void watchers.delete(watcher)
  }

  /** Fails an ask at once when this actor ends or crashes over it; returns how to withdraw it. */
  awaitAnswer(message: M, fail: (error: SkaldError) => void): () => void {
    const asks = (this.#extra().asks ??= new Map())
    asks.set(message, fail)
    return () => this.#extras?.withdrawAsk(message)
  }

  crash(error: unknown): void {
    if (this.#phase === PHASE.dead || this.#phase === PHASE.ending || this.#phase === PHASE.waiting) return
    this.#host.counters.crashes++
    this.#host.event({ kind: 'crashed', actor: this, error })
    this.#extras?.failCurrent(this.address, error)
    this.#extras?.abandonFibre()
    const reason: ExitReason = { kind: 'crashed', error }
    this.#wind(reason, () => this.#parent.exited(this as unknown as Cell<never>, reason))
  }

  /** Ends the incarnation and waits for `start` (a restart with its siblings), or for `bury`. */
  halt(reason: ExitReason, done: () => void): void {
    if (this.#phase === PHASE.dead || this.#phase === PHASE.waiting) return done()
    if (this.#phase === PHASE.ending) return void (this.#extra().afterEnd ??= []).push(done)
    this.#settleFibre(() => this.#wind(reason, done))
  }

  /** Ends the actor for good: what is left in the mailbox becomes dead letters. It must have been halted, or have exited. */
  bury(reason: ExitReason): void {
    if (this.#phase === PHASE.dead) return
    this.#phase = PHASE.dead
    const { counters } = this.#host
    counters.actors--
    counters.deadLetters += this.waitingCount
    this.#mailbox = undefined
    if (this.idleSlot >= 0) this.#host.unwatchIdle(this)
    const extras = this.#extras
    this.#extras = undefined
    extras?.end(this.address, reason)
  }

  passivateIfIdle(): boolean {
    const { idleMs, passivate } = this.#spec
    if (idleMs === undefined || this.#phase !== PHASE.ready || this.#scheduled || this.waitingCount > 0) return false
    if (this.#host.tick - this.#lastTick < this.#host.ticksPerIdle(idleMs)) return false
    // Asked again only after another idle time, not at every tick.
    this.#lastTick = this.#host.tick
    if (passivate?.(this.#state as S) === false) return false
    this.#host.counters.passivations++
    this.#host.event({ kind: 'passivated', actor: this })
    this.#extra().passivating = true
    this.#wind(NORMAL, () => this.#parent.exited(this as unknown as Cell<never>, NORMAL))
    return true
  }

  /** Starts again after passivation, because messages came in while it ended. */
  revive(): void {
    this.#extra().passivating = false
    this.start()
  }

  /** It ends because it was idle: its supervisor forgets it whatever its restart says. */
  get isPassivating(): boolean {
    return this.#extras?.passivating === true
  }

  get #hasWork(): boolean {
    return this.#phase === PHASE.ready && this.waitingCount > 0
  }

  #handle(message: M): void {
    const track = this.#extras?.asks !== undefined
    if (track) this.#extra().current = message
    try {
      const effect = this.#spec.behavior.handle(this.#state as S, message, this)
      if (effect !== undefined && Effect.isEffect(effect)) return this.#handleEffect(effect, message)
    } catch (error) {
      this.#extra().current = message
      return this.crash(error)
    }
    if (track) this.#extra().current = undefined
    if (this.#stopAsked) this.#stopIfAsked()
  }

  #handleEffect(effect: Effect.Effect<void, unknown>, message: M): void {
    this.#phase = PHASE.busy
    this.#extra().current = message
    this.#await(effect, (outcome) => {
      if (this.#phase !== PHASE.busy) return
      if (!outcome.ok) return this.crash(outcome.error)
      this.#extra().current = undefined
      this.#phase = PHASE.ready
      if (this.#stopAsked) this.#stopIfAsked()
      else if (this.#hasWork) this.#schedule()
    })
  }

  #initialised(state: S, done: (() => void) | undefined): void {
    this.#state = state
    this.#started = true
    this.#phase = PHASE.ready
    this.#lastTick = this.#host.tick
    if (this.#stopAsked) this.#stopIfAsked()
    else if (this.#hasWork) this.#schedule()
    done?.()
  }

  #stopIfAsked(): void {
    if (this.#phase !== PHASE.ready || !this.#stopAsked) return
    this.#wind(NORMAL, () => this.#parent.exited(this as unknown as Cell<never>, NORMAL))
  }

  /** Children stop first, in reverse order; then `terminate`; then `done`. */
  #wind(reason: ExitReason, done: () => void): void {
    this.#phase = PHASE.ending
    this.#extras?.endIncarnation()
    const finish = (): void => {
      this.#state = undefined
      this.#started = false
      this.#phase = PHASE.waiting
      const waiting = this.#extras?.afterEnd
      if (waiting !== undefined) this.#extra().afterEnd = undefined
      done()
      for (const run of waiting ?? []) run()
    }
    const terminate = (): void => this.#terminate(reason, finish)
    if (this.#children === undefined || this.#children.count === 0) terminate()
    else this.#children.stopAll(terminate)
  }

  #terminate(reason: ExitReason, done: () => void): void {
    const { behavior } = this.#spec
    if (!this.#started || behavior.terminate === undefined) return done()
    try {
      const effect = behavior.terminate(this.#state as S, reason, this)
      if (effect === undefined || !Effect.isEffect(effect)) return done()
      terminateWithin(this.#host, this, effect, this.#shutdownMs, done)
    } catch (error) {
      this.#host.event({ kind: 'crashed', actor: this, error })
      done()
    }
  }

  /** A handler or an init that is under way may finish within the shutdown time; then it is interrupted. */
  #settleFibre(then: () => void): void {
    const fibre = this.#extras?.fibre
    if (fibre === undefined) return then()
    this.#phase = PHASE.ending
    let settled = false
    const settle = (): void => {
      if (settled) return
      settled = true
      deadline.cancel()
      this.#extra().current = undefined
      then()
    }
    const deadline = this.#host.clock.after(this.#shutdownMs, () => {
      this.#host.event({ kind: 'killed', actor: this })
      this.#extras?.abandonFibre()
      settle()
    })
    this.#extra().afterFibre = settle
  }

  #await<A>(effect: Effect.Effect<A, unknown>, done: (outcome: Outcome<A>) => void): void {
    // Both stay as they are when the effect finishes at once.
    let isDone = false
    let fibre: Running | undefined = undefined
    fibre = this.#host.run(effect, (outcome) => {
      isDone = true
      const extras = this.#extras
      const isCurrent = extras !== undefined && fibre !== undefined && extras.fibre === fibre
      const after = isCurrent ? extras.afterFibre : undefined
      if (isCurrent) extras.fibre = extras.afterFibre = undefined
      done(outcome)
      after?.()
    })
    if (!isDone) this.#extra().fibre = fibre
  }

  #notice(message: M): void {
    if (this.#phase === PHASE.dead) return
    const mailbox = (this.#mailbox ??= new Mailbox<M>(limitsOf(this.#spec.mailbox)))
    mailbox.force(message, 0, true)
    if (this.#phase === PHASE.ready) this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#host.schedule(this)
  }

  get #shutdownMs(): number {
    return this.#spec.shutdownMs ?? SHUTDOWN_MS_DEFAULT
  }

  #extra(): CellExtras<M> {
    return (this.#extras ??= new CellExtras<M>())
  }
}

/** A reference that can tell when its actor ends, wherever that lives. */
export interface WatchableRef {
  watchEnd(notify: (reason: ExitReason) => void): () => void
}

function isWatchable(ref: object): ref is WatchableRef {
  return 'watchEnd' in ref
}

/** What a watcher hears of an actor that is not there (any more). */
export function goneReason(address: string): ExitReason {
  return { kind: 'crashed', error: new SkaldError('not_found', `no actor at ${address}`) }
}

function limitsOf(limits: Partial<MailboxLimits> | undefined): MailboxLimits {
  return limits === undefined ? MAILBOX_LIMITS_DEFAULT : { ...MAILBOX_LIMITS_DEFAULT, ...limits }
}
