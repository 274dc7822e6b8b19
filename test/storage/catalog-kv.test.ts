/** A node's copy of the catalog while its watch is late or silent. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { Kv } from '../../runtime/kv.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { openKvCatalog } from '../../storage/catalog-kv.ts'
import { segment } from '../conformance/catalog.ts'

const P = 3

/** The same buckets; what their watches bring is held back until `deliverNext`, which says whether there was anything. */
function withHeldWatches(kv: Kv): { kv: Kv; deliverNext(): boolean } {
  const held: Array<() => true> = []
  return {
    deliverNext: () => held.shift()?.() ?? false,
    kv: {
      close: () => kv.close(),
      bucket: async (options) => {
        const bucket = await kv.bucket(options)
        return {
          get: (key) => bucket.get(key),
          keys: (prefix) => bucket.keys(prefix),
          create: (key, value) => bucket.create(key, value),
          update: (key, value, revision) => bucket.update(key, value, revision),
          put: (key, value) => bucket.put(key, value),
          delete: (key, revision) => bucket.delete(key, revision),
          watch: (prefix, on, ready) => bucket.watch(prefix, (event) => void held.push(() => (on(event), true)), ready),
        }
      },
    },
  }
}

describe('a copy of the catalog', () => {
  const clock = new ManualClock()
  const random = new SeededRandom(1)

  it('does not go back when its watch brings what is older than its own writes', async () => {
    const { kv, deliverNext } = withHeldWatches(new MemoryKvServer(clock, random).connect())
    const catalog = await openKvCatalog(kv, { clock, random })
    await catalog.claim(P, 1)
    await catalog.claim(P, 2)
    await catalog.commit(P, 2, 10, segment(P, 1, 10))
    await catalog.claim(P, 3)
    const newest = catalog.current(P)
    expect(newest).toMatchObject({ epoch: 3, checkpoint: 10 })
    await clock.run(1_000)
    expect(deliverNext()).toBe(true)
    do expect(catalog.current(P)).toEqual(newest)
    while (deliverNext())
    await catalog.close()
  })

  it('is fetched when its watch does not bring what is waited for', async () => {
    const server = new MemoryKvServer(clock, random)
    const [owner, reader] = [await openKvCatalog(server.connect(), { clock, random }), await openKvCatalog(withHeldWatches(server.connect()).kv, { clock, random })]
    await owner.claim(P, 1)
    await owner.commit(P, 1, 10, segment(P, 1, 10))
    const waiting = reader.waitFor(P, 10, 20_000)
    await clock.run(1_000)
    expect(await waiting).toMatchObject({ checkpoint: 10, segments: [segment(P, 1, 10)] })
    await Promise.all([owner.close(), reader.close()])
  })
})
