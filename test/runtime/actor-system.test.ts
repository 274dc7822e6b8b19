/** Delivery, order, back-pressure, asks, timers, death watch and passivation, as docs/actors.md states them. */
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import type { ExitReason, Reply } from '../../runtime/actor.ts'
import { note, recorder, settle, testSystem } from './actor-harness.ts'
import type { Message } from './actor-harness.ts'

describe('delivery', () => {
  it('runs messages in order, one at a time, never inside tell', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log) })
    for (let i = 0; i < 500; i++) expect(ref.tell(note(String(i)))).toBe('delivered')
    expect(log).toEqual(['a:init'])
    await settle(t)
    expect(log.slice(1)).toEqual(Array.from({ length: 500 }, (_, i) => `a:${i}`))
  })

  it('lets high messages overtake normal ones', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log) })
    ref.tell(note('first'))
    ref.tell(note('urgent'), { priority: 'high' })
    await settle(t)
    expect(log).toEqual(['a:init', 'a:urgent', 'a:first'])
  })

  it('waits for the effect of a message before the next', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log) })
    ref.tell({ kind: 'work', ms: 1000 })
    ref.tell(note('after'))
    await t.clock.run(999)
    expect(log).toEqual(['a:init'])
    await t.clock.run(1)
    expect(log).toEqual(['a:init', 'a:worked', 'a:after'])
  })

  it('runs effects that finish at once like plain handlers, a thousand in one turn', async () => {
    const t = testSystem()
    let sum = 0
    const ref = t.system.root.start<number, null>({ id: 'a', restart: 'permanent', behavior: { init: () => null, handle: (_s, n) => Effect.sync(() => void (sum += n)) } })
    for (let i = 0; i < 1000; i++) ref.tell(1)
    await settle(t)
    expect([sum, t.system.counters.crashes]).toEqual([1000, 0])
  })

  it('keeps messages told during init until it is done', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log, { initMs: 50 }) })
    expect(ref.tell(note('early'))).toBe('delivered')
    await t.clock.run(50)
    expect(log).toEqual(['a:init', 'a:ready', 'a:early'])
  })

  it('lets other actors and the event loop have their turn under a flood', async () => {
    const t = testSystem()
    const log: string[] = []
    let floodCount = 0
    const flood = t.system.root.start<number, null>({
      id: 'flood',
      restart: 'permanent',
      behavior: { init: () => null, handle: (_s, n, context) => void (floodCount++, n > 0 && context.self.tell(n - 1)) },
    })
    const other = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log) })
    flood.tell(1_000_000)
    other.tell(note('me too'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(log).toContain('a:me too')
    expect(floodCount).toBeLessThan(10_000)
    await Effect.runPromise(t.system.shutdown())
  })
})

describe('back-pressure', () => {
  it('refuses by count and by bytes, counts it, and drops nothing it took', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log), mailbox: { messagesMax: 3, bytesMax: 100 } })
    expect(ref.tell(note('1'), { bytes: 60 })).toBe('delivered')
    expect(ref.tell(note('2'), { bytes: 60 })).toBe('full')
    expect(ref.tell(note('3'))).toBe('delivered')
    expect(ref.tell(note('4'))).toBe('delivered')
    expect(ref.tell(note('5'))).toBe('full')
    await settle(t)
    expect(log).toEqual(['a:init', 'a:1', 'a:3', 'a:4'])
    expect(t.system.counters.refused).toBe(2)
    expect(ref.tell(note('6'), { bytes: 100 })).toBe('delivered')
  })

  it('counts dead letters: told to the dead, and left behind by them', async () => {
    const t = testSystem()
    const ref = t.system.root.start({ id: 'a', restart: 'temporary', behavior: recorder('a', []) })
    ref.tell({ kind: 'stop' })
    ref.tell(note('left behind'))
    await settle(t)
    expect(t.system.root.get('a')).toBeUndefined()
    expect(ref.tell(note('too late'))).toBe('dead')
    expect(t.system.deadLetters()).toBe(2)
  })
})

describe('ask', () => {
  const start = (t = testSystem()) => ({ t, ref: t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', []), mailbox: { messagesMax: 2 } }) })
  const echo = (text: string) => (reply: Reply<string>): Message => ({ kind: 'echo', text, reply })

  it('answers', async () => {
    const { t, ref } = start()
    expect(await t.system.ask(ref, echo('hi'), 1000)).toBe('hi 1')
    expect(t.clock.pending).toBe(0)
  })

  it('fails at the deadline with query_timeout, and ignores a later answer', async () => {
    const { t, ref } = start()
    let late: Reply<string> | undefined
    const asked = t.system.ask<Message, string>(ref, (reply) => ({ kind: 'do', run: () => void (late = reply) }), 1000)
    const outcome = expect(asked).rejects.toMatchObject({ code: 'query_timeout' })
    await t.clock.run(1000)
    await outcome
    late?.succeed('late')
    late?.fail(new Error('later'))
  })

  it('fails at once when the mailbox is full or nobody is there', async () => {
    const { t, ref } = start()
    for (let i = 0; i < 2; i++) ref.tell(note('x'))
    await expect(t.system.ask(ref, echo(''), 1000)).rejects.toMatchObject({ code: 'too_many_requests', retryable: true })
    await Effect.runPromise(t.system.root.stop('a'))
    await expect(t.system.ask(ref, echo(''), 1000)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('fails at once when the actor crashes over the message', async () => {
    const { t, ref } = start()
    const crash = (message: Message) => t.system.ask<Message, string>(ref, (reply) => ({ ...message, reply }) as Message, 60_000)
    const failing = [crash({ kind: 'throw' }), crash({ kind: 'fail' })].map((p) => expect(p).rejects.toMatchObject({ code: 'internal' }))
    await t.clock.run(1000)
    await Promise.all(failing)
  })

  it('fails at once when the actor ends before it answers', async () => {
    const { t, ref } = start()
    const outcome = expect(t.system.ask<Message, string>(ref, (reply) => ({ kind: 'do', run: () => void reply }), 60_000)).rejects.toMatchObject({ code: 'not_found' })
    await settle(t)
    await Effect.runPromise(t.system.root.stop('a'))
    await outcome
  })

  it('passes on what the actor fails it with', async () => {
    const { t, ref } = start()
    const asked = t.system.ask<Message, string>(ref, (reply) => ({ kind: 'do', run: () => reply.fail(new Error('no such stream')) }), 1000)
    await expect(asked).rejects.toThrow('no such stream')
  })
})

describe('timers', () => {
  it('tells itself later, unless cancelled, crashed or stopped', async () => {
    const t = testSystem()
    const log: string[] = []
    const onInit = (context: Parameters<NonNullable<Parameters<typeof recorder>[2]>['onInit'] & object>[0]): void => {
      context.tellLater(100, note('tick'))
      context.tellLater(100, note('cancelled')).cancel()
    }
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', behavior: recorder('a', log, { onInit }) })
    await t.clock.run(100)
    expect(log).toEqual(['a:init', 'a:tick'])
    ref.tell({ kind: 'do', run: (context) => void context.tellLater(10_000, note('of the crashed incarnation')) })
    ref.tell({ kind: 'throw' })
    await t.clock.run(20_000)
    expect(log.slice(2)).toEqual(['a:end crashed', 'a:init', 'a:tick'])
    ref.tell({ kind: 'do', run: (context) => void context.tellLater(100, note('never')) })
    await settle(t)
    await Effect.runPromise(t.system.root.stop('a'))
    await t.clock.run(1000)
    expect(log.slice(5)).toEqual(['a:end shutdown'])
  })
})

describe('death watch', () => {
  it('tells how the other ended, once, also when it had ended before, and not over a restart', async () => {
    const t = testSystem()
    const seen: Array<[string, ExitReason]> = []
    const watched = t.system.root.start({ id: 'w', restart: 'transient', behavior: recorder('w', []) })
    const watcher = t.system.root.start<{ who: string; reason: ExitReason } | 'watch', null>({
      id: 'a',
      restart: 'permanent',
      mailbox: { messagesMax: 1 },
      behavior: {
        init: () => null,
        handle: (_s, m, context) => (m === 'watch' ? context.watch(watched, (reason) => ({ who: 'w', reason })) : void seen.push([m.who, m.reason])),
      },
    })
    watcher.tell('watch')
    await settle(t)
    watched.tell({ kind: 'throw' })
    await t.clock.run(1000)
    expect(seen).toEqual([])
    watched.tell({ kind: 'stop' })
    await settle(t)
    expect(seen).toEqual([['w', { kind: 'normal' }]])
    watcher.tell('watch')
    await settle(t)
    expect(seen[1]).toMatchObject(['w', { kind: 'crashed', error: { code: 'not_found' } }])
  })

  it('is withdrawn when the watcher ends', async () => {
    const t = testSystem()
    const watched = t.system.root.start({ id: 'w', restart: 'transient', behavior: recorder('w', []) })
    const log: string[] = []
    const watcher = t.system.root.start({ id: 'a', restart: 'temporary', behavior: recorder('a', log, { onInit: (c) => c.watch(watched, () => note('gone')) }) })
    await Effect.runPromise(t.system.root.stop('a'))
    watched.tell({ kind: 'stop' })
    await settle(t)
    expect(t.system.deadLetters()).toBe(0)
    expect(watcher.tell(note(''))).toBe('dead')
  })
})

describe('passivation', () => {
  const idle = (t: ReturnType<typeof testSystem>, log: string[], passivate?: (s: { count: number }) => boolean) =>
    t.system.root.start({ id: 'a', restart: 'permanent', idleMs: 10_000, behavior: recorder('a', log), ...(passivate === undefined ? {} : { passivate }) })

  it('puts an idle actor away, whatever its restart says, and forgets it', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = idle(t, log)
    await t.clock.run(9_000)
    ref.tell(note('busy'))
    await t.clock.run(9_000)
    expect(t.system.root.ids()).toEqual(['a'])
    await t.clock.run(3_000)
    expect(log).toEqual(['a:init', 'a:busy', 'a:end normal'])
    expect(t.system.root.ids()).toEqual([])
    expect([t.system.counters.actors, t.system.counters.passivations, t.clock.pending]).toEqual([0, 1, 0])
  })

  it('leaves one that vetoes, and asks again after another idle time', async () => {
    const t = testSystem()
    let asked = 0
    idle(t, [], () => ++asked > 2)
    await t.clock.run(25_000)
    expect([asked, t.system.root.ids().length]).toEqual([2, 1])
    await t.clock.run(10_000)
    expect([asked, t.system.root.ids().length]).toEqual([3, 0])
  })

  it('revives one that is told something while it ends', async () => {
    const t = testSystem()
    const log: string[] = []
    const ref = t.system.root.start({ id: 'a', restart: 'permanent', idleMs: 1000, behavior: recorder('a', log, { terminateMs: 4_000 }) })
    await t.clock.run(2_000)
    expect(log).toEqual(['a:init', 'a:end normal'])
    expect(ref.tell(note('wait'))).toBe('delivered')
    await t.clock.run(3_500)
    expect(log.slice(2)).toEqual(['a:ended', 'a:init', 'a:wait'])
  })

  it('lets a reference by address reach the next incarnation', async () => {
    const t = testSystem()
    const log: string[] = []
    const address = idle(t, log).address
    const ref = t.system.ref<Message>(address)
    expect(ref.tell(note('one'))).toBe('delivered')
    await t.clock.run(20_000)
    expect(ref.tell(note('two'))).toBe('dead')
    idle(t, log)
    expect(ref.tell(note('three'))).toBe('delivered')
    await settle(t)
    expect(log).toEqual(['a:init', 'a:one', 'a:end normal', 'a:init', 'a:three'])
  })
})

describe('addresses', () => {
  it('are NATS subjects along the tree, whatever the ids contain', async () => {
    const t = testSystem('node.1')
    const parent = t.system.root.start({ id: 'part 3', restart: 'permanent', behavior: recorder('p', [], { onInit: (c) => void c.children.start({ id: 'a.b*>', restart: 'permanent', behavior: recorder('c', []) }) }) })
    expect(parent.address).toBe('skald.v1.actor.node%2e1.part%203')
    const child = t.system.ref<Message>(`${parent.address}.a%2eb%2a%3e`)
    expect(child.tell(note('x'))).toBe('delivered')
    expect(t.system.ref(`${parent.address}.missing`).tell(note('x') as never)).toBe('dead')
    expect(() => t.system.ref('some.subject')).toThrow("not an actor's address")
    expect(() => t.system.ref('skald.v1.actor.other.x')).toThrow('another node')
  })
})
