/**
 * A supervisor: starts children in order, stops them in reverse, and carries out what `supervision.ts` decides when one ends. Back-off is an
 * Effect schedule on the system's clock and randomness. Every actor may have one for its children; the system has one at the root.
 */
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import { ActorCell } from './actor-cell.ts'
import type { CellParent } from './actor-cell.ts'
import type { ActorHost, Cell, OwnedSupervisor, Running, SupervisorOwner } from './actor-host.ts'
import type { ActorRef, ChildSpec, ExitReason, SupervisionPolicy } from './actor.ts'
import { SkaldError } from './errors.ts'
import { sequentially } from './sequentially.ts'
import { SUPERVISION_START, supervise } from './supervision.ts'
import type { ChildFacts, SupervisionEffect, SupervisionEvent, SupervisionState } from './supervision.ts'

const SUPERVISION_POLICY_DEFAULT: SupervisionPolicy = Object.freeze({
  strategy: 'one-for-one',
  restartsMax: 5,
  periodMs: 30_000,
  backoffMinMs: 50,
  backoffMaxMs: 5_000,
})

type AnyCell = ActorCell<never, unknown>
type BackoffStep = (input: unknown) => Effect.Effect<unknown, unknown>

const SHUTDOWN: ExitReason = Object.freeze({ kind: 'shutdown' })
const NORMAL: ExitReason = Object.freeze({ kind: 'normal' })
const NO_CHILDREN: ReadonlyMap<string, AnyCell> = new Map()
/** Under this key the fibre of a group; children's ids are never empty. */
const GROUP = ''

export class LocalSupervisor implements OwnedSupervisor, CellParent {
  readonly #host: ActorHost
  readonly #owner: SupervisorOwner
  #policy = SUPERVISION_POLICY_DEFAULT
  #state: SupervisionState = SUPERVISION_START
  /** In order of start; a restart keeps the place. Made with the first child: most actors have none. */
  #children: Map<string, AnyCell> | undefined
  #restarting: Map<string, Running> | undefined
  #backoff: BackoffStep | undefined

  constructor(host: ActorHost, owner: SupervisorOwner) {
    this.#host = host
    this.#owner = owner
  }

  get policy(): SupervisionPolicy {
    return this.#policy
  }

  get addressPrefix(): string {
    return `${this.#owner.address}.`
  }

  get count(): number {
    return this.#children?.size ?? 0
  }

  setPolicy(policy: Partial<SupervisionPolicy>): void {
    this.#policy = { ...this.#policy, ...policy }
    this.#backoff = undefined
  }

  start<M, S>(spec: ChildSpec<M, S>): ActorRef<M> {
    if (this.#state.phase !== 'running' || !this.#owner.mayStartChildren) throw new SkaldError('stopping', `${this.#owner.address} has stopped or is stopping: it starts no ${spec.id}`)
    if (spec.id === GROUP) throw new Error('an actor needs an id')
    const children = (this.#children ??= new Map())
    if (children.has(spec.id)) throw new Error(`${this.#owner.address} has a child ${spec.id} already`)
    const cell = new ActorCell<M, S>(this.#host, this, spec)
    children.set(spec.id, cell as unknown as AnyCell)
    cell.start()
    return cell
  }

  get<M>(id: string): ActorRef<M> | undefined {
    return this.cell(id) as ActorRef<M> | undefined
  }

  cell(id: string): AnyCell | undefined {
    return this.#children?.get(id)
  }

  ids(): ReadonlyArray<string> {
    return [...this.#running.keys()]
  }

  stop(id: string): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const cell = this.cell(id)
      if (cell === undefined) return resume(Effect.void)
      cell.isCondemned = true
      this.#cancelRestart(id)
      cell.halt(SHUTDOWN, () => {
        this.#forget(cell, SHUTDOWN)
        resume(Effect.void)
      })
    })
  }

  stopAll(done: () => void): void {
    this.#decide({ kind: 'stop' })
    this.#endAll(() => {
      this.#state = SUPERVISION_START
      done()
    })
  }

  exited(ended: Cell<never>, reason: ExitReason): void {
    const cell = this.cell(ended.id)
    if (cell === undefined || (cell as Cell<never>) !== ended || cell.isCondemned) return
    if (cell.isPassivating) return this.#passivated(cell)
    const needsAll = this.#policy.strategy !== 'one-for-one'
    const children = needsAll ? [...this.#running.values()].map(factsOf) : []
    this.#decide({ kind: 'exited', child: factsOf(cell), reason, children }, reason)
  }

  get #running(): ReadonlyMap<string, AnyCell> {
    return this.#children ?? NO_CHILDREN
  }

  #decide(event: SupervisionEvent, reason: ExitReason = NORMAL): void {
    const step = supervise(this.#state, event, this.#policy, this.#host.clock.monotonicMs())
    this.#state = step.state
    for (const effect of step.effects) this.#carryOut(effect, reason)
  }

  #carryOut(effect: SupervisionEffect, reason: ExitReason): void {
    switch (effect.kind) {
      case 'forget': {
        const cell = this.cell(effect.id)
        if (cell !== undefined) cell.halt(SHUTDOWN, () => this.#forget(cell, reason))
        return
      }
      case 'restart':
        return this.#restart(effect)
      case 'escalate':
        return this.#escalate(effect)
    }
  }

  #restart({ stop, start, attempt }: Extract<SupervisionEffect, { kind: 'restart' }>): void {
    if (attempt === 1) this.#backoff = undefined
    const isGroup = this.#policy.strategy !== 'one-for-one'
    const key = isGroup ? GROUP : (start[0] as string)
    this.#cancelRestart(key)
    const pause = this.#policy.backoffMaxMs === 0 ? Effect.void : Effect.suspend(() => Effect.exit(this.#pause(undefined)))
    const program = Effect.forEach(stop, (id) => this.#halted(id), { discard: true }).pipe(
      Effect.andThen(pause),
      Effect.andThen(Effect.forEach(start, (id) => this.#started(id), { discard: true })),
    )
    let isDone = false
    const fibre = this.#host.run(program, (outcome) => {
      isDone = true
      // Interrupted: a later decision has taken over.
      if (!outcome.ok) return
      this.#restarting?.delete(key)
      if (isGroup) this.#decide({ kind: 'group_started' })
    })
    if (!isDone && fibre !== undefined) (this.#restarting ??= new Map()).set(key, fibre)
  }

  #halted(id: string): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const cell = this.cell(id)
      if (cell === undefined) resume(Effect.void)
      else cell.halt(SHUTDOWN, () => resume(Effect.void))
    })
  }

  #started(id: string): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const cell = this.cell(id)
      if (cell === undefined || cell.isCondemned) return resume(Effect.void)
      this.#host.counters.restarts++
      this.#host.event({ kind: 'restarted', actor: cell })
      cell.start(() => resume(Effect.void))
    })
  }

  /** Waits as long as the schedule says for this attempt; a quiet period starts it anew. */
  get #pause(): BackoffStep {
    return (this.#backoff ??= Effect.runSync(Schedule.toStepWithSleep(backoffSchedule(this.#policy))) as BackoffStep)
  }

  #escalate({ child, restarts, error }: Extract<SupervisionEffect, { kind: 'escalate' }>): void {
    const owner = this.#owner
    this.#host.counters.escalations++
    this.#host.event({ kind: 'escalated', child, of: owner.address, error })
    const cause = error === undefined ? {} : { cause: error }
    const failure = new Error(`${owner.address}: ${child} ended ${restarts} times within ${this.#policy.periodMs} ms: ${messageOf(error)}`, cause)
    this.#endAll(() => {
      this.#state = SUPERVISION_START
      owner.crash(failure)
    })
  }

  #endAll(done: () => void): void {
    for (const fibre of this.#restarting?.values() ?? []) fibre.interrupt()
    this.#restarting = undefined
    const cells = [...this.#running.values()].toReversed()
    sequentially(cells, (cell, next) => cell.halt(SHUTDOWN, () => (this.#forget(cell, SHUTDOWN), next())), done)
  }

  /** Messages that came while it was ending bring it back. */
  #passivated(cell: AnyCell): void {
    if (cell.waitingCount > 0 && this.#state.phase === 'running') cell.revive()
    else this.#forget(cell, NORMAL)
  }

  #forget(cell: AnyCell, reason: ExitReason): void {
    if (this.#children?.get(cell.id) === cell) this.#children.delete(cell.id)
    cell.bury(reason)
  }

  #cancelRestart(key: string): void {
    this.#restarting?.get(key)?.interrupt()
    this.#restarting?.delete(key)
  }
}

function backoffSchedule({ backoffMinMs, backoffMaxMs }: SupervisionPolicy): Schedule.Schedule<unknown> {
  return Schedule.exponential(Duration.millis(Math.max(1, backoffMinMs))).pipe(
    Schedule.jittered,
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.millis(backoffMaxMs)))),
  )
}

function factsOf(cell: AnyCell): ChildFacts {
  return { id: cell.id, restart: cell.restart }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
