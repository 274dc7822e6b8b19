/**
 * F1, F3, F4 under a seed: owners of one partition with rising epochs read, put, commit and purge in random interleavings, die between any two
 * steps, and repeat any step. Whatever happens, every record is in exactly one named segment, and the bucket alone tells the same.
 */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { openKvCatalog } from '../../storage/catalog-kv.ts'
import { rebuildCatalog } from '../../storage/catalog-rebuild.ts'
import { type Catalog, FencedError, type SegmentEntry } from '../../storage/catalog.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import type { ObjectInfo } from '../../storage/object-store.ts'
import { OrphanCollector } from '../../storage/orphans.ts'
import { MemoryWal } from '../../storage/wal-memory.ts'
import { all } from '../conformance/object-store.ts'
import { segment } from '../conformance/catalog.ts'

const P = 3
const SEEDS = 80
const STEPS = 250

/** Back-off takes no time here: interleaving is what the test is about. */
class HastyClock extends ManualClock {
  override sleep(): Promise<void> {
    return Promise.resolve()
  }
}

class World {
  readonly random: SeededRandom
  readonly clock = new HastyClock()
  readonly wal = new MemoryWal()
  readonly store = new MemoryObjectStore(this.clock)
  readonly kv: MemoryKvServer
  readonly appended: number[] = []
  orphaned = 0
  fenced = 0
  epochs = 0

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.kv = new MemoryKvServer(this.clock, this.random)
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  catalog(): Promise<Catalog> {
    return openKvCatalog(this.kv.connect(), { clock: this.clock, random: this.random })
  }

  async append(): Promise<void> {
    const id = this.appended.length
    await this.wal.append(P, `r${id}`, Buffer.from(String(id).padStart(8, '0')), 1000)
    this.appended.push(id)
  }

  /** An owner's life, one step at a time. Ends when fenced. */
  async *owner(): AsyncGenerator<void> {
    const epoch = ++this.epochs
    const catalog = await this.catalog()
    try {
      let { checkpoint } = await catalog.claim(P, epoch)
      yield
      // The one before may have died between commit and purge.
      await this.wal.purge(P, checkpoint)
      yield
      for (;;) {
        const records = await this.wal.read(P, checkpoint + 1, 8 + this.random.below(80))
        yield
        const last = records.at(-1)?.sequence
        if (last === undefined) continue
        // Purged beyond what this owner knows to be stored: somebody newer stored it. Going on would put an object with a hole in it.
        if (records[0]!.sequence > checkpoint + 1) await catalog.claim(P, epoch)
        const made = segment(P, checkpoint + 1, last)
        const body = Buffer.from(JSON.stringify(records.map((r) => r.bytes.toString())))
        yield* this.#repeatedly(() => this.store.put(made.key, body))
        yield* this.#repeatedly(() => catalog.commit(P, epoch, last, made))
        yield* this.#repeatedly(() => this.wal.purge(P, last))
        checkpoint = last
      }
    } catch (error) {
      if (!(error instanceof FencedError)) throw error
      this.fenced++
    } finally {
      await catalog.close()
    }
  }

  async *#repeatedly(step: () => Promise<unknown>): AsyncGenerator<void> {
    do {
      await step()
      yield
    } while (this.chance(0.2))
  }

  async idsOf(segments: ReadonlyArray<SegmentEntry>): Promise<number[]> {
    const bodies = await Promise.all(segments.map(async ({ key }) => this.store.getRange(key, 0, (await this.store.head(key)).sizeBytes)))
    return bodies.flatMap((body) => (JSON.parse(body.toString()) as string[]).map(Number))
  }
}

async function play(seed: number): Promise<World> {
  const world = new World(seed)
  let owners: Array<AsyncGenerator<void>> = [world.owner()]
  const step = async (owner: AsyncGenerator<void>): Promise<void> => {
    if ((await owner.next()).done === true) owners = owners.filter((o) => o !== owner)
  }
  for (let i = 0; i < STEPS; i++) {
    if (world.chance(0.4)) await world.append()
    // A crash is an owner that is never asked again; now and then its successor starts while it still lives.
    if (world.chance(0.03)) owners.splice(world.random.below(owners.length), 1)
    if (owners.length === 0 || (owners.length < 3 && world.chance(0.03))) owners.push(world.owner())
    const picked = new Set(Array.from({ length: 1 + world.random.below(2) }, () => owners[world.random.below(owners.length)]!))
    await Promise.all([...picked].map(step))
  }
  await drain(world)
  return world
}

/** One last owner takes over and flushes everything. */
async function drain(world: World): Promise<void> {
  const owner = world.owner()
  do await owner.next()
  while ((await world.wal.state(P)).sizeBytes > 0)
}

describe('flush steps in any order (F1, F3)', () => {
  it(`stores every record exactly once over ${SEEDS} seeds, and the bucket alone tells the same (F4)`, async () => {
    const seen = { orphans: 0, fenced: 0, crashes: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = await play(seed)
      const catalog = await world.catalog()
      const { segments, checkpoint } = catalog.current(P)
      expect(await world.idsOf(segments), `seed ${seed}`).toEqual(world.appended)
      expect(segments.every((s, i) => s.first === (segments[i - 1]?.last ?? 0) + 1)).toBe(true)
      expect(checkpoint).toBe(world.appended.length)

      const objects = await all(world.store.list('segments/'))
      seen.orphans += objects.length - segments.length
      seen.fenced += world.fenced
      seen.crashes += world.epochs - world.fenced
      const rebuilt = await rebuiltFrom(world)
      expect(await world.idsOf(rebuilt.segments), `rebuilt, seed ${seed}`).toEqual(world.appended)

      const collector = new OrphanCollector(world.store, catalog, world.clock, 60_000)
      expect(await collector.sweep()).toMatchObject({ orphanCount: objects.length - segments.length, deleted: [] })
      world.clock.advance(60_000)
      await collector.sweep()
      expect((await all(world.store.list('segments/'))).map((o) => o.key)).toEqual(segments.map((s) => s.key))
    }
    // The rare paths must have run, or the test proves nothing.
    expect(seen.orphans).toBeGreaterThan(SEEDS / 3)
    expect(seen.fenced).toBeGreaterThan(SEEDS)
    expect(seen.crashes).toBeGreaterThan(SEEDS)
  })
})

/** Rebuilds into an empty KV. */
async function rebuiltFrom(world: World): Promise<{ segments: ReadonlyArray<SegmentEntry> }> {
  const server = new MemoryKvServer(world.clock, world.random)
  await rebuildCatalog(world.store, server.connect(), { readEntry: entryByName })
  const catalog = await openKvCatalog(server.connect(), { clock: world.clock, random: world.random })
  return catalog.current(P)
}

async function entryByName({ key }: ObjectInfo): Promise<SegmentEntry> {
  const [, partition, first, last] = /p(\d+)\/(\d+)-(\d+)/.exec(key)!.map(Number)
  return segment(partition!, first!, last!)
}
