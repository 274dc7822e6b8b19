/** What the catalog promises over any KV store (F1, F3, Q1). Run over memory and JetStream. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import type { Kv } from '../../runtime/kv.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { CATALOG_BUCKET, openKvCatalog } from '../../storage/catalog-kv.ts'
import { type Catalog, FencedError, type SegmentEntry } from '../../storage/catalog.ts'
import { segmentKey } from '../../storage/segment-format.ts'

export interface CatalogWorld {
  /** Another node's connection. */
  connect(): Promise<Kv>
  wipe(bucket: string): Promise<void>
  close(): Promise<void>
}

export function catalogConformance(name: string, openWorld: () => Promise<CatalogWorld>): void {
  describe(`catalog: ${name}`, () => {
    let world: CatalogWorld
    const opened: Catalog[] = []
    let partition = 0
    beforeAll(async () => {
      world = await openWorld()
    })
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((catalog) => catalog.close()))
    })
    afterAll(() => world.close())
    const node = async (): Promise<Catalog> => {
      const catalog = await openKvCatalog(await world.connect(), { clock: new SystemClock(), random: new SystemRandom() })
      opened.push(catalog)
      return catalog
    }
    const fill = async (catalog: Catalog, p: number, epoch: number, count: number): Promise<void> => {
      const from = catalog.current(p).checkpoint
      for (let i = 1; i <= count; i++) await catalog.commit(p, epoch, from + i, segment(p, from + i, from + i))
    }

    it('is empty for a partition never seen', async () => {
      const catalog = await node()
      expect(catalog.current(9999)).toEqual({ partition: 9999, epoch: 0, checkpoint: 0, segments: [] })
      expect(catalog.partitions()).not.toContain(9999)
    })

    it('shows segment and checkpoint together, on every node', async () => {
      const [a, b, p] = [await node(), await node(), ++partition]
      await a.claim(p, 1)
      await a.commit(p, 1, 10, segment(p, 1, 10))
      const there = await b.waitFor(p, 10, 5_000)
      expect(there).toEqual({ partition: p, epoch: 1, checkpoint: 10, segments: [segment(p, 1, 10)] })
      expect(b.partitions()).toContain(p)
      expect((await node()).current(p)).toEqual(there)
    })

    it('moves the checkpoint alone when there is nothing worth storing', async () => {
      const [a, p] = [await node(), ++partition]
      await a.claim(p, 1)
      expect(await a.commit(p, 1, 7, null)).toMatchObject({ checkpoint: 7, segments: [] })
      expect(await a.commit(p, 1, 5, null)).toMatchObject({ checkpoint: 7 })
    })

    it('takes a repeated claim or commit as done (F1)', async () => {
      const [a, p] = [await node(), ++partition]
      await a.claim(p, 1)
      await a.claim(p, 1)
      for (let i = 0; i < 3; i++) await a.commit(p, 1, 10, segment(p, 1, 10))
      await a.commit(p, 1, 20, segment(p, 11, 20))
      expect(await a.commit(p, 1, 10, segment(p, 1, 10))).toMatchObject({ checkpoint: 20, segments: [segment(p, 1, 10), segment(p, 11, 20)] })
    })

    it('fences the older epoch, whatever it tries (F3)', async () => {
      const [old, young, p] = [await node(), await node(), ++partition]
      await old.claim(p, 1)
      await old.commit(p, 1, 10, segment(p, 1, 10))
      expect(await young.claim(p, 2)).toMatchObject({ epoch: 2, checkpoint: 10 })
      await expect(old.commit(p, 1, 20, segment(p, 11, 20))).rejects.toThrow(FencedError)
      await expect(old.commit(p, 1, 20, null)).rejects.toThrow(FencedError)
      await expect(old.claim(p, 1)).rejects.toThrow(FencedError)
      await young.commit(p, 2, 15, segment(p, 11, 15))
      expect((await old.waitFor(p, 15, 5_000)).segments.map((s) => s.last)).toEqual([10, 15])
    })

    it('fences a claim that is repeated to learn whether it is the newest still, before any watch tells (Q2)', async () => {
      const [a, b, p] = [await node(), await node(), ++partition]
      await a.claim(p, 1)
      await b.claim(p, 2)
      await expect(a.claim(p, 1)).rejects.toThrow(FencedError)
    })

    it('fences an owner whose segment overlaps what is stored', async () => {
      const [a, p] = [await node(), ++partition]
      await a.claim(p, 1)
      await a.commit(p, 1, 10, segment(p, 1, 10))
      await expect(a.commit(p, 1, 12, segment(p, 5, 12))).rejects.toThrow(FencedError)
      expect(a.current(p).segments).toHaveLength(1)
    })

    it('lets exactly one of many racing claims of one epoch series win last', async () => {
      const p = ++partition
      const nodes = await Promise.all(Array.from({ length: 5 }, node))
      const results = await Promise.allSettled(nodes.map((catalog, i) => catalog.claim(p, i + 1)))
      expect(results[4]?.status).toBe('fulfilled')
      for (const [i, catalog] of nodes.entries()) {
        const commit = catalog.commit(p, i + 1, 5, segment(p, 1, 5))
        if (i < 4) await expect(commit).rejects.toThrow(FencedError)
        else expect(await commit).toMatchObject({ epoch: 5, checkpoint: 5 })
      }
    })

    it('refuses a commit that contradicts itself', async () => {
      const [a, p] = [await node(), ++partition]
      expect(() => a.commit(p, 1, 11, segment(p, 1, 10))).toThrow('does not end at checkpoint')
      expect(() => a.commit(p, 1, 10, segment(p + 1, 1, 10))).toThrow('does not end at checkpoint')
    })

    it('rejects a wait that is not met in time', async () => {
      const a = await node()
      await expect(a.waitFor(9998, 1, 20)).rejects.toMatchObject({ code: 'storage_unavailable' })
    })

    it('keeps values small: old segments go to pages, and every node sees all of them', async () => {
      const [a, p] = [await node(), ++partition]
      await a.claim(p, 1)
      await fill(a, p, 1, 1100)
      const everything = Array.from({ length: 1100 }, (_, i) => i + 1)
      expect(a.current(p).segments.map((s) => s.last)).toEqual(everything)
      const late = await node()
      expect((await late.waitFor(p, 1100, 5_000)).segments.map((s) => s.last)).toEqual(everything)
      const bucket = await (await world.connect()).bucket({ name: CATALOG_BUCKET })
      const keys = await bucket.keys(`p.${p}.`)
      expect(keys).toHaveLength(2)
      expect((await bucket.get(`p.${p}`))!.value.length).toBeLessThan(64 * 1024)
      expect(await late.claim(p, 2)).toMatchObject({ checkpoint: 1100, epoch: 2 })
    })

    it('is put back by its owner when the bucket was wiped, from what the owner knows', async () => {
      const [a, reader, p] = [await node(), await node(), ++partition]
      await a.claim(p, 3)
      await fill(a, p, 3, 600)
      await world.wipe(CATALOG_BUCKET)
      await repeat(() => a.commit(p, 3, 601, segment(p, 601, 601)))
      expect((await reader.waitFor(p, 601, 10_000)).segments).toHaveLength(601)
      const fresh = await node()
      expect(fresh.current(p).segments.map((s) => s.last)).toEqual(Array.from({ length: 601 }, (_, i) => i + 1))
      await expect(repeat(() => a.claim(p, 2))).rejects.toThrow(FencedError)
    })

    it('is put right by its owner when the bucket lost its newest writes, as after a backup', async () => {
      const [a, p] = [await node(), ++partition]
      const bucket = await (await world.connect()).bucket({ name: CATALOG_BUCKET })
      await a.claim(p, 3)
      await fill(a, p, 3, 5)
      const backup = (await bucket.get(`p.${p}`))!.value
      await fill(a, p, 3, 5)
      await bucket.put(`p.${p}`, backup)
      await a.commit(p, 3, 11, segment(p, 11, 11))
      expect((await node()).current(p).segments.map((s) => s.last)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1))
    })

    it('takes time from its port only', async () => {
      const clock = new ManualClock()
      const catalog = await openKvCatalog(await world.connect(), { clock, random: new SystemRandom() })
      opened.push(catalog)
      const waiting = expect(catalog.waitFor(9997, 1, 60_000)).rejects.toMatchObject({ code: 'storage_unavailable' })
      clock.advance(60_000)
      await waiting
    })
  })
}

/** As a flush does: again until the store answers. */
async function repeat<A>(call: () => Promise<A>): Promise<A> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (error instanceof FencedError) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

export function segment(partition: number, first: number, last: number): SegmentEntry {
  return {
    key: segmentKey(partition, first, last),
    partition,
    first,
    last,
    sizeBytes: 1_000_000 + last,
    footerBytes: 5000,
    minNs: `17000000000000000${String(first).padStart(2, '0').slice(-2)}`,
    maxNs: '1700000000999999999',
    rowCount: (last - first + 1) * 1000,
    rawBytes: 10_000_000,
    appliedIdCount: 3,
    tenants: last % 7 === 0 ? null : ['fake', `tenant-${last % 5}`],
  }
}
