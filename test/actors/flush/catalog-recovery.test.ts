/** A start without a catalog makes it again (F4); a start with one does not look into the bucket, whatever its size (F2). */
import { expect, it } from 'vitest'
import { rebuildLostCatalog } from '../../../actors/flush/catalog-recovery.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { MemoryKvServer } from '../../../runtime/kv-memory.ts'
import { silentLogger } from '../../../runtime/log.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { openKvCatalog } from '../../../storage/catalog-kv.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { encodeSegment } from '../../../storage/segment-encode.ts'
import { TestPartition } from '../../support/cuts.ts'

const clock = new ManualClock()
const random = new SeededRandom(1)

it('rebuilds the catalog once, and lists no object while there is one', async () => {
  const kv = new MemoryKvServer(clock, random).connect()
  const partition = new TestPartition()
  partition.push('acme', [{ labels: '{app="a"}', entries: [{ ns: 1n, line: Buffer.from('x') }] }])
  const { entry, bytes } = encodeSegment(partition.cut({ first: 1, last: 1 }), () => null)
  let lists = 0
  const store = new MemoryObjectStore(clock)
  const list = store.list.bind(store)
  store.list = (prefix, signal) => {
    lists++
    return list(prefix, signal)
  }
  await store.put(entry.key, bytes)
  await rebuildLostCatalog(store, kv, 1, silentLogger)
  expect(lists).toBe(1)
  const catalog = await openKvCatalog(kv, { clock, random })
  expect(catalog.current(entry.partition).segments).toEqual([entry])
  await rebuildLostCatalog(store, kv, 1, silentLogger)
  expect(lists).toBe(1)
  await catalog.close()
})

it('names the setting when there is no catalog and the bucket does not answer', async () => {
  const store = new MemoryObjectStore(clock)
  store.list = () => {
    throw new SkaldError('storage_unavailable', 'object store: list segments/ failed: connect ECONNREFUSED')
  }
  const started = rebuildLostCatalog(store, new MemoryKvServer(clock, random).connect(), 1, silentLogger)
  await expect(started).rejects.toThrow('there is no catalog yet, and the segments of object_store.url cannot be listed to make it: object store: list')
})
