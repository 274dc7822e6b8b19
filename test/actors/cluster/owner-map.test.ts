/** Announcements: the later epoch stands, in whatever order they are written and heard, and who writes one does not ask for it again and again (R2). */
import { describe, expect, it } from 'vitest'
import { OwnerMap } from '../../../actors/cluster/owner-map.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { copyNames, MajorityBucket } from '../../../runtime/kv-majority.ts'
import { MemoryKvServer } from '../../../runtime/kv-memory.ts'
import type { KvBucket } from '../../../runtime/kv.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'

const PARTITION = 3

class World {
  readonly clock = new ManualClock()
  readonly random = new SeededRandom(1)
  readonly server = new MemoryKvServer(this.clock, this.random.fork())
  /** How late a node hears what is written. */
  lateMs = 0
  isAway = false
  gets = 0

  async map(): Promise<OwnerMap> {
    const inner = await this.server.connect().bucket({ name: 'leases' })
    const reach = async <A>(operate: () => Promise<A>): Promise<A> => {
      if (this.isAway) throw new SkaldError('storage_unavailable', 'away')
      return operate()
    }
    const bucket: KvBucket = {
      get: (key) => (this.gets++, reach(() => inner.get(key))),
      keys: (prefix) => inner.keys(prefix),
      create: (key, value) => reach(() => inner.create(key, value)),
      update: (key, value, revision) => reach(() => inner.update(key, value, revision)),
      put: (key, value) => inner.put(key, value),
      delete: (key, revision) => inner.delete(key, revision),
      watch: (prefix, on, ready) => inner.watch(prefix, (event) => void this.clock.after(this.lateMs, () => on(event)), ready),
    }
    const map = new OwnerMap({ bucket, clock: this.clock, random: this.random.fork() })
    await this.clock.run(1)
    await map.ready
    return map
  }
}

describe('the map of owners', () => {
  it('repeats what this node has announced, so that copies which were lost one after the other have it again', async () => {
    const world = new World()
    const { clock, random, server } = world
    const majority = async (): Promise<OwnerMap> => {
      const kv = server.connect()
      const map = new OwnerMap({ bucket: new MajorityBucket(await Promise.all(copyNames('leases').map((name) => kv.bucket({ name }))), { clock, random: random.fork() }), clock, random: random.fork() })
      await clock.run(1)
      await map.ready
      return map
    }
    const [owner, other] = [await majority(), await majority()]
    const told: number[] = []
    other.onChange((partition) => told.push(partition))
    void owner.announce(PARTITION, { node: 'a', epoch: 4 })
    await clock.run(1_000)
    for (const copy of copyNames('leases')) {
      server.wipe(copy)
      await clock.run(100_000)
    }
    const later = await majority()
    expect(later.ownerOf(PARTITION)).toEqual({ node: 'a', epoch: 4 })
    later.close()
    expect(told).toEqual([PARTITION])
    // Whose partition has another owner says nothing of it any more.
    void other.announce(PARTITION, { node: 'b', epoch: 5 })
    await clock.run(1_000)
    const revision = (await (await server.connect().bucket({ name: copyNames('leases')[0]! })).get(`serving.${PARTITION}`))!.revision
    other.close()
    await clock.run(200_000)
    expect((await (await server.connect().bucket({ name: copyNames('leases')[0]! })).get(`serving.${PARTITION}`))!.revision).toBe(revision)
    owner.close()
    await clock.run(200_000)
    expect(clock.pending).toBe(0)
  })

  it('knows at once what it has announced, and what stands in its way, before its watch brings it', async () => {
    const world = new World()
    const [a, b] = [await world.map(), await world.map()]
    const told: number[] = []
    a.onChange((partition) => told.push(partition))
    world.lateMs = 5_000
    await a.announce(PARTITION, { node: 'a', epoch: 4 })
    expect([a.ownerOf(PARTITION), told]).toEqual([{ node: 'a', epoch: 4 }, [PARTITION]])
    await b.announce(PARTITION, { node: 'b', epoch: 3 })
    expect(b.ownerOf(PARTITION)).toEqual({ node: 'a', epoch: 4 })
    await world.clock.run(10_000)
    // The watch has nothing new to say.
    expect(told).toEqual([PARTITION])
  })

  it('lets the later epoch stand, whoever writes first', async () => {
    const world = new World()
    const [a, b, c] = [await world.map(), await world.map(), await world.map()]
    const announced = [b.announce(PARTITION, { node: 'b', epoch: 5 }), a.announce(PARTITION, { node: 'a', epoch: 4 }), c.announce(PARTITION, { node: 'c', epoch: 6 })]
    await world.clock.run(5_000)
    await Promise.all(announced)
    for (const map of [a, b, c]) expect(map.ownerOf(PARTITION)).toEqual({ node: 'c', epoch: 6 })
  })

  it('tries again until it can be written, and gives up when it is closed', async () => {
    const world = new World()
    const [a, b] = [await world.map(), await world.map()]
    world.isAway = true
    let ended = 0
    void a.announce(PARTITION, { node: 'a', epoch: 1 }).then(() => ended++)
    void b.announce(PARTITION + 1, { node: 'b', epoch: 1 }).then(() => ended++)
    await world.clock.run(10_000)
    expect(ended).toBe(0)
    // 50 ms and twice as much each time, up to two seconds.
    expect(world.gets).toBeLessThan(40)
    b.close()
    world.isAway = false
    await world.clock.run(3_000)
    expect([ended, a.ownerOf(PARTITION), a.ownerOf(PARTITION + 1)]).toEqual([2, { node: 'a', epoch: 1 }, undefined])
  })

  it('forgets what is gone, and passes over what no node wrote', async () => {
    const world = new World()
    const a = await world.map()
    const bucket = await world.server.connect().bucket({ name: 'leases' })
    await a.announce(PARTITION, { node: 'a', epoch: 1 })
    expect([a.count, a.nodes(PARTITION + 2)]).toEqual([PARTITION + 1, [undefined, undefined, undefined, 'a', undefined]])
    await bucket.put('serving.x', Buffer.from('{}'))
    await bucket.put(`serving.${PARTITION}`, Buffer.from('{"node":1}'))
    await world.clock.run(10)
    expect([a.ownerOf(PARTITION), a.count]).toEqual([undefined, 0])
  })
})
