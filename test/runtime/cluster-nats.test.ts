/** Members, leases and remote actors of three nodes against a real nats-server that is killed and comes back. */
import * as Effect from 'effect/Effect'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonCodec } from '../../runtime/actor-codec.ts'
import { ActorsOverTransport } from '../../runtime/actor-remote.ts'
import { LocalActorSystem } from '../../runtime/actor-system.ts'
import type { ExitReason, Reply } from '../../runtime/actor.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { LeaseKeeper } from '../../runtime/lease.ts'
import type { Lease } from '../../runtime/lease.ts'
import { Membership } from '../../runtime/membership.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport } from '../../runtime/transport-nats.ts'
import type { NatsTransport } from '../../runtime/transport-nats.ts'
import { startTestNats } from '../support/nats.ts'
import type { TestNats } from '../support/nats.ts'

const clock = new SystemClock()
const random = new SystemRandom()
const WAIT = { timeout: 15_000 }
const TTL_MS = 1_500

type Message = { readonly text: string; readonly reply: Reply<string> }

interface NodeParts {
  readonly transport: NatsTransport
  readonly system: LocalActorSystem
  readonly membership: Membership
  readonly keeper: LeaseKeeper
  readonly lease: Lease
}

class Node {
  readonly name: string
  readonly transport: NatsTransport
  readonly system: LocalActorSystem
  readonly membership: Membership
  readonly keeper: LeaseKeeper
  readonly lease: Lease

  private constructor(name: string, parts: NodeParts) {
    this.name = name
    this.transport = parts.transport
    this.system = parts.system
    this.membership = parts.membership
    this.keeper = parts.keeper
    this.lease = parts.lease
  }

  static async start(name: string, server: TestNats): Promise<Node> {
    const transport = await connectTransport({ servers: server.url, name, random, reconnectMinMs: 10, reconnectMaxMs: 100 })
    const kv = new JetStreamKv(transport, { clock, random })
    const self = { id: name, node: name, roles: [], zone: '', state: 'active', startedMs: clock.nowMs() } as const
    const members = await kv.bucket({ name: 'members', maxAgeMs: 60_000 })
    const membership = new Membership({ bucket: members, clock, random, self, beatMs: 200, silentMsMax: 1_000, onChange: () => undefined })
    const keeper = new LeaseKeeper({ bucket: await kv.bucket({ name: 'leases' }), clock, random, holder: name, ttlMs: TTL_MS, prefix: 'partition.' })
    const lease = keeper.acquire('0', { held: () => undefined, lost: () => undefined })
    const system = new LocalActorSystem({ node: name, clock, random })
    new ActorsOverTransport({ system, transport, random }).expose('echo', jsonCodec<Message>())
    system.root.start<Message, null>({ id: 'echo', restart: 'transient', behavior: { init: () => null, handle: (_s, m) => m.reply.succeed(`${name}: ${m.text}`) } })
    return new Node(name, { transport, system, membership, keeper, lease })
  }

  /** As a killed process: nothing is released, nobody is told. */
  async die(): Promise<void> {
    this.membership.close()
    this.keeper.close()
    await this.transport.close()
  }
}

describe('three nodes on a real server', () => {
  let server: TestNats
  let nodes: Node[]
  beforeEach(async () => {
    server = await startTestNats()
    nodes = await Promise.all(['a', 'b', 'c'].map((name) => Node.start(name, server)))
  })
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.die()))
    await server.stop()
  })

  const holders = (): string[] => nodes.filter(({ lease }) => lease.epoch() !== undefined).map(({ name }) => name)
  const views = (): string[] => nodes.map(({ membership }) => membership.members().map(({ id }) => id).join(''))

  it('agree on members and holder, and move the lease within seconds of a death, under a higher epoch', async () => {
    await expect.poll(() => [views(), holders().length], WAIT).toEqual([['abc', 'abc', 'abc'], 1])
    const holder = nodes.find(({ lease }) => lease.epoch() !== undefined) as Node
    const epoch = holder.lease.epoch() as number
    const diedMs = clock.monotonicMs()
    await holder.die()
    nodes = nodes.filter((node) => node !== holder)
    await expect.poll(() => holders().length, { ...WAIT, interval: 10 }).toBe(1)
    expect(clock.monotonicMs() - diedMs).toBeLessThan(TTL_MS * 1.5 + 500)
    expect(nodes.map(({ lease }) => lease.epoch()).find((e) => e !== undefined)).toBeGreaterThan(epoch)
    await expect.poll(() => views().every((view) => !view.includes(holder.name)), WAIT).toBe(true)
  })

  it('have one holder at most through a kill of the server, and one again after', async () => {
    await expect.poll(() => holders().length, WAIT).toBe(1)
    let most = 0
    const watching = setInterval(() => (most = Math.max(most, holders().length)), 5)
    for (let round = 0; round < 2; round++) {
      await server.kill()
      await clock.sleep(round * TTL_MS * 1.2)
      await server.restart()
      await expect.poll(() => [views(), holders().length], WAIT).toEqual([['abc', 'abc', 'abc'], 1])
    }
    clearInterval(watching)
    expect(most).toBe(1)
  })

  it('reach each other\'s actors, also after a reconnect, and hear of their end', async () => {
    const [a, b] = nodes as [Node, Node, Node]
    const ref = a.system.ref<Message>('skald.v1.actor.b.echo')
    const ask = () => a.system.ask<Message, string>(ref, (reply) => ({ text: 'hi', reply }), 2_000)
    await expect.poll(() => ask().catch(String), WAIT).toBe('b: hi')
    await server.kill()
    await expect(ask()).rejects.toMatchObject({ code: 'internal', retryable: true })
    await server.restart()
    await expect.poll(() => ask().catch(String), WAIT).toBe('b: hi')
    const ends: ExitReason[] = []
    a.system.root.start<ExitReason, null>({ id: 'watcher', restart: 'temporary', behavior: { init: (context) => (context.watch(ref, (reason) => reason), null), handle: (_s, reason) => void ends.push(reason) } })
    await Effect.runPromise(b.system.root.stop('echo'))
    await expect.poll(() => ends, WAIT).toHaveLength(1)
  })
})
