/** Actors on two nodes of one memory network: ask, tell, errors, deadlines, trace headers, death watch, cut links, hostile bytes. */
import * as Effect from 'effect/Effect'
import { beforeEach, describe, expect, it } from 'vitest'
import { jsonCodec } from '../../runtime/actor-codec.ts'
import { ActorsOverTransport } from '../../runtime/actor-remote.ts'
import type { Behavior, ExitReason, Reply } from '../../runtime/actor.ts'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../runtime/transport-memory.ts'
import type { Headers } from '../../runtime/transport.ts'
import { testSystem } from './actor-harness.ts'

type Message =
  | { readonly kind: 'get'; readonly bytes: Uint8Array; readonly at: bigint; readonly reply: Reply<{ bytes: Uint8Array; at: bigint; trace: string }> }
  | { readonly kind: 'refuse' | 'never' | 'crash'; readonly reply: Reply<void> }
  | { readonly kind: 'note'; readonly text: string }

const ADDRESS = 'skald.v1.actor.b.partition.3'
const notes: string[] = []
let traced: Headers = {}

const partition: Behavior<Message, null> = {
  init: () => null,
  handle(_state, message) {
    switch (message.kind) {
      case 'note':
        return void notes.push(message.text)
      case 'get':
        return message.reply.succeed({ bytes: message.bytes, at: message.at + 1n, trace: traced['traceparent'] ?? '' })
      case 'refuse':
        return message.reply.fail(new SkaldError('rate_limited', 'too fast'))
      case 'crash':
        throw new Error('boom')
      case 'never':
        return undefined
    }
  },
}

async function cluster(latencyMaxMs = 0) {
  const clock = new ManualClock()
  const broker = new MemoryBroker({ clock, random: new SeededRandom(3), latencyMinMs: latencyMaxMs / 2, latencyMaxMs })
  const node = (name: string) => {
    const t = testSystem(name, clock)
    const transport = broker.connect(name)
    const trace = { inject: () => ({ traceparent: `from-${name}` }), within: <A>(headers: Headers, run: () => A) => ((traced = headers), run()) }
    const remote = new ActorsOverTransport({ system: t.system, transport, random: new SeededRandom(4), trace })
    remote.expose('partition.*', jsonCodec<Message>())
    return { ...t, transport, remote }
  }
  const [a, b] = [node('a'), node('b')]
  const startPartition = () =>
    b.system.root.start<never, null>({ id: 'partition', restart: 'permanent', behavior: { init: (c) => (c.children.start({ id: '3', restart: 'transient', behavior: partition, mailbox: { messagesMax: 2 } }), null), handle: () => undefined } })
  startPartition()
  await clock.run(0)
  return { clock, broker, a, b, startPartition, ref: a.system.ref<Message>(ADDRESS) }
}

/** Waits for what needs simulated time to pass. */
async function over<A>(clock: ManualClock, ms: number, promise: Promise<A>): Promise<A> {
  promise.catch(() => undefined)
  await clock.run(ms)
  return promise
}

describe('over the transport', () => {
  beforeEach(() => void (notes.length = 0))
  const get = (reply: Reply<{ bytes: Uint8Array; at: bigint; trace: string }>): Message => ({ kind: 'get', bytes: Buffer.from([0, 255]), at: 2n ** 60n, reply })

  it('asks with bytes and bigints, within the trace of the asker', async () => {
    const { clock, a, ref } = await cluster(20)
    const answer = await over(clock, 100, a.system.ask(ref, get, 1000))
    expect(answer).toEqual({ bytes: Buffer.from([0, 255]), at: 2n ** 60n + 1n, trace: 'from-a' })
    expect(clock.pending).toBe(0)
  })

  it('tells in order', async () => {
    const { clock, ref } = await cluster(20)
    for (const text of ['1', '2']) expect(ref.tell({ kind: 'note', text })).toBe('delivered')
    await clock.run(100)
    expect(notes).toEqual(['1', '2'])
  })

  it('passes on errors: the actor\'s own, a crash, an address without an actor', async () => {
    const { clock, a, ref } = await cluster()
    const failing = (kind: 'refuse' | 'crash', to = ref) => over(clock, 10, a.system.ask<Message, void>(to, (reply) => ({ kind, reply }), 5000))
    await expect(failing('refuse')).rejects.toMatchObject({ code: 'rate_limited', message: 'too fast', retryable: true })
    await expect(failing('crash')).rejects.toMatchObject({ code: 'internal' })
    await expect(failing('refuse', a.system.ref('skald.v1.actor.b.partition.9'))).rejects.toMatchObject({ code: 'not_found' })
    await expect(failing('refuse', a.system.ref('skald.v1.actor.gone.partition.9'))).rejects.toMatchObject({ code: 'not_found' })
    expect(() => a.system.ref('skald.v1.actor.b.secret')).toThrow('no codec')
  })

  it('gives up at the deadline on both sides', async () => {
    const { clock, a, b, ref } = await cluster()
    const asked = a.system.ask<Message, void>(ref, (reply) => ({ kind: 'never', reply }), 1000)
    await expect(over(clock, 1000, asked)).rejects.toMatchObject({ code: 'query_timeout' })
    expect([clock.pending, b.system.counters.deadLetters]).toEqual([0, 0])
  })

  it('refuses an over-full mailbox to the asker and an over-large message to the teller', async () => {
    const { clock, a, b, ref } = await cluster()
    const local = b.system.ref<Message>(ADDRESS)
    const asked = a.system.ask(ref, get, 1000)
    for (let i = 0; i < 2; i++) local.tell({ kind: 'note', text: 'x' })
    await expect(over(clock, 0, asked)).rejects.toMatchObject({ code: 'too_many_requests' })
    expect(ref.tell({ kind: 'note', text: 'x'.repeat(2 << 20) })).toBe('full')
  })

  it('says so while it is not connected', async () => {
    const { a, ref } = await cluster()
    a.transport.setConnected(false)
    expect(ref.tell({ kind: 'note', text: 'x' })).toBe('dead')
    await expect(a.system.ask(ref, get, 1000)).rejects.toMatchObject({ code: 'internal', retryable: true })
  })

  it('survives hostile bytes', async () => {
    const { clock, a, b } = await cluster()
    for (const bytes of ['', '{', '{"kind":', '\u0000', '{"$bigint":"x"}']) {
      const answer = over(clock, 10, a.transport.request(ADDRESS, Buffer.from(bytes), { timeoutMs: 1000, headers: { 'Skald-Timeout-Ms': 'NaN' } }))
      expect((await answer).headers['Skald-Error']).toMatch(/bad_request|query_timeout/)
      a.transport.publish(ADDRESS, Buffer.from(bytes))
    }
    a.transport.publish('skald.v1.actor.b.secret.x', Buffer.from('{}'))
    await clock.run(10)
    expect(b.system.counters.crashes).toBe(0)
  })
})

describe('death watch across nodes', () => {
  const watch = (a: Awaited<ReturnType<typeof cluster>>['a'], ref: Awaited<ReturnType<typeof cluster>>['ref']) => {
    const seen: ExitReason[] = []
    const watcher = a.system.root.start<ExitReason, null>({
      id: 'watcher',
      restart: 'permanent',
      behavior: { init: (context) => (context.watch(ref, (reason) => reason), null), handle: (_s, reason) => void seen.push(reason) },
    })
    return { seen, watcher }
  }

  it('hears at once how the actor ended, after any time', async () => {
    const { clock, a, b, ref } = await cluster(10)
    const { seen } = watch(a, ref)
    await clock.run(60_000)
    expect(seen).toEqual([])
    void Effect.runPromise(b.system.root.stop('partition'))
    await clock.run(50)
    expect(seen).toEqual([{ kind: 'shutdown' }])
    await clock.run(200_000)
    expect([seen.length, clock.pending]).toEqual([1, 0])
  })

  it('is not fooled by a successor at the same address', async () => {
    const { clock, broker, a, b, startPartition, ref } = await cluster(10)
    const { seen } = watch(a, ref)
    await clock.run(1_000)
    broker.cutLinks((from) => from === 'b')
    void Effect.runPromise(b.system.root.stop('partition'))
    await clock.run(100)
    startPartition()
    broker.cutLinks(() => false)
    await clock.run(5_000)
    expect(seen).toEqual([{ kind: 'shutdown' }])
  })

  it('is not fooled by a new process of the node, which knows nothing of the one before', async () => {
    const { clock, broker, a, b, startPartition, ref } = await cluster(10)
    const { seen } = watch(a, ref)
    await clock.run(1_000)
    broker.cutLinks(() => true)
    await b.remote.close()
    await Effect.runPromise(b.system.root.stop('partition'))
    const again = new ActorsOverTransport({ system: b.system, transport: b.transport, random: new SeededRandom(9) })
    again.expose('partition.*', jsonCodec<Message>())
    startPartition()
    await clock.run(500)
    broker.cutLinks(() => false)
    await clock.run(5_000)
    expect(seen).toMatchObject([{ kind: 'crashed' }])
  })

  it('counts an unreachable node as dead within seconds, and a short cut as nothing', async () => {
    const { clock, broker, a, ref } = await cluster(10)
    const { seen } = watch(a, ref)
    await clock.run(1_000)
    broker.cutLinks(() => true)
    await clock.run(3_000)
    broker.cutLinks(() => false)
    await clock.run(60_000)
    expect(seen).toEqual([])
    broker.cutLinks(() => true)
    await clock.run(12_000)
    expect(seen).toMatchObject([{ kind: 'crashed', error: { code: 'not_found' } }])
  })

  it.each([
    ['both ways', () => true],
    ['towards the watched', (from: string) => from === 'a'],
    ['from the watched', (from: string) => from === 'b'],
  ])('lets a supervisor on another node put a replacement in its place when the network is cut %s', async (_name, isCut) => {
    const { clock, broker, a, ref } = await cluster(10)
    const started: string[] = []
    a.system.root.start<ExitReason, null>({
      id: 'supervisor',
      restart: 'permanent',
      behavior: {
        init: (context) => (context.watch(ref, (reason) => reason), null),
        handle: (_state, reason, context) => {
          started.push(reason.kind)
          context.children.start<Message, null>({ id: '3', restart: 'permanent', behavior: partition })
        },
      },
    })
    await clock.run(1_000)
    expect(started).toEqual([])
    broker.cutLinks(isCut)
    await clock.run(12_000)
    expect(started).toEqual(['crashed'])
    const asked = a.system.ask<Message, { at: bigint }>(a.system.ref('skald.v1.actor.a.supervisor.3'), (reply) => ({ kind: 'get', bytes: new Uint8Array(1), at: 41n, reply: reply as never }), 1_000)
    expect((await over(clock, 50, asked)).at).toBe(42n)
    broker.cutLinks(() => false)
    await clock.run(60_000)
    expect(started).toHaveLength(1)
  })

  it('says at once that nobody is there, and ends with the watcher', async () => {
    const { clock, a, b } = await cluster()
    const { seen } = watch(a, a.system.ref('skald.v1.actor.b.partition.9'))
    await clock.run(10)
    expect(seen).toHaveLength(1)
    await Effect.runPromise(a.system.shutdown())
    await Effect.runPromise(b.system.shutdown())
    await clock.run(70_000)
    expect(clock.pending).toBe(0)
  })
})
