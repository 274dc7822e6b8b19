/** Leases: who gets them when, what a restart, a cut, a wipe and a lost answer do, and random histories under seeds (R1). */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { copyNames, MajorityBucket } from '../../runtime/kv-majority.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { MemoryKv } from '../../runtime/kv-memory.ts'
import { LeaseKeeper } from '../../runtime/lease.ts'
import { LEASE_START, type LeaseEvent, leaseStep, type LeaseState } from '../../runtime/lease-state.ts'
import type { Lease } from '../../runtime/lease.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { flakyBucket } from '../support/flaky-kv.ts'
import type { Flakiness } from '../support/flaky-kv.ts'

const TTL_MS = 3_000

interface Node {
  readonly name: string
  readonly log: string[]
  readonly kv: MemoryKv
  keeper: LeaseKeeper
  lease: Lease
}

class World {
  readonly clock = new ManualClock()
  readonly random: SeededRandom
  readonly server: MemoryKvServer
  readonly flakiness: Flakiness = { lossRatio: 0, delayMaxMs: 0 }
  readonly nodes: Node[] = []
  /** Every epoch that was ever held, in order. */
  readonly epochs: number[] = []

  readonly bucketNames: ReadonlyArray<string>

  constructor(seed = 1, bucketNames: ReadonlyArray<string> = ['leases']) {
    this.bucketNames = bucketNames
    this.random = new SeededRandom(seed)
    this.server = new MemoryKvServer(this.clock, this.random.fork())
  }

  async add(name: string, epochFloor = 0): Promise<Node> {
    const kv = this.server.connect()
    const log: string[] = []
    const node: Node = { name, log, kv, ...(await this.#want(name, kv, log, epochFloor)) }
    this.nodes.push(node)
    return node
  }

  /** As a killed process that starts again under its name. */
  async restart(node: Node): Promise<void> {
    node.keeper.close()
    Object.assign(node, await this.#want(node.name, node.kv, node.log, 0))
  }

  async #want(name: string, kv: MemoryKv, log: string[], epochFloor: number): Promise<{ keeper: LeaseKeeper; lease: Lease }> {
    const copies = await Promise.all(this.bucketNames.map(async (name) => flakyBucket(await kv.bucket({ name }), this.clock, this.random.fork(), this.flakiness)))
    const bucket = copies.length === 1 ? copies[0]! : new MajorityBucket(copies, { clock: this.clock, random: this.random.fork() })
    const keeper = new LeaseKeeper({ bucket, clock: this.clock, random: this.random.fork(), holder: name, ttlMs: TTL_MS, prefix: 'partition.' })
    const held = (epoch: number): void => void (log.push(`held ${epoch}`), this.epochs.push(epoch))
    const lease = keeper.acquire('0', { held, lost: (epoch, reason) => void log.push(`lost ${epoch} ${reason}`) }, epochFloor)
    return { keeper, lease }
  }

  holders(): string[] {
    return this.nodes.filter((node) => node.lease.epoch() !== undefined).map((node) => node.name)
  }
}

describe('a lease', () => {
  it('goes to one, who keeps it by renewing about every third of its time', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    let writes = 0
    ;(await a.kv.bucket({ name: 'leases' })).watch('', () => writes++)
    await w.clock.run(60_000)
    expect([a.log, b.log, w.holders()]).toEqual([['held 1'], [], ['a']])
    expect(writes).toBeGreaterThan(60_000 / TTL_MS * 2)
    expect(writes).toBeLessThan(60_000 / TTL_MS * 4.5)
    expect(b.lease.holder()).toBe('a')
    expect(b.keeper.view().get('0')).toMatchObject({ holder: 'a', epoch: 1 })
  })

  it('is taken by another, with a higher epoch, only after its holder was silent for its whole time', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    await w.clock.run(10_000)
    a.keeper.close()
    await w.clock.run(TTL_MS * 0.6)
    expect(b.log).toEqual([])
    await w.clock.run(TTL_MS * 0.5)
    expect(b.log).toEqual(['held 2'])
  })

  it('is free at once after a release', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    await w.clock.run(1_000)
    const released = a.lease.release()
    await w.clock.run(1)
    await released
    expect([a.log, b.log]).toEqual([['held 1', 'lost 1 released'], ['held 2']])
  })

  it('ends a release whenever it is asked for, also while a renewal is on its way into nowhere', async () => {
    for (let atMs = 0; atMs < TTL_MS; atMs += 50) {
      const w = new World(atMs + 1)
      const a = await w.add('a')
      await w.clock.run(1_000)
      w.flakiness.delayMaxMs = 400
      w.flakiness.lossRatio = 1
      await w.clock.run(atMs)
      let isReleased = false
      void a.lease.release().then(() => (isReleased = true))
      await w.clock.run(2 * TTL_MS)
      expect({ atMs, isReleased }).toEqual({ atMs, isReleased: true })
    }
  })

  it('is taken back at once by the same holder after a restart, under a new epoch', async () => {
    const w = new World()
    const a = await w.add('a')
    await w.clock.run(1_000)
    await w.restart(a)
    await w.clock.run(1)
    expect(a.log).toEqual(['held 1', 'held 2'])
  })

  it('is lost by a holder that is cut off, before another can take it', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    await w.clock.run(10_000)
    a.kv.setOnline(false)
    for (let ms = 0; ms < 2 * TTL_MS; ms += 10) {
      await w.clock.run(10)
      expect(w.holders().length).toBeLessThanOrEqual(1)
    }
    expect([a.log.at(-1), b.log]).toEqual(['lost 1 expired', ['held 2']])
    a.kv.setOnline(true)
    await w.clock.run(20_000)
    expect(w.holders()).toEqual(['b'])
  })

  it('survives an outage shorter than its time', async () => {
    const w = new World()
    const a = await w.add('a')
    await w.clock.run(1_000)
    for (let i = 0; i < 20; i++) {
      a.kv.setOnline(false)
      await w.clock.run(TTL_MS * 0.3)
      a.kv.setOnline(true)
      await w.clock.run(TTL_MS)
    }
    expect(a.log).toEqual(['held 1'])
  })

  it('survives lost answers: what was written counts', async () => {
    const w = new World(4)
    const a = await w.add('a')
    await w.clock.run(1_000)
    w.flakiness.lossRatio = 0.2
    w.flakiness.delayMaxMs = 20
    await w.clock.run(300_000)
    expect(a.log).toEqual(['held 1'])
  })

  it('rises above the epoch floor, and above its own last epoch when the bucket was wiped', async () => {
    const w = new World()
    const a = await w.add('a', 41)
    await w.clock.run(1_000)
    w.server.wipe('leases')
    await w.clock.run(10_000)
    expect(a.log).toEqual(['held 42', 'lost 42 gone', 'held 43'])
  })

  it('tells a holder that slept through its time that it has lost, before anything else', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    await w.clock.run(1_000)
    // A stopped process: its timers do not run, other nodes' do. `epoch()` looks at the clock, not at what was heard.
    a.keeper.close()
    await w.clock.run(2 * TTL_MS)
    expect([a.lease.epoch(), b.lease.epoch()]).toEqual([undefined, 2])
  })

  it('replaces a record that cannot be read', async () => {
    const w = new World()
    const bucket = await w.server.connect().bucket({ name: 'leases' })
    await bucket.put('partition.0', Buffer.from('{"holder":7'))
    const a = await w.add('a')
    await w.clock.run(100)
    expect(a.log).toEqual(['held 1'])
  })

  it('is lost to another process of its holder\'s name, and not taken back while that one lives', async () => {
    const w = new World()
    const older = await w.add('a')
    await w.clock.run(1_000)
    const newer = await w.add('a')
    await w.clock.run(60_000)
    expect([older.log, newer.log]).toEqual([['held 1', 'lost 1 taken'], ['held 2']])
  })

  it('is not taken from a holder that is cut off because its record has gone: its time is waited for', async () => {
    const w = new World()
    const [a, b] = [await w.add('a'), await w.add('b')]
    await w.clock.run(10_000)
    a.kv.setOnline(false)
    w.server.wipe('leases')
    for (let ms = 0; ms < 2 * TTL_MS; ms += 10) {
      await w.clock.run(10)
      expect(w.holders().length).toBeLessThanOrEqual(1)
    }
    expect(b.log).toEqual(['held 2'])
  })

  it('is free at once to whoever comes to want it when its holder has been silent for long enough', async () => {
    const w = new World()
    const a = await w.add('a')
    const keeper = new LeaseKeeper({ bucket: await w.server.connect().bucket({ name: 'leases' }), clock: w.clock, random: w.random.fork(), holder: 'b', ttlMs: TTL_MS, prefix: 'partition.' })
    await w.clock.run(1_000)
    a.keeper.close()
    await w.clock.run(1.1 * TTL_MS)
    const held: number[] = []
    keeper.acquire('0', { held: (epoch) => held.push(epoch), lost: () => undefined })
    await w.clock.run(1)
    expect(held).toEqual([2])
  })

  it('is refused twice to one keeper', async () => {
    const a = await new World().add('a')
    expect(() => a.keeper.acquire('0', { held: () => undefined, lost: () => undefined })).toThrow('wanted already')
  })
})

describe('the life of a lease', () => {
  const TERMS = { holder: 'a', ttlMs: TTL_MS }
  /** Feeds events, each at its time; answers with the state and what is to be done after the last. */
  const play = (...events: ReadonlyArray<readonly [atMs: number, event: LeaseEvent]>): { state: LeaseState; effects: string[] } => {
    let state = LEASE_START
    let effects: string[] = []
    for (const [atMs, event] of events) {
      const step = leaseStep(state, event, atMs, TERMS, 0)
      state = step.state
      effects = step.effects.map(({ kind }) => kind)
    }
    return { state, effects }
  }
  const free = { kind: 'seen', revision: 0, record: null } as const
  const holding = [[0, { kind: 'want', epochFloor: 0 }], [0, free], [5, { kind: 'wrote', revision: 1 }]] as const
  const ofOther = (revision: number) => ({ kind: 'seen', revision, record: { holder: 'b', epoch: 2, ttlMs: TTL_MS } }) as const

  it('is claimed anew when its renewal comes through after another was seen to have it: a majority can overtake a claim that was told of', () => {
    const renewing = play(...holding, [1_000, { kind: 'tick' }])
    expect(renewing.effects).toEqual(['write'])
    const lost = play(...holding, [1_000, { kind: 'tick' }], [1_001, ofOther(2)])
    expect([lost.effects, lost.state.held]).toEqual([['lost'], undefined])
    const { state, effects } = play(...holding, [1_000, { kind: 'tick' }], [1_001, ofOther(2)], [1_002, { kind: 'wrote', revision: 3 }])
    expect([state.held, effects, state.writing?.record.epoch]).toEqual([undefined, ['write'], 3])
  })

  it('waits a moment before it writes again over what a replica shows that lags behind the write it has just lost to', () => {
    const lost = [[0, { kind: 'want', epochFloor: 0 }], [0, free], [5, { kind: 'outrun' }], [6, free]] as const
    const { state, effects } = play(...lost)
    expect([effects, state.retryAtMs]).toEqual([[], 6 + TTL_MS / 20])
    expect(play(...lost, [6 + TTL_MS / 20, { kind: 'tick' }]).effects).toEqual(['write'])
  })
})

describe.each([['one bucket', ['leases']], ['a majority of three', copyNames('leases')]] as const)('random histories over %s', (_over, bucketNames) => {
  it.each(Array.from({ length: 60 }, (_, i) => i))('seed %i: one holder at a time, growing epochs, and somebody in the end', async (seed) => {
    const w = new World(seed, bucketNames)
    const choice = w.random.fork()
    for (const name of ['a', 'b', 'c']) await w.add(name)
    w.flakiness.delayMaxMs = choice.below(300)
    for (let i = 0; i < 60; i++) {
      const node = w.nodes[choice.below(3)] as Node
      const what = choice.below(6)
      if (what === 0) node.kv.setOnline(false)
      if (what === 1) w.nodes.forEach((n) => n.kv.setOnline(true))
      if (what === 2) w.flakiness.lossRatio = choice.below(3) / 10
      if (what === 3) {
        node.kv.setOnline(true)
        await w.restart(node)
      }
      if (what === 4 && choice.below(5) === 0) {
        // Who starts on an empty bucket cannot know that somebody holds on: for one time to live there may be two, and F3 makes that harmless.
        for (const name of bucketNames) w.server.wipe(name)
        await w.clock.run(TTL_MS)
      }
      for (let step = choice.below(20); step > 0; step--) {
        await w.clock.run(100)
        expect(w.holders().length).toBeLessThanOrEqual(1)
      }
    }
    w.flakiness.lossRatio = 0
    w.nodes.forEach((n) => n.kv.setOnline(true))
    await w.clock.run(5 * TTL_MS)
    expect(w.holders()).toHaveLength(1)
    expect(w.epochs.length).toBeGreaterThan(0)
  })
})
