/** What every object store does, whatever is behind it. Each implementation runs this from its own test. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts'

export interface OpenedStore {
  readonly store: ObjectStore
  close(): Promise<void>
}

export interface ConformanceOptions {
  /** Objects of this size go the store's way for large ones. */
  readonly largeBytes: number
  /** Keys in the test of list and delete pages. */
  readonly manyKeys: number
}

export function objectStoreConformance(name: string, openStore: () => Promise<OpenedStore>, options: ConformanceOptions): void {
  describe(`object store: ${name}`, () => {
    let opened: OpenedStore
    let store: ObjectStore
    beforeAll(async () => {
      opened = await openStore()
      store = opened.store
    })
    afterAll(async () => {
      await store?.close()
      await opened?.close()
    })

    it('keeps what was put, whole', async () => {
      await store.put('whole/a.seg', bytes(1000))
      expect(await store.getRange('whole/a.seg', 0, 1000)).toEqual(bytes(1000))
      await store.put('whole/day=2026-01-01/a_b-c.seg', bytes(10))
      expect(await store.getRange('whole/day=2026-01-01/a_b-c.seg', 0, 10)).toEqual(bytes(10))
      expect(await store.head('whole/a.seg')).toMatchObject({ key: 'whole/a.seg', sizeBytes: 1000 })
    })

    it('reads ranges: inside, at the end, from the end', async () => {
      const body = bytes(5000)
      await store.put('ranges/a', body)
      expect(await store.getRange('ranges/a', 17, 100)).toEqual(body.subarray(17, 117))
      expect(await store.getRange('ranges/a', 4999, 1)).toEqual(body.subarray(4999))
      expect(await store.getRange('ranges/a', -10, 10)).toEqual(body.subarray(4990))
      expect(await store.getRange('ranges/a', -1000, 10)).toEqual(body.subarray(4000, 4010))
      expect(await store.getRange('ranges/a', 100, 0)).toHaveLength(0)
    })

    it('gives the whole of an object that is shorter than the tail asked for', async () => {
      await store.put('ranges/short', bytes(7))
      expect(await store.getRange('ranges/short', -65_536, 65_536)).toEqual(bytes(7))
    })

    it('refuses a range that the object does not have', async () => {
      await store.put('ranges/cut', bytes(50))
      await expect(store.getRange('ranges/cut', 40, 20)).rejects.toMatchObject({ code: 'storage_corrupt' })
      await expect(store.getRange('ranges/cut', 400, 20)).rejects.toMatchObject({ code: 'storage_corrupt' })
    })

    it('keeps empty objects', async () => {
      await store.put('empty/a', new Uint8Array())
      expect((await store.head('empty/a')).sizeBytes).toBe(0)
      expect(await store.getRange('empty/a', -8, 8)).toHaveLength(0)
    })

    it('replaces an object by a second put (F3: putting twice is harmless)', async () => {
      await store.put('twice/a', bytes(10))
      await store.put('twice/a', bytes(20))
      expect((await store.head('twice/a')).sizeBytes).toBe(20)
      await store.put('twice/a', bytes(20))
      expect(await store.getRange('twice/a', 0, 20)).toEqual(bytes(20))
    })

    it('keeps large objects, byte for byte', async () => {
      const body = bytes(options.largeBytes)
      await store.put('large/a', body)
      const back = await store.getRange('large/a', 0, body.length)
      expect(sha(back)).toBe(sha(body))
      expect(await store.getRange('large/a', -77, 77)).toEqual(body.subarray(body.length - 77))
    })

    it('says not_found for what is not there', async () => {
      await expect(store.head('nowhere/a')).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.getRange('nowhere/a', 0, 1)).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.getRange('nowhere/a', -1, 1)).rejects.toMatchObject({ code: 'not_found' })
    })

    it('lists by prefix, in key order, with sizes and times', async () => {
      const keys = ['order/a-b/1', 'order/a/1', 'order/a/2', 'order/a.b', 'order/a0']
      for (const key of keys) await store.put(key, bytes(key.length))
      const found = await all(store.list('order/'))
      expect(found.map((o) => o.key)).toEqual([...keys].sort())
      expect(found.every((o) => o.sizeBytes === o.key.length && o.modifiedMs > 1_600_000_000_000)).toBe(true)
      expect((await all(store.list('order/a/'))).map((o) => o.key)).toEqual(['order/a/1', 'order/a/2'])
      expect((await all(store.list('order/a.'))).map((o) => o.key)).toEqual(['order/a.b'])
      expect(await all(store.list('elsewhere/'))).toEqual([])
    })

    it('lists and deletes more than one page', async () => {
      const keys = Array.from({ length: options.manyKeys }, (_, i) => `pages/${String(i).padStart(6, '0')}`)
      for (let at = 0; at < keys.length; at += 50) await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, bytes(3))))
      expect((await all(store.list('pages/'))).map((o) => o.key)).toEqual(keys)
      await store.delete(keys.slice(1))
      expect((await all(store.list('pages/'))).map((o) => o.key)).toEqual(keys.slice(0, 1))
    })

    it('deletes what is there and minds nothing that is not', async () => {
      await store.put('gone/a', bytes(1))
      await store.delete(['gone/a', 'gone/b'])
      await store.delete(['gone/a'])
      await store.delete([])
      expect(await all(store.list('gone/'))).toEqual([])
    })

    it('refuses keys that are not keys', async () => {
      for (const key of ['', '/a', 'a/', 'a//b', '../a', 'a/../../b', '.', 'a/.tmp/b', '.tmp/x', 'a b', 'a\0b', 'ä', 'a\\b', `${'a/'.repeat(500)}a`]) {
        await expect(store.put(key, bytes(1)), key).rejects.toMatchObject({ code: 'bad_request' })
        await expect(store.getRange(key, 0, 1), key).rejects.toMatchObject({ code: 'bad_request' })
        await expect(store.head(key), key).rejects.toMatchObject({ code: 'bad_request' })
        await expect(store.delete([key]), key).rejects.toMatchObject({ code: 'bad_request' })
      }
      await expect(all(store.list('../'))).rejects.toMatchObject({ code: 'bad_request' })
    })

    it('stops when it is told to, and a stopped put leaves nothing', async () => {
      const signal = AbortSignal.abort()
      await expect(store.put('stopped/a', bytes(10), signal)).rejects.toMatchObject({ code: 'query_cancelled' })
      await expect(store.head('stopped/a')).rejects.toMatchObject({ code: 'not_found' })
      await store.put('stopped/b', bytes(10))
      await expect(store.getRange('stopped/b', 0, 10, signal)).rejects.toMatchObject({ code: 'query_cancelled' })
      await expect(store.head('stopped/b', signal)).rejects.toMatchObject({ code: 'query_cancelled' })
    })

    it('serves many at once', async () => {
      const keys = Array.from({ length: 40 }, (_, i) => `many/${i}`)
      await Promise.all(keys.map((key, i) => store.put(key, bytes(100 + i))))
      const back = await Promise.all(keys.map((key, i) => store.getRange(key, 0, 100 + i)))
      expect(back.every((body, i) => body.equals(bytes(100 + i)))).toBe(true)
    })
  })
}

/** The same bytes for the same length, no two neighbours alike. */
export function bytes(length: number): Buffer {
  const out = Buffer.allocUnsafe(length)
  let state = length | 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    out[i] = state >>> 24
  }
  return out
}

export async function all(list: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = []
  for await (const info of list) found.push(info)
  return found
}

const sha = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')
