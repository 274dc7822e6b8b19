/** The suite that every key-value port passes: `kv.test.ts` runs it over each implementation. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Kv, KvBucket, KvBucketOptions, KvEvent } from '../../runtime/kv.ts'

export interface KvUnderTest {
  /** Two nodes of one system. */
  readonly a: Kv
  readonly b: Kv
  passTime(ms: number): Promise<void>
  /** Cuts the nodes off from the server, and back. */
  disconnect(): Promise<void>
  reconnect(): Promise<void>
  wipe(bucket: string): Promise<void>
  stop(): Promise<void>
}

const bytes = (text: string): Uint8Array => Buffer.from(text)
const WAIT = { timeout: 15_000 }

export function kvSuite(name: string, start: () => Promise<KvUnderTest>): void {
  describe(name, () => {
    let kv: KvUnderTest
    let bucket: KvBucket
    beforeEach(async () => {
      kv = await start()
      bucket = await kv.a.bucket({ name: 'ring' })
    })
    afterEach(() => kv.stop())

    const other = (options: KvBucketOptions = { name: 'ring' }): Promise<KvBucket> => kv.b.bucket(options)
    const valueOf = async (key: string): Promise<string | undefined> => (await bucket.get(key))?.value.toString()
    /** What a watcher saw, as short text. */
    const watch = async (on: KvBucket, prefix: string): Promise<{ seen: string[]; stop: () => void }> => {
      const seen: string[] = []
      const note = (e: KvEvent): void => void seen.push(e.kind === 'put' ? `${e.entry.key}=${e.entry.value.toString()}` : `-${e.key}`)
      const watching = on.watch(prefix, note, () => seen.push('ready'))
      await expect.poll(() => seen, WAIT).toContain('ready')
      return { seen, stop: () => watching.stop() }
    }

    it('gives back what was put, with a growing revision and a time', async () => {
      const first = await bucket.put('a.1', bytes('none'))
      const second = await bucket.put('a.1', bytes('one'))
      await bucket.put('b', Buffer.from([0, 255, 10]))
      expect(second).toBeGreaterThan(first)
      expect(await bucket.get('a.1')).toMatchObject({ key: 'a.1', revision: second, value: Buffer.from('one') })
      expect((await bucket.get('b'))?.value).toEqual(Buffer.from([0, 255, 10]))
      expect((await bucket.get('b'))?.createdMs).toBeGreaterThan(1.6e12)
      expect(await bucket.get('missing')).toBe(null)
    })

    it('shows one node what another wrote, in the bucket of that name only', async () => {
      await bucket.put('k', bytes('v'))
      expect((await (await other()).get('k'))?.value.toString()).toBe('v')
      expect(await (await other({ name: 'leases' })).get('k')).toBe(null)
    })

    it('creates a key once, and again after it was deleted', async () => {
      expect(await bucket.create('k', bytes('1'))).toBeGreaterThan(0)
      expect(await bucket.create('k', bytes('2'))).toBe(null)
      expect(await bucket.delete('k')).toBe(true)
      expect(await bucket.create('k', bytes('3'))).toBeGreaterThan(0)
      expect(await valueOf('k')).toBe('3')
    })

    it('updates only at the newest revision', async () => {
      const first = await bucket.put('k', bytes('1'))
      const second = await bucket.update('k', bytes('2'), first)
      expect(second).toBeGreaterThan(first)
      expect(await bucket.update('k', bytes('stale'), first)).toBe(null)
      expect(await bucket.update('never', bytes('x'), first)).toBe(null)
      expect(await valueOf('k')).toBe('2')
    })

    it('does not update a deleted key at the revision it had', async () => {
      const revision = await bucket.put('k', bytes('1'))
      await bucket.delete('k')
      expect(await bucket.update('k', bytes('2'), revision)).toBe(null)
    })

    it('deletes only at the given revision, and says whether it did', async () => {
      const first = await bucket.put('k', bytes('1'))
      const second = await bucket.put('k', bytes('2'))
      expect(await bucket.delete('k', first)).toBe(false)
      expect(await valueOf('k')).toBe('2')
      expect(await bucket.delete('k', second)).toBe(true)
      expect(await bucket.delete('k')).toBe(false)
      expect(await bucket.delete('never')).toBe(false)
      expect(await bucket.get('k')).toBe(null)
    })

    it('lets one of many racing writers win each compare-and-set', async () => {
      const [a, b] = [bucket, await other()]
      let revision = await a.put('k', bytes('0'))
      for (let round = 1; round <= 10; round++) {
        const tries = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? a : b).update('k', bytes(`${round}.${i}`), revision)))
        const won = tries.filter((r) => r !== null)
        expect(won).toHaveLength(1)
        revision = won[0] as number
      }
      const creates = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? a : b).create('new', bytes(String(i)))))
      expect(creates.filter((r) => r !== null)).toHaveLength(1)
    })

    it('lists keys under a prefix of any kind, without deleted ones', async () => {
      for (const key of ['p.1', 'p.12', 'p.2.x', 'q.1', 'p']) await bucket.put(key, bytes(''))
      await bucket.delete('p.2.x')
      expect([...(await bucket.keys(''))].sort()).toEqual(['p', 'p.1', 'p.12', 'q.1'])
      expect([...(await bucket.keys('p.'))].sort()).toEqual(['p.1', 'p.12'])
      expect([...(await bucket.keys('p.1'))].sort()).toEqual(['p.1', 'p.12'])
      expect(await bucket.keys('none.')).toEqual([])
    })

    it('refuses a key that NATS could not hold', async () => {
      for (const key of ['', '.a', 'a.', 'a b', 'a*', 'ä']) await expect((async () => bucket.put(key, bytes('')))()).rejects.toThrow('invalid KV key')
    })

    it('watches: what is there, then ready, then changes by anybody, in order', async () => {
      await bucket.put('m.1', bytes('a'))
      await bucket.put('m.2', bytes('b'))
      await bucket.put('m.gone', bytes('b'))
      await bucket.delete('m.gone')
      await bucket.put('other', bytes('c'))
      const { seen, stop } = await watch(await other(), 'm.')
      expect(seen).toEqual(['m.1=a', 'm.2=b', 'ready'])
      await bucket.put('m.1', bytes('d'))
      await bucket.put('other', bytes('e'))
      await bucket.delete('m.2')
      await bucket.put('m.3', bytes('f'))
      await expect.poll(() => seen.slice(3), WAIT).toEqual(['m.1=d', '-m.2', 'm.3=f'])
      stop()
      await bucket.put('m.4', bytes('g'))
      const again = await watch(bucket, 'm.')
      expect(again.seen).toContain('m.4=g')
      expect(seen).toHaveLength(6)
    })

    it('is ready at once on an empty bucket', async () => {
      const { seen } = await watch(bucket, '')
      expect(seen).toEqual(['ready'])
      await bucket.put('k', bytes('1'))
      await expect.poll(() => seen, WAIT).toEqual(['ready', 'k=1'])
    })

    it('drops entries older than the bucket allows, and keeps those put again', async () => {
      const short = await other({ name: 'members', maxAgeMs: 1000 })
      await short.put('stays', bytes('1'))
      await short.put('goes', bytes('1'))
      await kv.passTime(600)
      await short.put('stays', bytes('2'))
      await kv.passTime(600)
      await expect.poll(async () => [await short.get('goes'), (await short.keys('')).length], WAIT).toEqual([null, 1])
      expect(await short.create('goes', bytes('3'))).toBeGreaterThan(0)
    })

    it('opens a bucket that was made with another age, longer or shorter: settings change between two starts', async () => {
      for (const [node, maxAgeMs] of [[kv.a, 40_000], [kv.b, 30_000], [kv.a, 300_000]] as const) {
        const aged = await node.bucket({ name: 'aged', maxAgeMs })
        await aged.put(String(maxAgeMs), bytes('1'))
        expect(await aged.keys('')).toContain('40000')
      }
    })

    it('fails with storage_unavailable while out of reach; a watch resumes and misses no change', async () => {
      await bucket.put('k', bytes('1'))
      const { seen } = await watch(bucket, '')
      await kv.disconnect()
      for (const attempt of [() => bucket.get('k'), () => bucket.put('k', bytes('x')), () => bucket.update('k', bytes('x'), 1), () => bucket.keys('')]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
      }
      await kv.reconnect()
      await expect.poll(() => bucket.put('k', bytes('2')).then(String, String), WAIT).toMatch(/^\d+$/)
      await expect.poll(() => (void kv.passTime(100), seen), WAIT).toEqual(['k=1', 'ready', 'k=2'])
      await bucket.put('l', bytes('3'))
      await expect.poll(() => seen.at(-1), WAIT).toBe('l=3')
    })

    it('reads a wiped bucket as deletions, and takes writes again', async () => {
      await bucket.put('k', bytes('1'))
      await bucket.put('l', bytes('1'))
      const { seen } = await watch(bucket, '')
      await kv.wipe('ring')
      await expect.poll(() => (void kv.passTime(1000), seen.slice(3).sort()), WAIT).toEqual(['-k', '-l'])
      await expect.poll(() => bucket.create('k', bytes('2')).then(String, String), WAIT).toMatch(/^\d+$/)
      await expect.poll(() => seen.at(-1), WAIT).toBe('k=2')
    })
  })
}
