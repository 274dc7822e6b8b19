/**
 * What a supervisor decides when a child ends, as a pure function after OTP's supervisor: (state, event, policy, now) -> state, effects.
 * `supervisor.ts` carries the effects out. No actor, timer or clock is known here. Source: Erlang/OTP, "Supervisor Behaviour" (design principles).
 */
import type { ExitReason, Restart, SupervisionPolicy } from './actor.ts'

export interface SupervisionState {
  readonly phase: 'running' | 'escalated' | 'stopping'
  /** Times of the restarts within the period, oldest first. */
  readonly restartsAtMs: ReadonlyArray<number>
  /** Children being stopped and started together, in order of start; empty when none are. */
  readonly group: ReadonlyArray<string>
}

export interface ChildFacts {
  readonly id: string
  readonly restart: Restart
}

export type SupervisionEvent =
  /** A child ended by itself. `children`: all of them, in order of start; a one-for-one supervisor may leave it empty. */
  | { readonly kind: 'exited'; readonly child: ChildFacts; readonly reason: ExitReason; readonly children: ReadonlyArray<ChildFacts> }
  /** The members of the group run again. */
  | { readonly kind: 'group_started' }
  /** The owner stops. */
  | { readonly kind: 'stop' }

export type SupervisionEffect =
  | { readonly kind: 'forget'; readonly id: string }
  /** Stop these in this order, wait, start those in this order. `attempt` counts from 1 within the period; it replaces a group that is under way. */
  | { readonly kind: 'restart'; readonly stop: ReadonlyArray<string>; readonly start: ReadonlyArray<string>; readonly attempt: number }
  /** Stop all children in reverse order, then crash the owner with this. */
  | { readonly kind: 'escalate'; readonly child: string; readonly restarts: number; readonly error: unknown }

export interface SupervisionStep {
  readonly state: SupervisionState
  readonly effects: ReadonlyArray<SupervisionEffect>
}

export const SUPERVISION_START: SupervisionState = Object.freeze({ phase: 'running', restartsAtMs: Object.freeze([]), group: Object.freeze([]) })

export function supervise(state: SupervisionState, event: SupervisionEvent, policy: SupervisionPolicy, nowMs: number): SupervisionStep {
  if (state.phase !== 'running') return { state, effects: [] }
  switch (event.kind) {
    case 'stop':
      return { state: { ...state, phase: 'stopping', group: [] }, effects: [] }
    case 'group_started':
      return { state: { ...state, group: [] }, effects: [] }
    case 'exited':
      return shouldRestart(event.child.restart, event.reason) ? restart(state, event, policy, nowMs) : forget(state, event)
  }
}

/** OTP's table: permanent always, transient after a crash, temporary never. */
export function shouldRestart(restart: Restart, reason: ExitReason): boolean {
  if (restart === 'permanent') return true
  return restart === 'transient' && reason.kind === 'crashed'
}

type Exited = Extract<SupervisionEvent, { kind: 'exited' }>

function forget(state: SupervisionState, { child }: Exited): SupervisionStep {
  const group = state.group.includes(child.id) ? state.group.filter((id) => id !== child.id) : state.group
  return { state: { ...state, group }, effects: [{ kind: 'forget', id: child.id }] }
}

function restart(state: SupervisionState, event: Exited, policy: SupervisionPolicy, nowMs: number): SupervisionStep {
  const restartsAtMs = [...state.restartsAtMs.filter((atMs) => atMs > nowMs - policy.periodMs), nowMs]
  if (restartsAtMs.length > policy.restartsMax) {
    const error = event.reason.kind === 'crashed' ? event.reason.error : undefined
    return { state: { phase: 'escalated', restartsAtMs, group: [] }, effects: [{ kind: 'escalate', child: event.child.id, restarts: restartsAtMs.length, error }] }
  }
  const attempt = restartsAtMs.length
  if (policy.strategy === 'one-for-one') {
    return { state: { ...state, restartsAtMs }, effects: [{ kind: 'restart', stop: [], start: [event.child.id], attempt }] }
  }
  return restartGroup(state, event, restartsAtMs, policy.strategy)
}

function restartGroup(state: SupervisionState, event: Exited, restartsAtMs: ReadonlyArray<number>, strategy: 'one-for-all' | 'rest-for-one'): SupervisionStep {
  const { child, children } = event
  const from = strategy === 'one-for-all' ? 0 : children.findIndex(({ id }) => id === child.id)
  // A crash while a group is being restarted joins its scope to that group's: members that were stopped already must still be started.
  const affected = children.filter(({ id }, i) => i >= from || state.group.includes(id))
  const start = affected.filter(({ restart }) => restart !== 'temporary').map(({ id }) => id)
  const stop = affected.map(({ id }) => id).filter((id) => id !== child.id)
  const gone = affected.filter(({ id, restart }) => restart === 'temporary' && id !== child.id)
  return {
    state: { ...state, restartsAtMs, group: start },
    effects: [
      { kind: 'restart', stop: stop.toReversed(), start, attempt: restartsAtMs.length },
      ...gone.map(({ id }) => ({ kind: 'forget', id }) as const),
    ],
  }
}
