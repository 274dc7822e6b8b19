/** The supervisor's decisions, exhaustively: every strategy, restart kind, exit reason and position among three children. */
import { describe, expect, it } from 'vitest'
import type { ExitReason, Restart, SupervisionPolicy } from '../../runtime/actor.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { SUPERVISION_START, shouldRestart, supervise } from '../../runtime/supervision.ts'
import type { ChildFacts, SupervisionEffect, SupervisionState } from '../../runtime/supervision.ts'

const crashed: ExitReason = { kind: 'crashed', error: new Error('boom') }
const REASONS: ReadonlyArray<ExitReason> = [{ kind: 'normal' }, { kind: 'shutdown' }, crashed]
const RESTARTS: ReadonlyArray<Restart> = ['permanent', 'transient', 'temporary']
const STRATEGIES = ['one-for-one', 'one-for-all', 'rest-for-one'] as const
const policyOf = (strategy: SupervisionPolicy['strategy'], restartsMax = 3): SupervisionPolicy => ({ strategy, restartsMax, periodMs: 1000, backoffMinMs: 1, backoffMaxMs: 10 })

function exit(state: SupervisionState, child: ChildFacts, children: ReadonlyArray<ChildFacts>, reason: ExitReason, policy: SupervisionPolicy, nowMs = 0) {
  return supervise(state, { kind: 'exited', child, children, reason }, policy, nowMs)
}

describe('which exits are restarted (OTP table)', () => {
  it.each([
    ['permanent', [true, true, true]],
    ['transient', [false, false, true]],
    ['temporary', [false, false, false]],
  ] as const)('%s after normal, shutdown, crash', (restart, expected) => {
    expect(REASONS.map((reason) => shouldRestart(restart, reason))).toEqual(expected)
  })
})

describe('what is restarted', () => {
  const combinations = STRATEGIES.flatMap((strategy) => RESTARTS.flatMap((a) => RESTARTS.flatMap((b) => RESTARTS.flatMap((c) => [0, 1, 2].map((at) => [strategy, [a, b, c], at] as const)))))

  it.each(combinations)('%s over %s, child %i crashes', (strategy, restarts, at) => {
    const children = restarts.map((restart, i) => ({ id: String(i), restart }))
    const child = children[at] as ChildFacts
    const { state, effects } = exit(SUPERVISION_START, child, children, crashed, policyOf(strategy))
    if (child.restart === 'temporary') {
      expect(effects).toEqual([{ kind: 'forget', id: child.id }])
      return
    }
    const affected = strategy === 'one-for-one' ? [child] : strategy === 'one-for-all' ? children : children.slice(at)
    const start = affected.filter((c) => c.restart !== 'temporary').map((c) => c.id)
    const stop = affected.filter((c) => c !== child).map((c) => c.id).toReversed()
    const forgotten = affected.filter((c) => c.restart === 'temporary' && c !== child)
    expect(effects).toEqual([{ kind: 'restart', stop, start, attempt: 1 }, ...forgotten.map(({ id }) => ({ kind: 'forget', id }))])
    expect(state.group).toEqual(strategy === 'one-for-one' ? [] : start)
  })
})

describe('intensity', () => {
  const child: ChildFacts = { id: 'c', restart: 'permanent' }
  const crash = (state: SupervisionState, nowMs: number, restartsMax = 3) => exit(state, child, [child], crashed, policyOf('one-for-one', restartsMax), nowMs)
  const kinds = (effects: ReadonlyArray<SupervisionEffect>): string[] => effects.map((e) => (e.kind === 'restart' ? `restart ${e.attempt}` : e.kind))

  it('escalates the restart over the limit within the period', () => {
    let state = SUPERVISION_START
    const seen: string[] = []
    for (const nowMs of [0, 100, 200, 300]) {
      const step = crash(state, nowMs)
      state = step.state
      seen.push(...kinds(step.effects))
    }
    expect(seen).toEqual(['restart 1', 'restart 2', 'restart 3', 'escalate'])
    expect(state.phase).toBe('escalated')
  })

  it('forgets restarts as they leave the period, and counts attempts anew', () => {
    let state = SUPERVISION_START
    const seen: string[] = []
    for (const nowMs of [0, 500, 999, 1000, 1499, 1500, 5000]) {
      const step = crash(state, nowMs)
      state = step.state
      seen.push(...kinds(step.effects))
    }
    expect(seen).toEqual(['restart 1', 'restart 2', 'restart 3', 'restart 3', 'escalate'])
  })

  it('escalates the first crash when no restart is allowed, and carries its error', () => {
    expect(crash(SUPERVISION_START, 0, 0).effects).toEqual([{ kind: 'escalate', child: 'c', restarts: 1, error: (crashed as { error: unknown }).error }])
  })

  it('does not count what is not restarted', () => {
    const temporary: ChildFacts = { id: 't', restart: 'temporary' }
    let state = SUPERVISION_START
    for (let i = 0; i < 10; i++) state = exit(state, temporary, [temporary], crashed, policyOf('one-for-one', 0), i).state
    expect(state.phase).toBe('running')
  })
})

describe('groups', () => {
  const children: ReadonlyArray<ChildFacts> = ['a', 'b', 'c'].map((id) => ({ id, restart: 'permanent' }))
  const [a, , c] = children as [ChildFacts, ChildFacts, ChildFacts]

  it('joins a crash during a group restart to that group', () => {
    const policy = policyOf('rest-for-one')
    const first = exit(SUPERVISION_START, a, children, crashed, policy)
    const second = exit(first.state, c, children, crashed, policy, 1)
    expect(second.effects).toEqual([{ kind: 'restart', stop: ['b', 'a'], start: ['a', 'b', 'c'], attempt: 2 }])
  })

  it('has no group once it has started', () => {
    const policy = policyOf('rest-for-one')
    const first = exit(SUPERVISION_START, a, children, crashed, policy)
    const started = supervise(first.state, { kind: 'group_started' }, policy, 0)
    expect(exit(started.state, c, children, crashed, policy, 1).effects).toEqual([{ kind: 'restart', stop: [], start: ['c'], attempt: 2 }])
  })

  it('drops a member that ends for good from the group', () => {
    const policy = policyOf('one-for-all')
    const mixed: ReadonlyArray<ChildFacts> = [a, { id: 'b', restart: 'transient' }, c]
    const first = exit(SUPERVISION_START, a, mixed, crashed, policy)
    expect(exit(first.state, mixed[1] as ChildFacts, mixed, { kind: 'normal' }, policy).state.group).toEqual(['a', 'c'])
  })
})

describe('after stop or escalation', () => {
  it.each(['stopping', 'escalated'] as const)('%s decides nothing more', (phase) => {
    const state: SupervisionState = { ...SUPERVISION_START, phase }
    for (const restart of RESTARTS) for (const reason of REASONS) {
      const step = exit(state, { id: 'x', restart }, [], reason, policyOf('one-for-one'))
      expect(step).toEqual({ state, effects: [] })
    }
  })

  it('stops from running', () => {
    expect(supervise(SUPERVISION_START, { kind: 'stop' }, policyOf('one-for-one'), 0).state.phase).toBe('stopping')
  })
})

describe('over random histories', () => {
  it('never restarts more often than allowed, starts in order and stops in reverse', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = new SeededRandom(seed)
      const policy = policyOf(STRATEGIES[random.below(3)] as SupervisionPolicy['strategy'], random.below(4))
      const children = Array.from({ length: 1 + random.below(5) }, (_, i): ChildFacts => ({ id: String(i), restart: RESTARTS[random.below(3)] as Restart }))
      let state = SUPERVISION_START
      let nowMs = 0
      const restartsMs: number[] = []
      for (let i = 0; i < 50; i++) {
        nowMs += random.below(400)
        const step = random.below(5) === 0 ? supervise(state, { kind: 'group_started' }, policy, nowMs) : exit(state, children[random.below(children.length)] as ChildFacts, children, REASONS[random.below(3)] as ExitReason, policy, nowMs)
        state = step.state
        for (const effect of step.effects) {
          if (effect.kind !== 'restart') continue
          restartsMs.push(nowMs)
          expect(restartsMs.filter((t) => t > nowMs - policy.periodMs).length).toBeLessThanOrEqual(policy.restartsMax)
          expect(effect.start).toEqual(effect.start.toSorted((x, y) => Number(x) - Number(y)))
          expect(effect.stop).toEqual(effect.stop.toSorted((x, y) => Number(y) - Number(x)))
          expect(effect.start.some((id) => children[Number(id)]?.restart === 'temporary')).toBe(false)
        }
      }
    }
  })
})
