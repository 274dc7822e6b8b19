/** F4 with real segments: the bucket alone is enough, and bad objects do not stop it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { type MemoryKv, MemoryKvServer } from '../../runtime/kv-memory.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { openKvCatalog } from '../../storage/catalog-kv.ts'
import { rebuildCatalog } from '../../storage/catalog-rebuild.ts'
import type { Catalog } from '../../storage/catalog.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { OrphanCollector } from '../../storage/orphans.ts'
import { type EncodedSegment, encodeSegment } from '../../storage/segment-encode.ts'
import { all } from '../conformance/object-store.ts'
import { TestPartition } from '../support/cuts.ts'
import { FaultyStore } from '../support/object-store-faults.ts'

function encoded(first: number, last: number): EncodedSegment {
  const partition = new TestPartition()
  const entries = Array.from({ length: last - first + 1 }, (_, i) => ({ ns: 1_700_000_000_000_000_000n + BigInt(first + i), line: Buffer.from(`line ${first + i}`) }))
  partition.push('acme', [{ labels: '{app="a"}', entries }])
  return encodeSegment(partition.cut({ first, last }), () => null)
}

describe('catalog rebuild', () => {
  const clock = new ManualClock()
  let store: MemoryObjectStore
  let kv: MemoryKv
  const catalogOf = (): Promise<Catalog> => openKvCatalog(kv, { clock, random: new SeededRandom(1) })
  const put = async (segment: EncodedSegment): Promise<EncodedSegment> => {
    await store.put(segment.entry.key, segment.bytes)
    return segment
  }

  beforeEach(() => {
    store = new MemoryObjectStore(clock)
    kv = new MemoryKvServer(clock, new SeededRandom(1)).connect()
  })

  it('makes the same catalog from the footers as the commits made', async () => {
    const segments = [await put(encoded(1, 10)), await put(encoded(11, 30)), await put(encoded(31, 31))]
    expect(await rebuildCatalog(store, kv)).toEqual({
      partitions: [{ partition: 3, checkpoint: 31, segmentCount: 3, rowCount: 31, outcome: 'written' }],
      dropped: [],
      unreadable: [],
    })
    const catalog = await catalogOf()
    expect(catalog.current(3)).toEqual({ partition: 3, epoch: 0, checkpoint: 31, segments: segments.map((s) => s.entry) })
    expect(await catalog.claim(3, 1)).toMatchObject({ checkpoint: 31, epoch: 1 })
  })

  it('passes over objects that are not whole segments, and says which', async () => {
    await put(encoded(1, 10))
    const cut = encoded(11, 20)
    await store.put(cut.entry.key, cut.bytes.subarray(0, cut.bytes.length - 30))
    await store.put('segments/p3/garbage.seg', Buffer.alloc(3))
    await store.put('segments/p4/0000000000000001-0000000000000010.seg', encoded(1, 10).bytes)
    const { partitions, unreadable } = await rebuildCatalog(store, kv)
    expect(partitions).toEqual([{ partition: 3, checkpoint: 10, segmentCount: 1, rowCount: 10, outcome: 'written' }])
    expect(unreadable.map((u) => u.key).sort()).toEqual([cut.entry.key, 'segments/p3/garbage.seg', 'segments/p4/0000000000000001-0000000000000010.seg'])
    expect(unreadable.find((u) => u.key.startsWith('segments/p4'))?.reason).toContain('segments/p3')
  })

  it('leaves an existing head alone unless it is told otherwise, and then keeps its epoch', async () => {
    const first = await put(encoded(1, 10))
    const catalog = await catalogOf()
    await catalog.claim(3, 7)
    await catalog.commit(3, 7, 10, first.entry)
    await put(encoded(11, 20))
    expect((await rebuildCatalog(store, kv)).partitions).toMatchObject([{ outcome: 'existing' }])
    expect(catalog.current(3).checkpoint).toBe(10)
    expect((await rebuildCatalog(store, kv, { replace: true })).partitions).toMatchObject([{ outcome: 'written', checkpoint: 20 }])
    expect(await catalog.waitFor(3, 20, 1000)).toMatchObject({ epoch: 7, checkpoint: 20 })
  })

  it('replaces a head that cannot be read', async () => {
    await put(encoded(1, 10))
    const bucket = await kv.bucket({ name: 'skald_catalog' })
    await bucket.put('p.3', Buffer.from('not a head'))
    await expect(rebuildCatalog(store, kv)).rejects.toMatchObject({ code: 'storage_corrupt' })
    expect((await rebuildCatalog(store, kv, { replace: true })).partitions).toMatchObject([{ outcome: 'written', checkpoint: 10 }])
  })

  it('stops with storage_unavailable when the bucket is out of reach, having written nothing', async () => {
    await put(encoded(1, 10))
    const faulty = new FaultyStore(store, (operation) => (operation === 'getRange' ? 'refuse' : undefined))
    await expect(rebuildCatalog(faulty, kv)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect((await catalogOf()).partitions()).toEqual([])
  })
})

describe('orphans', () => {
  const clock = new ManualClock()
  const GRACE_MS = 3_600_000

  it('go after their grace, and only behind the checkpoint; a lost catalog condemns nothing', async () => {
    const store = new MemoryObjectStore(clock)
    const server = new MemoryKvServer(clock, new SeededRandom(1))
    const catalog = await openKvCatalog(server.connect(), { clock, random: new SeededRandom(1) })
    const collector = new OrphanCollector(store, catalog, clock, GRACE_MS)
    const [kept, stale, ahead] = [encoded(1, 10), encoded(1, 7), encoded(11, 15)]
    for (const { entry, bytes } of [kept, stale, ahead]) await store.put(entry.key, bytes)
    await store.put('segments/p3/README', Buffer.from('not ours'))
    await collector.sweep()
    clock.advance(GRACE_MS)
    // Nothing is known of the partition yet: nothing is an orphan.
    expect(await collector.sweep()).toEqual({ orphanCount: 0, orphanBytes: 0, deleted: [] })
    await catalog.claim(3, 1)
    await catalog.commit(3, 1, 10, kept.entry)
    expect(await collector.sweep()).toEqual({ orphanCount: 1, orphanBytes: stale.bytes.length, deleted: [] })
    clock.advance(GRACE_MS - 1)
    expect((await collector.sweep()).deleted).toEqual([])
    clock.advance(1)
    expect((await collector.sweep()).deleted).toEqual([stale.entry.key])
    expect((await all(store.list('segments/'))).map((o) => o.key)).toEqual([kept.entry.key, ahead.entry.key, 'segments/p3/README'])
  })

  it('are spared when the catalog names them again before the end', async () => {
    const store = new MemoryObjectStore(clock)
    const server = new MemoryKvServer(clock, new SeededRandom(1))
    const catalog = await openKvCatalog(server.connect(), { clock, random: new SeededRandom(1) })
    const collector = new OrphanCollector(store, catalog, clock, GRACE_MS)
    const segment = encoded(1, 10)
    await store.put(segment.entry.key, segment.bytes)
    await catalog.claim(3, 1)
    await catalog.commit(3, 1, 10, null)
    expect(await collector.sweep()).toMatchObject({ orphanCount: 1, deleted: [] })
    await rebuildCatalog(store, server.connect(), { replace: true })
    clock.advance(GRACE_MS)
    expect(await collector.sweep()).toMatchObject({ orphanCount: 0, deleted: [] })
  })

  it('are spared when the catalog names them again while the bucket is looked through', async () => {
    const store = new MemoryObjectStore(clock)
    const server = new MemoryKvServer(clock, new SeededRandom(1))
    const catalog = await openKvCatalog(server.connect(), { clock, random: new SeededRandom(1) })
    const collector = new OrphanCollector(store, catalog, clock, GRACE_MS)
    const segment = encoded(1, 10)
    await store.put(segment.entry.key, segment.bytes)
    await catalog.claim(3, 1)
    await catalog.commit(3, 1, 10, null)
    await collector.sweep()
    clock.advance(GRACE_MS)
    const list = store.list.bind(store)
    store.list = async function* (prefix, signal) {
      yield* list(prefix, signal)
      store.list = list
      await rebuildCatalog(store, server.connect(), { replace: true })
    }
    expect(await collector.sweep()).toMatchObject({ deleted: [] })
    expect(await all(store.list('segments/'))).toHaveLength(1)
  })
})
