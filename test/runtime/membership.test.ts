/** Membership: who is seen when, what death, drain, leave, blindness and skewed clocks do, and that all nodes agree in the end. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import type { KvBucket } from '../../runtime/kv.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { MemoryKv } from '../../runtime/kv-memory.ts'
import { Membership } from '../../runtime/membership.ts'
import { MEMBERSHIP_START, membersOf, membershipStep, type Member, type MembershipEvent } from '../../runtime/membership-state.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { placePartitions } from '../../runtime/ring.ts'
import { flakyBucket } from '../support/flaky-kv.ts'

interface Node {
  readonly kv: MemoryKv
  membership: Membership
  /** Every list it was told of. */
  readonly views: string[]
}

class World {
  readonly clock = new ManualClock()
  readonly random: SeededRandom
  readonly server: MemoryKvServer
  readonly flakiness = { lossRatio: 0, delayMaxMs: 0 }

  constructor(seed = 1) {
    this.random = new SeededRandom(seed)
    this.server = new MemoryKvServer(this.clock, this.random.fork())
  }

  async start(id: string, kv = this.server.connect(), views: string[] = []): Promise<Node> {
    const bucket = flakyBucket(await kv.bucket({ name: 'members', maxAgeMs: 60_000 }), this.clock, this.random.fork(), this.flakiness)
    const self: Member = { id, node: id, roles: ['all'], zone: '', state: 'active', startedMs: this.clock.nowMs() }
    const show = (m: Member): string => (m.state === 'active' ? m.id : `(${m.id})`)
    const membership = new Membership({ bucket, clock: this.clock, random: this.random.fork(), self, onChange: (members) => views.push(members.map(show).join(' ')) })
    return { kv, membership, views }
  }
}

const bound = (bucket: KvBucket): KvBucket => ({
  get: (key) => bucket.get(key), keys: (prefix) => bucket.keys(prefix), create: (key, value) => bucket.create(key, value), update: (key, value, revision) => bucket.update(key, value, revision),
  put: (key, value) => bucket.put(key, value), delete: (key, revision) => bucket.delete(key, revision), watch: (prefix, on, ready) => bucket.watch(prefix, on, ready),
})
const ids = (node: Node): string => node.membership.members().map((m) => m.id).join(' ')

describe('the judgement of a node that was out of touch', () => {
  const SILENT_MS = 4_000
  const seen = (id: string): MembershipEvent => ({ kind: 'seen', member: { id, node: id, roles: [], zone: '', state: 'active', startedMs: 0 }, revision: 1 })
  const beat = (isWritten: boolean): MembershipEvent => ({ kind: 'beat', isWritten })
  /** Who is a member after these. */
  const after = (...events: ReadonlyArray<readonly [atMs: number, event: MembershipEvent]>): string => {
    let state = MEMBERSHIP_START
    for (const [atMs, event] of events) ({ state } = membershipStep(state, event, atMs, { selfId: 'a', silentMsMax: SILENT_MS }))
    return membersOf(state).map(({ id }) => id).join(' ')
  }

  it('gives others as much time again as it did not hear itself', () => {
    const deaf = [[0, seen('a')], [0, seen('b')], [60_000, seen('a')]] as const
    expect(after(...deaf)).toBe('a b')
    expect(after(...deaf, [62_000, seen('a')], [63_999, { kind: 'tick' }])).toBe('a b')
    expect(after(...deaf, [62_000, seen('a')], [64_000, { kind: 'tick' }])).toBe('a')
  })

  it('gives others all their time from when it can write again', () => {
    const blind = [[0, seen('a')], [0, seen('b')], [500, beat(false)], [3_000, seen('a')], [5_000, beat(true)]] as const
    expect(after(...blind)).toBe('a b')
    expect(after(...blind, [6_500, seen('a')], [8_999, { kind: 'tick' }])).toBe('a b')
    expect(after(...blind, [6_500, seen('a')], [9_000, { kind: 'tick' }])).toBe('a')
  })
})

describe('membership', () => {
  it('shows everybody everybody, and says nothing while nothing changes', async () => {
    const w = new World()
    const nodes = [await w.start('b'), await w.start('a'), await w.start('c')]
    await w.clock.run(2_000)
    expect(nodes.map(ids)).toEqual(['a b c', 'a b c', 'a b c'])
    const told = nodes.map((n) => n.views.length)
    await w.clock.run(120_000)
    expect(nodes.map((n) => n.views.length)).toEqual(told)
  })

  it('drops a dead member after its silence and no earlier', async () => {
    const w = new World()
    const [a, b] = [await w.start('a'), await w.start('b')]
    await w.clock.run(10_000)
    b.membership.close()
    await w.clock.run(2_700)
    expect(ids(a)).toBe('a b')
    await w.clock.run(1_400)
    expect([ids(a), a.views.at(-1)]).toEqual(['a', 'a'])
  })

  it('drops one that leaves at once, and shows one that drains', async () => {
    const w = new World()
    const [a, b] = [await w.start('a'), await w.start('b')]
    await w.clock.run(1_500)
    void b.membership.setState('draining')
    await w.clock.run(1)
    expect(a.views.at(-1)).toBe('a (b)')
    void b.membership.leave()
    await w.clock.run(1)
    expect(a.views.at(-1)).toBe('a')
    await w.clock.run(60_000)
    expect(ids(a)).toBe('a')
  })

  it('judges nobody while it is cut off itself, and gives all their time afterwards', async () => {
    const w = new World()
    const [a, b, c] = [await w.start('a'), await w.start('b'), await w.start('c')]
    await w.clock.run(5_000)
    a.kv.setOnline(false)
    await w.clock.run(60_000)
    expect([ids(a), a.membership.isBlind, ids(b)]).toEqual(['a b c', true, 'b c'])
    c.membership.close()
    a.kv.setOnline(true)
    await w.clock.run(3_000)
    expect([a.membership.isBlind, ids(b)]).toEqual([false, 'a b c'])
    await w.clock.run(8_000)
    expect([ids(a), ids(b)]).toEqual(['a b', 'a b'])
  })

  it('judges nobody while its watch stands still, though it can write', async () => {
    const w = new World()
    const [a, b] = [await w.start('a'), await w.start('b')]
    const held: Array<() => void> = []
    let isDeaf = false
    const inner = await w.server.connect().bucket({ name: 'members', maxAgeMs: 60_000 })
    const bucket: KvBucket = { ...bound(inner), watch: (prefix, on, ready) => inner.watch(prefix, (event) => (isDeaf ? held.push(() => on(event)) : on(event)), ready) }
    const views: string[] = []
    const self: Member = { id: 'c', node: 'c', roles: ['all'], zone: '', state: 'active', startedMs: 0 }
    const c = new Membership({ bucket, clock: w.clock, random: w.random.fork(), self, onChange: (members) => views.push(members.map(({ id }) => id).join(' ')) })
    await w.clock.run(5_000)
    isDeaf = true
    await w.clock.run(30_000)
    expect([c.members().map(({ id }) => id).join(' '), ids(a)]).toEqual(['a b c', 'a b c'])
    isDeaf = false
    for (const deliver of held) deliver()
    b.membership.close()
    await w.clock.run(1_500)
    expect(views.at(-1)).toBe('a b c')
    await w.clock.run(4_000)
    expect(views.at(-1)).toBe('a c')
  })

  it('ends the older of two processes that use one name, whatever their wall clocks say', async () => {
    const w = new World()
    const other = await w.start('b')
    const told: string[] = []
    const startTwin = async (name: string): Promise<Membership> => {
      const bucket = await w.server.connect().bucket({ name: 'members', maxAgeMs: 60_000 })
      const self: Member = { id: 'a', node: 'a', roles: ['all'], zone: name, state: 'active', startedMs: 0 }
      return new Membership({ bucket, clock: w.clock, random: w.random.fork(), self, onChange: () => undefined, onUsurped: () => told.push(name) })
    }
    const older = await startTwin('older')
    await w.clock.run(3_000)
    w.clock.skewMs = -300_000
    const newer = await startTwin('newer')
    await w.clock.run(3_000)
    expect(told).toEqual(['older'])
    // It says nothing any more, neither that it lives nor that it leaves.
    await older.leave()
    await w.clock.run(10_000)
    expect(other.membership.members().map(({ id, zone }) => `${id} ${zone}`)).toEqual(['a newer', 'b '])
    expect(other.views.at(-1)).toBe('a b')
    expect(told).toEqual(['older'])
    await newer.leave()
    await w.clock.run(1_000)
    expect(ids(other)).toBe('b')
  })

  it('learns its name\'s last generation before it speaks, however long KV is away: else it would take its own former heartbeat for a newer process', async () => {
    const w = new World()
    const former = await w.start('a')
    await w.clock.run(3_000)
    former.membership.close()
    w.clock.skewMs = -300_000
    const inner = await w.server.connect().bucket({ name: 'members', maxAgeMs: 60_000 })
    let isAway = true
    const bucket: KvBucket = {
      ...bound(inner),
      get: (key) => (isAway ? Promise.reject(new SkaldError('storage_unavailable', 'away')) : inner.get(key)),
      watch: (prefix, on, ready) => inner.watch(prefix, (event) => void w.clock.after(100, () => on(event)), ready),
    }
    const ended: string[] = []
    const self: Member = { id: 'a', node: 'a', roles: ['all'], zone: '', state: 'active', startedMs: 0 }
    const again = new Membership({ bucket, clock: w.clock, random: w.random.fork(), self, onChange: () => undefined, onUsurped: () => ended.push('a') })
    await w.clock.run(5_000)
    isAway = false
    await w.clock.run(5_000)
    expect(ended).toEqual([])
    expect(again.members()[0]!.generation).toBeGreaterThan(former.membership.members()[0]!.generation!)
  })

  it('says again that it drains when a heartbeat from before that was slow has taken effect after it', async () => {
    const w = new World()
    const other = await w.start('b')
    const inner = await w.server.connect().bucket({ name: 'members', maxAgeMs: 60_000 })
    let slowMs = 0
    let beats = 0
    const bucket: KvBucket = { ...bound(inner), put: async (key, value) => (beats++, await w.clock.sleep(slowMs), inner.put(key, value)) }
    const self: Member = { id: 'a', node: 'a', roles: ['all'], zone: '', state: 'active', startedMs: 0 }
    const a = new Membership({ bucket, clock: w.clock, random: w.random.fork(), self, beatMs: 1_000, onChange: () => undefined })
    await w.clock.run(100)
    slowMs = 300
    for (const before = beats; beats === before; ) await w.clock.run(10)
    slowMs = 0
    void a.setState('draining')
    await w.clock.run(500)
    expect(other.views.at(-1)).toBe('(a) b')
  })

  it('does not look at wall clocks', async () => {
    const w = new World()
    const [a, b] = [await w.start('a'), await w.start('b')]
    await w.clock.run(3_000)
    w.clock.skewMs = 300_000
    await w.clock.run(1_000)
    w.clock.skewMs = -300_000
    await w.clock.run(3_000)
    expect([ids(a), ids(b)]).toEqual(['a b', 'a b'])
  })

  it('skips what it cannot read', async () => {
    const w = new World()
    const bucket = await w.server.connect().bucket({ name: 'members' })
    for (const [i, value] of ['', '{}', '{"id":1}', 'null', '{"id":"x","node":"x","roles":[],"zone":"","state":"odd","startedMs":0}'].entries()) await bucket.put(`member.x${i}`, Buffer.from(value))
    const a = await w.start('a')
    await w.clock.run(100)
    expect(ids(a)).toBe('a')
  })

  it.each(Array.from({ length: 30 }, (_, i) => i))('agrees in the end, and with it the placement: seed %i', async (seed) => {
    const w = new World(seed)
    const choice = w.random.fork()
    const nodes = new Map<string, Node>()
    w.flakiness.delayMaxMs = choice.below(200)
    for (const id of ['a', 'b', 'c', 'd']) nodes.set(id, await w.start(id))
    for (let i = 0; i < 40; i++) {
      const id = 'abcd'[choice.below(4)] as string
      const node = nodes.get(id) as Node
      const what = choice.below(5)
      if (what === 0) node.kv.setOnline(false)
      if (what === 1) for (const n of nodes.values()) n.kv.setOnline(true)
      if (what === 2) w.flakiness.lossRatio = choice.below(3) / 10
      if (what === 3) node.membership.close()
      if (what === 4) {
        node.membership.close()
        node.kv.setOnline(true)
        nodes.set(id, await w.start(id, node.kv, node.views))
      }
      await w.clock.run(choice.below(3_000))
    }
    w.flakiness.lossRatio = 0
    for (const [id, node] of nodes) {
      node.membership.close()
      node.kv.setOnline(true)
      nodes.set(id, await w.start(id, node.kv, node.views))
    }
    await w.clock.run(15_000)
    const placements = [...nodes.values()].map(({ membership }) => JSON.stringify(placePartitions(16, membership.members())))
    expect([...nodes.values()].map(ids)).toEqual(Array(4).fill('a b c d'))
    expect(new Set(placements).size).toBe(1)
  })
})
