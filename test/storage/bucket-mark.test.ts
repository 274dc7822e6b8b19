/** F3: a bucket has one cluster. Who comes second is refused while the first lives; a bucket whose cluster is gone is taken, and whoever comes back is told. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import type { SkaldError } from '../../runtime/errors.ts'
import { MemoryKv, MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { KvBucket } from '../../runtime/kv.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { type Mark, readMark, takeBucket } from '../../storage/bucket-mark.ts'
import { BucketMarkWatch } from '../../storage/bucket-mark-watch.ts'
import { CatalogHeads } from '../../storage/catalog-heads.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { segment } from '../conformance/catalog.ts'
import { FaultyStore } from '../support/object-store-faults.ts'

const LONG_MS = 120_000
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

let clock: ManualClock
let random: SeededRandom
let store: MemoryObjectStore
let watches: BucketMarkWatch[]
beforeEach(() => {
  clock = new ManualClock()
  random = new SeededRandom(7)
  store = new MemoryObjectStore(clock)
  watches = []
})
afterEach(() => {
  for (const watch of watches) watch.close()
})

/** Another NATS, which knows nothing yet. */
const newNats = (): Promise<KvBucket> => new MemoryKv(new MemoryKvServer(clock, random)).bucket({ name: 'catalog' })

/** A node's start; time passes while it waits. */
async function start(kv: KvBucket, { isAlone = false, bucket = store as FaultyStore | MemoryObjectStore } = {}): Promise<{ readonly cluster?: string; readonly refused?: SkaldError; readonly waitedMs: number }> {
  const from = clock.monotonicMs()
  let outcome: { cluster: string } | { refused: SkaldError } | undefined
  takeBucket({ store: bucket, kv, clock, random }, { isAlone, onWait: () => {} }).then(
    (cluster) => (outcome = { cluster }),
    (refused: SkaldError) => (outcome = { refused }),
  )
  while (outcome === undefined) await clock.run(100)
  return { ...outcome, waitedMs: clock.monotonicMs() - from }
}

/** Lives from now on. */
function watch(kv: KvBucket, cluster: string): string[] {
  const takenBy: string[] = []
  watches.push(new BucketMarkWatch({ store, kv, clock, random, log: silent }, cluster, (by) => takenBy.push(by)))
  return takenBy
}

const markOf = (): Promise<Mark | null> => readMark(store)

describe('a bucket', () => {
  it('is marked by the first node, and every other one of its cluster finds that', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    expect(cluster).toMatch(/^[0-9a-f]{16}$/)
    expect(await markOf()).toEqual({ cluster })
    expect(await start(kv)).toMatchObject({ cluster, waitedMs: 100 })
  })

  it('is waited for while NATS elects who tells of it', async () => {
    const nats = new MemoryKv(new MemoryKvServer(clock, random))
    const kv = await nats.bucket({ name: 'catalog' })
    nats.setOnline(false)
    clock.after(9_000, () => nats.setOnline(true))
    const { cluster, waitedMs } = await start(kv)
    expect(waitedMs).toBeGreaterThan(8_000)
    expect(await markOf()).toEqual({ cluster })
  })

  it('has one name when nodes start at one time', async () => {
    const kv = await newNats()
    const clusters = await Promise.all([1, 2, 3].map(() => start(kv).then((started) => started.cluster)))
    expect(new Set(clusters).size).toBe(1)
    expect(await markOf()).toEqual({ cluster: clusters[0] })
  })

  it('is refused to a second cluster while a node of the first lives, and its mark stays', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    watch(kv, cluster!)
    const { refused, waitedMs } = await start(await newNats())
    expect(refused).toMatchObject({ code: 'setup', message: `object_store.url is in use by cluster ${cluster}, which nats.url does not lead to: two clusters cannot share a bucket and prefix` })
    expect(waitedMs).toBeLessThan(20_000)
    expect(await markOf()).toEqual({ cluster })
  })

  it('is refused also while the first cluster has no NATS', async () => {
    const nats = new MemoryKv(new MemoryKvServer(clock, random))
    const kv = await nats.bucket({ name: 'catalog' })
    const { cluster } = await start(kv)
    watch(kv, cluster!)
    nats.setOnline(false)
    expect((await start(await newNats())).refused).toMatchObject({ code: 'setup' })
  })

  it('is taken when its cluster does not answer, by all nodes of one other', async () => {
    const { cluster: lost } = await start(await newNats())
    const kv = await newNats()
    const started = await Promise.all([start(kv), start(kv)])
    expect(started[0]!.waitedMs).toBeGreaterThan(30_000)
    expect(started[0]!.cluster).not.toBe(lost)
    expect(started[1]!.cluster).toBe(started[0]!.cluster)
    expect(await markOf()).toEqual({ cluster: started[0]!.cluster })
  })

  it('is taken at once by a node that has it to itself', async () => {
    const { cluster: lost } = await start(await newNats())
    const { cluster, waitedMs } = await start(await newNats(), { isAlone: true })
    expect(cluster).not.toBe(lost)
    expect(waitedMs).toBe(100)
  })

  it('that was taken is not given back: who comes late is told, and does not start again', async () => {
    const old = await newNats()
    const { cluster: lost } = await start(old)
    const { cluster } = await start(await newNats())
    const takenBy = watch(old, lost!)
    await clock.run(LONG_MS)
    expect(takenBy[0]).toBe(cluster)
    expect((await start(old)).refused).toMatchObject({ code: 'setup', message: expect.stringContaining(`the bucket of cluster ${cluster} (its cluster.json says so), but nats.url leads to cluster ${lost}`) })
    expect(await markOf()).toEqual({ cluster })
  })

  it('is taken in the end by who died in the middle of it', async () => {
    await start(await newNats())
    const kv = await newNats()
    let mayPut = 1
    // The question, but not the mark.
    const dying = new FaultyStore(store, (operation) => (operation === 'put' && mayPut-- <= 0 ? 'refuse' : undefined))
    expect((await start(kv, { bucket: dying })).refused).toBeDefined()
    const { cluster, waitedMs } = await start(kv)
    expect(waitedMs).toBe(100)
    expect(await markOf()).toEqual({ cluster })
  })

  it('gets its mark back when that was deleted, and NATS its name', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    watch(kv, cluster!)
    await store.delete(['cluster.json'])
    await kv.delete('cluster')
    await clock.run(LONG_MS)
    expect(await markOf()).toEqual({ cluster })
    expect(await start(kv)).toMatchObject({ cluster, waitedMs: 100 })
  })

  it('is not kept from a cluster whose catalog was lost while its nodes live', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    watch(kv, cluster!)
    await kv.delete('cluster')
    expect((await start(kv)).cluster).toBe(cluster)
  })

  it('without the mark is the right one when the newest segment is there, and a wrong one when not', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    const newest = segment(3, 1, 10)
    await new CatalogHeads(kv).write(3, { epoch: 1, checkpoint: 10, pages: [], segments: [newest] }, null)
    await store.delete(['cluster.json'])
    expect((await start(kv)).refused).toMatchObject({ code: 'setup', message: expect.stringContaining(`neither its cluster.json is there, nor ${newest.key}`) })
    await store.put(newest.key, Buffer.from('a segment'))
    expect((await start(kv)).cluster).toBe(cluster)
    expect(await markOf()).toEqual({ cluster })
  })

  it('that is away keeps no node of its cluster from starting, but the first of a new one', async () => {
    const kv = await newNats()
    const { cluster } = await start(kv)
    const away = new FaultyStore(store, () => 'refuse')
    expect((await start(kv, { bucket: away })).cluster).toBe(cluster)
    expect((await start(await newNats(), { bucket: away })).refused).toMatchObject({ code: 'storage_unavailable', message: expect.stringMatching(/^object_store\.url does not tell whose bucket it is: /) })
  })

  it('with something else in the place of its mark is left alone', async () => {
    await store.put('cluster.json', Buffer.from('{}'))
    expect((await start(await newNats())).refused).toMatchObject({ code: 'storage_corrupt', message: 'object_store.url does not tell whose bucket it is: object cluster.json is no mark of a cluster' })
  })
})
