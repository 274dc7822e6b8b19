/** The majority bucket: every order of messages between two writers and three copies, and random histories with losses (R1 rests on it). What it shares with other buckets is in `test/conformance/kv.ts`. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import type { Clock } from '../../runtime/clock.ts'
import { accept, type Acceptor, decodeAcceptor, encodeAcceptor, NEW_ACCEPTOR, newestOf, promise } from '../../runtime/kv-acceptor.ts'
import { copyNames, MajorityBucket } from '../../runtime/kv-majority.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { KvBucket } from '../../runtime/kv.ts'
import { majorityOf } from '../../runtime/majority-of.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { explore, type Model } from '../simulation/explore.ts'
import { flakyBucket } from '../support/flaky-kv.ts'

/** A writer of the model: each of its rounds asks every copy for a promise, then every copy to accept. */
interface Writer {
  readonly phase: 'idle' | 'asking' | 'writing'
  readonly ballot: number
  /** Copies that have been asked in this phase, and of these, who said yes. */
  readonly asked: ReadonlyArray<number>
  readonly yes: ReadonlyArray<number>
  /** Ballot of the value that it writes over. */
  readonly base: number
  readonly roundsLeft: number
}

interface World {
  readonly copies: ReadonlyArray<Acceptor>
  readonly writers: ReadonlyArray<Writer>
  /** Ballots of values, each with the one that it was written over. */
  readonly bases: ReadonlyArray<readonly [ballot: number, base: number]>
  /** Ballots that a majority had accepted at some time. */
  readonly chosen: ReadonlyArray<number>
}

const COPIES = [0, 1, 2]
const MAJORITY = 2
const idle = (roundsLeft: number): Writer => ({ phase: 'idle', ballot: 0, asked: [], yes: [], base: 0, roundsLeft })

/** `isBroken`: acceptors that take any write: shows that the model can fail. */
function registerModel(rounds: ReadonlyArray<number>, isBroken = false): Model<World> {
  const put = (world: World, at: number, writer: Writer, more: Partial<World> = {}): World => ({ ...world, ...more, writers: world.writers.map((w, i) => (i === at ? writer : w)) })
  const acceptAs = (state: Acceptor, ballot: number): Acceptor | null => {
    const accepted = { ballot, value: Buffer.alloc(0) }
    return isBroken ? { promised: Math.max(state.promised, ballot + 1), accepted } : accept(state, accepted)
  }
  function* writerSteps(world: World, at: number): Iterable<{ name: string; to: World }> {
    const writer = world.writers[at]!
    if (writer.roundsLeft > 0) {
      // Any ballot may be tried: the one above what any copy has promised is the hardest, with both writers taking the same.
      const ballot = 1 + Math.max(...world.copies.map(({ promised }) => promised))
      yield { name: `${at} asks under ${ballot}`, to: put(world, at, { ...idle(writer.roundsLeft - 1), phase: 'asking', ballot }) }
    }
    if (writer.phase === 'idle') return
    for (const copy of COPIES.filter((c) => !writer.asked.includes(c))) {
      const state = world.copies[copy]!
      const next = writer.phase === 'asking' ? promise(state, writer.ballot) : acceptAs(state, writer.ballot)
      const asked = [...writer.asked, copy].toSorted()
      if (next === null) {
        yield { name: `${copy} refuses ${at}`, to: put(world, at, { ...writer, asked }) }
        continue
      }
      const copies = world.copies.map((c, i) => (i === copy ? next : c))
      const chosen = COPIES.filter((c) => copies[c]!.accepted.ballot === writer.ballot).length >= MAJORITY && writer.phase === 'writing' ? [...new Set([...world.chosen, writer.ballot])] : world.chosen
      yield { name: `${copy} takes ${at} and the answer is lost`, to: put(world, at, { ...writer, asked }, { copies, chosen }) }
      const yes = [...writer.yes, copy]
      yield { name: `${copy} says yes to ${at}`, to: put(world, at, answered(writer, asked, yes, copies), { copies, chosen, bases: basesOf(world, writer, yes, copies) }) }
    }
  }
  /** A majority of promises begins the write; a majority of acceptances is the promise of the next ballot, under which it may write at once. */
  function answered(writer: Writer, asked: ReadonlyArray<number>, yes: ReadonlyArray<number>, copies: ReadonlyArray<Acceptor>): Writer {
    if (yes.length < MAJORITY) return { ...writer, asked, yes: yes.toSorted() }
    if (writer.phase === 'asking') return { ...writer, phase: 'writing', asked: [], yes: [], base: newestOf(yes.map((c) => copies[c]!.accepted)).ballot }
    if (writer.roundsLeft === 0) return idle(0)
    return { ...writer, ballot: writer.ballot + 1, asked: [], yes: [], base: writer.ballot, roundsLeft: writer.roundsLeft - 1 }
  }
  function basesOf(world: World, writer: Writer, yes: ReadonlyArray<number>, copies: ReadonlyArray<Acceptor>): World['bases'] {
    if (yes.length < MAJORITY || (writer.phase === 'writing' && writer.roundsLeft === 0)) return world.bases
    const isFirst = writer.phase === 'asking'
    const ballot = isFirst ? writer.ballot : writer.ballot + 1
    const base = isFirst ? newestOf(yes.map((c) => copies[c]!.accepted)).ballot : writer.ballot
    return [...world.bases, [ballot, base] as const]
  }
  return {
    start: () => ({ copies: COPIES.map(() => NEW_ACCEPTOR), writers: rounds.map(idle), bases: [], chosen: [] }),
    key: ({ copies, writers, bases, chosen }) => JSON.stringify([copies.map(({ promised, accepted }) => [promised, accepted.ballot]), writers, bases.toSorted(), chosen.toSorted()]),
    *steps(world) {
      for (const at of world.writers.keys()) yield* writerSteps(world, at)
    },
    violation({ bases, chosen }) {
      const ballots = bases.map(([ballot]) => ballot)
      if (new Set(ballots).size < ballots.length) return `one ballot, two values: ${ballots.join(' ')}`
      const baseOf = new Map(bases)
      const descends = (from: number, to: number): boolean => from === to || (from > to && descends(baseOf.get(from) ?? 0, to))
      const ordered = chosen.toSorted((a, b) => a - b)
      const fork = ordered.find((ballot, i) => i > 0 && !descends(ballot, ordered[i - 1]!))
      return fork === undefined ? null : `${fork} was written without ${ordered[ordered.indexOf(fork) - 1]}, which counted`
    },
  }
}

describe('two writers and three copies', () => {
  it('never write past each other, in any order of messages, whatever is lost', () => {
    const { isComplete, violation, states } = explore(registerModel([2, 1]), 400_000)
    expect({ isComplete, violation }).toEqual({ isComplete: true, violation: null })
    expect(states).toBeGreaterThan(10_000)
  })

  it('would, if a copy took what it has promised not to', () => {
    expect(explore(registerModel([2, 1], true), 400_000).violation).not.toBeNull()
  })
})

describe('an acceptor', () => {
  it('reads what it has written, and nothing from what is none', () => {
    for (const value of [null, Buffer.alloc(0), Buffer.from('value')]) {
      const state = { promised: 7, accepted: { ballot: 1_800_000_000_000, value } }
      expect(decodeAcceptor(encodeAcceptor(state))).toEqual(state)
    }
    for (const bytes of ['', '{}', '{"holder":"node-1","epoch":1,"ttlMs":3000}']) expect(decodeAcceptor(Buffer.from(bytes))).toEqual(NEW_ACCEPTOR)
  })
})

describe('the answers of most', () => {
  it('decide as soon as they are there', async () => {
    const never = new Promise<number>(() => {})
    expect(await majorityOf([Promise.resolve(1), never, Promise.resolve(3)])).toEqual([1, undefined, 3])
    expect(await majorityOf([Promise.resolve(null), never, Promise.resolve(null)])).toBeNull()
    expect(await majorityOf([Promise.resolve(null), never, Promise.reject(new Error('away'))])).toBeNull()
    await expect(majorityOf([Promise.reject(new Error('away')), never, Promise.reject(new Error('away'))])).rejects.toThrow('away')
  })
})

class ThreeBuckets {
  readonly clock = new ManualClock()
  readonly random: SeededRandom
  readonly server: MemoryKvServer
  readonly flakiness = [0, 1, 2].map(() => ({ lossRatio: 0, delayMaxMs: 0 }))

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.server = new MemoryKvServer(this.clock, this.random.fork())
  }

  /** `skewMs`: how far its wall clock is off. */
  async writer({ skewMs = 0, maxAgeMs = 0 } = {}): Promise<KvBucket> {
    const kv = this.server.connect()
    const copies = await Promise.all(copyNames('b').map((name) => kv.bucket({ name, maxAgeMs })))
    const { clock: right } = this
    const clock: Clock = { nowMs: () => right.nowMs() + skewMs, monotonicMs: () => right.monotonicMs(), after: (ms, run) => right.after(ms, run), sleep: (ms, signal) => right.sleep(ms, signal) }
    return new MajorityBucket(copies.map((bucket, i) => flakyBucket(bucket, this.clock, this.random.fork(), this.flakiness[i]!)), { clock, random: this.random.fork() }, maxAgeMs)
  }

  /** The outcome while time passes. */
  async when<A>(asked: Promise<A>): Promise<A> {
    let isOver = false
    const settled = asked.finally(() => (isOver = true))
    settled.catch(() => undefined)
    for (let i = 0; i < 1_000 && !isOver; i++) await this.clock.run(10)
    return settled
  }
}

const text = (bucket: KvBucket): Promise<string | undefined> => bucket.get('k').then((entry) => entry?.value.toString())

describe('a majority bucket', () => {
  it('serves with any one of its copies away, and says so when two are', async () => {
    const three = new ThreeBuckets(1)
    const [a, b] = [await three.writer(), await three.writer()]
    for (const away of [0, 1, 2]) {
      three.flakiness[away]!.lossRatio = 1
      const revision = await three.when(a.put('k', Buffer.from(`a${away}`)))
      expect(await three.when(b.update('k', Buffer.from(`b${away}`), revision))).toBeGreaterThan(revision)
      expect(await three.when(text(a))).toBe(`b${away}`)
      three.flakiness[away]!.lossRatio = 0
    }
    for (const away of [0, 1]) three.flakiness[away]!.lossRatio = 1
    await expect(three.when(a.put('k', Buffer.from('x')))).rejects.toMatchObject({ code: 'storage_unavailable' })
    await expect(three.when(text(b))).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('tells a watcher of each write once and in order, also of one that a copy learnt late', async () => {
    const three = new ThreeBuckets(2)
    const [a, b] = [await three.writer(), await three.writer()]
    const seen: string[] = []
    b.watch('', (event) => seen.push(event.kind === 'put' ? event.entry.value.toString() : `-${event.key}`), () => seen.push('ready'))
    await three.clock.run(10)
    three.flakiness[0]!.delayMaxMs = 50
    for (const value of ['1', '2', '3']) await three.when(a.put('k', Buffer.from(value)))
    await three.when(a.delete('k'))
    await three.clock.run(1_000)
    expect(seen).toEqual(['ready', '1', '2', '3', '-k'])
  })

  it('lets a writer win whose clock is a day behind', async () => {
    const three = new ThreeBuckets(4)
    const [ahead, right] = [await three.writer({ skewMs: 86_400_000 }), await three.writer()]
    const first = await three.when(ahead.put('k', Buffer.from('1')))
    const second = await three.when(right.update('k', Buffer.from('2'), first))
    expect(second).toBeGreaterThan(first)
    expect(await three.when(ahead.update('k', Buffer.from('3'), second!))).toBeGreaterThan(second!)
  })

  it('carries on what it left with a minority, and knows then that it was written', async () => {
    const three = new ThreeBuckets(5)
    const [a, b] = [await three.writer(), await three.writer()]
    const revision = await three.when(a.put('k', Buffer.from('1')))
    await three.clock.run(100)
    // Another asks for a promise, which one copy does not hear of, and writes nothing.
    three.flakiness[2]!.lossRatio = 1
    expect(await three.when(b.update('k', Buffer.from('no'), 1))).toBeNull()
    Object.assign(three.flakiness[2]!, { lossRatio: 0 })
    three.flakiness[0]!.delayMaxMs = 200
    expect(await three.when(a.update('k', Buffer.from('2'), revision))).toBeGreaterThan(revision)
    expect(await three.when(text(b))).toBe('2')
  })

  it('tells of a key that had gone by its age and is written again by a clock a day behind the one before', async () => {
    const three = new ThreeBuckets(3)
    const maxAgeMs = 30_000
    const [ahead, watcher, right] = [await three.writer({ skewMs: 86_400_000, maxAgeMs }), await three.writer({ maxAgeMs }), await three.writer({ maxAgeMs })]
    const seen: string[] = []
    watcher.watch('', (event) => seen.push(event.kind === 'put' ? event.entry.value.toString() : `-${event.key}`))
    await three.when(ahead.put('k', Buffer.from('before')))
    await three.clock.run(maxAgeMs + 1_000)
    expect(await three.when(text(right))).toBeUndefined()
    await three.when(right.put('k', Buffer.from('after')))
    await three.clock.run(100)
    expect(seen).toEqual(['before', '-k', 'after'])
  })

  it.each(Array.from({ length: 60 }, (_, i) => i + 1))('lets one writer win each compare-and-set, whatever is lost or late: seed %i', async (seed) => {
    const three = new ThreeBuckets(seed)
    const writers = [await three.writer(), await three.writer(), await three.writer()]
    const setup = await three.when(writers[0]!.put('k', Buffer.from('start')))
    for (const flakiness of three.flakiness) Object.assign(flakiness, { lossRatio: 0.1, delayMaxMs: 40 })
    /** Revision written over -> revision, of writes that were won. */
    const won = new Map<number, number>()
    /** What others wrote over, and what was said not to be written. */
    const [followed, refused] = [new Set<string>(), new Set<string>()]
    const work = writers.map(async (bucket, name) => {
      for (let i = 0; i < 15; i++) {
        const entry = await bucket.get('k').catch(() => null)
        if (entry === null) continue
        const { revision } = entry
        const written = await bucket.update('k', Buffer.from(`${name}.${i}`), revision).catch(() => undefined)
        if (written === null) refused.add(`${name}.${i}`)
        if (written === null || written === undefined) continue
        followed.add(entry.value.toString())
        expect(won.has(revision)).toBe(false)
        expect(written).toBeGreaterThan(revision)
        won.set(revision, written)
      }
    })
    await three.when(Promise.all(work))
    expect(won.size).toBeGreaterThan(0)
    expect(Math.min(...won.keys())).toBeGreaterThanOrEqual(setup)
    expect([...followed].filter((value) => refused.has(value))).toEqual([])
  })
})
