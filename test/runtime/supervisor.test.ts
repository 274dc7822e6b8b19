/** Supervisors at work: restarts with back-off, groups, escalation, and the order of starting and stopping. */
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import type { ChildSpec, SupervisionPolicy, Supervisor } from '../../runtime/actor.ts'
import { note, recorder, settle, testSystem } from './actor-harness.ts'
import type { Message, RecorderOptions, TestSystem } from './actor-harness.ts'

type Child = ChildSpec<Message, { count: number }>
const child = (id: string, log: string[], options: RecorderOptions = {}, more: Partial<Child> = {}): Child => ({ id, restart: 'permanent', behavior: recorder(id, log, options), ...more })

/** A parent under the root with three children under the given policy. */
function family(t: TestSystem, log: string[], policy: Partial<SupervisionPolicy>, more: Partial<Child> = {}): void {
  const onInit: RecorderOptions['onInit'] = (context) => {
    context.children.setPolicy(policy)
    for (const id of ['a', 'b', 'c']) context.children.start(child(id, log, {}, more))
  }
  t.system.root.start(child('p', log, { onInit }))
}
const tell = (t: TestSystem, path: string, message: Message) => t.system.ref<Message>(`skald.v1.actor.n1.${path}`).tell(message)

describe('restart', () => {
  it('gives a crashed actor fresh state, keeps its mailbox and its reference, loses only the message it crashed over', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start(child('a', log))
    for (const m of [note('1'), { kind: 'throw' } as const, note('2')]) ref.tell(m)
    await t.clock.run(1000)
    ref.tell(note('3'))
    await settle(t)
    expect(log).toEqual(['a:init', 'a:1', 'a:end crashed', 'a:init', 'a:2', 'a:3'])
    expect(await t.system.ask<Message, string>(ref, (reply) => ({ kind: 'echo', text: 'count', reply }), 1000)).toBe('count 3')
    expect(t.system.counters).toMatchObject({ crashes: 1, restarts: 1, deadLetters: 0 })
  })

  it.each([
    ['permanent', 'stop', true],
    ['permanent', 'throw', true],
    ['permanent', 'fail', true],
    ['transient', 'stop', false],
    ['transient', 'throw', true],
    ['temporary', 'stop', false],
    ['temporary', 'fail', false],
  ] as const)('%s after %s: %s', async (restart, kind, runs) => {
    const t = testSystem()
    const ref = t.system.root.start(child('a', [], {}, { restart }))
    ref.tell({ kind })
    await t.clock.run(1000)
    expect(t.system.root.ids()).toEqual(runs ? ['a'] : [])
    expect(ref.tell(note(''))).toBe(runs ? 'delivered' : 'dead')
  })

  it('backs off exponentially with jitter between the limits', async () => {
    const t = testSystem()
    t.system.root.setPolicy({ restartsMax: 10, periodMs: 1e9, backoffMinMs: 100, backoffMaxMs: 1000 })
    const atMs: number[] = []
    t.system.root.start<never, null>({
      id: 'a',
      restart: 'permanent',
      behavior: {
        init: () => {
          atMs.push(t.clock.monotonicMs())
          throw new Error('cannot start')
        },
        handle: () => undefined,
      },
    })
    await t.clock.run(60_000)
    const gaps = atMs.slice(1).map((ms, i) => ms - (atMs[i] as number))
    expect(gaps).toHaveLength(10)
    gaps.forEach((gap, i) => {
      const base = Math.min(100 * 2 ** i, 1000)
      expect(gap).toBeGreaterThanOrEqual(base * 0.8)
      expect(gap).toBeLessThanOrEqual(Math.min(base * 1.2, 1000))
    })
    expect(gaps.some((gap, i) => gap !== 100 * 2 ** i)).toBe(true)
  })

  it('starts the back-off anew after a quiet period', async () => {
    const t = testSystem()
    t.system.root.setPolicy({ restartsMax: 3, periodMs: 10_000, backoffMinMs: 100, backoffMaxMs: 60_000 })
    const log: string[] = []
    const ref = t.system.root.start(child('a', log))
    for (let i = 0; i < 3; i++) {
      ref.tell({ kind: 'throw' })
      await t.clock.run(1000)
    }
    await t.clock.run(20_000)
    ref.tell({ kind: 'throw' })
    await t.clock.run(130)
    expect(log.filter((l) => l === 'a:init')).toHaveLength(5)
  })
})

describe('strategies', () => {
  const afterCrashOfB = async (strategy: SupervisionPolicy['strategy']): Promise<string[]> => {
    const t = testSystem()
    const log: string[] = []
    family(t, log, { strategy })
    await settle(t)
    log.length = 0
    tell(t, 'p.b', { kind: 'throw' })
    await t.clock.run(1000)
    return log
  }

  it('one-for-one restarts the child alone', async () => {
    expect(await afterCrashOfB('one-for-one')).toEqual(['b:end crashed', 'b:init'])
  })

  it('one-for-all stops the others in reverse order and starts all in order', async () => {
    expect(await afterCrashOfB('one-for-all')).toEqual(['b:end crashed', 'c:end shutdown', 'a:end shutdown', 'a:init', 'b:init', 'c:init'])
  })

  it('rest-for-one takes those started after it along', async () => {
    expect(await afterCrashOfB('rest-for-one')).toEqual(['b:end crashed', 'c:end shutdown', 'b:init', 'c:init'])
  })

  it('keeps the messages of siblings over a group restart', async () => {
    const t = testSystem()
    const log: string[] = []
    family(t, log, { strategy: 'one-for-all' })
    await settle(t)
    tell(t, 'p.b', { kind: 'throw' })
    await settle(t)
    expect(tell(t, 'p.a', note('meanwhile'))).toBe('delivered')
    await t.clock.run(1000)
    expect(log.at(-1)).toBe('a:meanwhile')
  })

  it('starts a group in order, each after the one before is ready', async () => {
    const t = testSystem()
    const log: string[] = []
    t.system.root.setPolicy({ strategy: 'one-for-all' })
    for (const id of ['a', 'b']) t.system.root.start(child(id, log, { initMs: 100 }))
    await t.clock.run(100)
    log.length = 0
    t.system.root.get<Message>('a')?.tell({ kind: 'throw' })
    await t.clock.run(1000)
    expect(log).toEqual(['a:end crashed', 'b:end shutdown', 'a:init', 'a:ready', 'b:init', 'b:ready'])
  })
})

describe('escalation', () => {
  it('takes the owner down when its children crash too often, and the owner is restarted with fresh children', async () => {
    const t = testSystem()
    const log: string[] = []
    family(t, log, { restartsMax: 0 }, { restart: 'transient' })
    await settle(t)
    log.length = 0
    tell(t, 'p.b', { kind: 'fail' })
    await t.clock.run(1000)
    expect(log).toEqual(['b:end crashed', 'c:end shutdown', 'a:end shutdown', 'p:end crashed', 'p:init', 'a:init', 'b:init', 'c:init'])
    expect(t.system.counters).toMatchObject({ escalations: 1, crashes: 2 })
    const escalated = t.events.find((e) => e.kind === 'escalated')
    expect(escalated).toMatchObject({ child: 'b', of: 'skald.v1.actor.n1.p' })
  })

  it('reaches the root when nobody copes, after everything has stopped', async () => {
    const t = testSystem()
    const log: string[] = []
    t.system.root.setPolicy({ restartsMax: 0 })
    family(t, log, { restartsMax: 1, periodMs: 60_000 })
    for (let i = 0; i < 2; i++) {
      tell(t, 'p.a', { kind: 'throw' })
      await t.clock.run(1000)
    }
    expect(t.escalated).toHaveLength(1)
    expect(String(t.escalated[0])).toContain('p ended 1 times within')
    expect((t.escalated[0] as Error).cause).toBeInstanceOf(Error)
    expect(t.system.root.ids()).toEqual([])
    expect(t.system.counters.actors).toBe(0)
  })
})

describe('stopping', () => {
  it('shuts down in reverse order of start, children before their parent', async () => {
    const t = testSystem()
    const log: string[] = []
    t.system.root.start(child('first', log))
    family(t, log, {})
    await settle(t)
    log.length = 0
    const done = Effect.runPromise(t.system.shutdown())
    await t.clock.run(0)
    await done
    expect(log).toEqual(['c:end shutdown', 'b:end shutdown', 'a:end shutdown', 'p:end shutdown', 'first:end shutdown'])
    expect([t.system.counters.actors, t.clock.pending]).toEqual([0, 0])
  })

  it('waits for the current message and for terminate, within the shutdown time', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start(child('a', log, { terminateMs: 300 }, { shutdownMs: 1000 }))
    ref.tell({ kind: 'work', ms: 500 })
    ref.tell(note('left'))
    await settle(t)
    const done = Effect.runPromise(t.system.root.stop('a'))
    await t.clock.run(799)
    expect(log).toEqual(['a:init', 'a:worked', 'a:end shutdown'])
    await t.clock.run(1)
    await done
    expect(log.at(-1)).toBe('a:ended')
    expect(t.system.deadLetters()).toBe(1)
  })

  it('does not wait for ever: interrupts the message, then terminate', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start(child('a', log, { terminateMs: 1e9 }, { shutdownMs: 1000 }))
    ref.tell({ kind: 'work', ms: 1e9 })
    await settle(t)
    const done = Effect.runPromise(t.system.root.stop('a'))
    await t.clock.run(2000)
    await done
    expect(log).toEqual(['a:init', 'a:end shutdown'])
    expect(t.events.filter((e) => e.kind === 'killed')).toHaveLength(2)
    expect(t.clock.pending).toBe(0)
  })

  it('stops a child that is waiting for its restart, and frees its id', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start(child('a', log))
    ref.tell({ kind: 'throw' })
    await settle(t)
    await Effect.runPromise(t.system.root.stop('a'))
    await t.clock.run(60_000)
    expect(log).toEqual(['a:init', 'a:end crashed'])
    expect(ref.tell(note(''))).toBe('dead')
    t.system.root.start(child('a', log))
    expect(() => t.system.root.start(child('a', log))).toThrow('has a child a already')
  })

  it('lets a stopped actor leave no orphans', async () => {
    const t = testSystem()
    let children: Supervisor | undefined
    t.system.root.start(child('a', [], { onInit: (context) => void (children = context.children) }))
    await Effect.runPromise(t.system.root.stop('a'))
    expect(() => children?.start(child('late', []))).toThrow(expect.objectContaining({ code: 'stopping' }))
  })

  it('refuses children while stopping', async () => {
    const t = testSystem()
    const log: string[] = []
    t.system.root.start(child('a', log, { terminateMs: 100 }))
    const done = Effect.runPromise(t.system.shutdown())
    expect(() => t.system.root.start(child('b', log))).toThrow(expect.objectContaining({ code: 'stopping' }))
    await t.clock.run(100)
    await done
  })

  it('stops 20,000 children without a deep stack', async () => {
    const t = testSystem()
    for (let i = 0; i < 20_000; i++) t.system.root.start(child(String(i), [], {}))
    await Effect.runPromise(t.system.shutdown())
    expect(t.system.counters.actors).toBe(0)
  })
})
