/** What files do that the suite for all stores cannot see: nothing half, nothing outside, a full disk survived. */
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemRandom } from '../../runtime/random-system.ts'
import { openFsObjectStore } from '../../storage/object-store-fs.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { all, bytes } from '../conformance/object-store.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const MIB = 1024 * 1024

describe('file store', () => {
  let directory: string
  const open = (root = directory): Promise<ObjectStore> => openFsObjectStore({ directory: root, random: new SystemRandom(), nowMs: Date.now() })
  const files = async (root = directory): Promise<string[]> =>
    (await readdir(root, { recursive: true, withFileTypes: true })).filter((f) => f.isFile()).map((f) => path.relative(root, path.join(f.parentPath, f.name)))

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'skald-fs-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('leaves nothing of a put that was cancelled', async () => {
    const store = await open()
    const stop = new AbortController()
    const put = store.put('a/b', Buffer.alloc(40 * MIB), stop.signal)
    stop.abort()
    await expect(put).rejects.toMatchObject({ code: 'query_cancelled' })
    expect(await files()).toEqual([])
  })

  it('clears what an earlier crash left, but not what another node may be writing now', async () => {
    await open()
    for (const name of ['old', 'new']) await writeFile(path.join(directory, '.tmp', name), 'half')
    await utimes(path.join(directory, '.tmp', 'old'), 1000, 1000)
    const store = await open()
    expect(await files()).toEqual(['.tmp/new'])
    expect(await all(store.list(''))).toEqual([])
  })

  it('says that an object was cut instead of giving less', async () => {
    const store = await open()
    await store.put('a/b', bytes(1000))
    await truncate(path.join(directory, 'a/b'), 500)
    await expect(store.getRange('a/b', 400, 200)).rejects.toMatchObject({ code: 'storage_corrupt' })
  })

  it('takes a directory for no object', async () => {
    const store = await open()
    await store.put('a/b/c', bytes(1))
    await expect(store.head('a/b')).rejects.toMatchObject({ code: 'not_found' })
    await expect(store.getRange('a/b/c/d', 0, 1)).rejects.toMatchObject({ code: 'not_found' })
    await expect(store.put('a/b', bytes(1))).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(await files()).toEqual(['a/b/c'])
  })

  it('says storage_unavailable when it cannot be opened or written', async () => {
    await writeFile(path.join(directory, 'file'), '')
    await expect(open(path.join(directory, 'file'))).rejects.toMatchObject({ code: 'storage_unavailable' })
    const store = await open(path.join(directory, 'store'))
    await rm(path.join(directory, 'store'), { recursive: true })
    await expect(store.put('a/b', bytes(1))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
  })

  it('works below a symbolic link, as data directories often are', async () => {
    await mkdir(path.join(directory, 'real'))
    await symlink(path.join(directory, 'real'), path.join(directory, 'link'))
    const store = await open(path.join(directory, 'link'))
    await store.put('a/b', bytes(3))
    expect(await files(path.join(directory, 'real'))).toEqual(['a/b'])
  })
})

describe('file store on a full disk', () => {
  it('refuses with storage_unavailable, leaves no half object, and goes on when there is room again', async (context) => {
    const smallDisk = mountSmallDisk(8)
    if ('reason' in smallDisk) return context.skip(smallDisk.reason)
    const directory = path.join(smallDisk.mountPoint, 'objects')
    try {
      const store = await openFsObjectStore({ directory, random: new SystemRandom(), nowMs: Date.now() })
      await store.put('kept/a', bytes(MIB))
      const filled: string[] = []
      const failure: unknown = await (async () => {
        for (let i = 0; i < 100; i++) {
          await store.put(`fill/${i}`, bytes(MIB))
          filled.push(`fill/${i}`)
        }
      })().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'storage_unavailable', status: 503, retryable: true, cause: { code: 'ENOSPC' } })
      expect((await all(store.list(''))).map((o) => o.key)).toEqual([...filled, 'kept/a'].sort())
      expect(await readdir(path.join(directory, '.tmp'))).toEqual([])
      expect(await store.getRange('kept/a', 0, MIB)).toEqual(bytes(MIB))
      await store.delete(filled)
      await store.put('after/a', bytes(2 * MIB))
      expect(await store.getRange('after/a', 0, 2 * MIB)).toEqual(bytes(2 * MIB))
    } finally {
      smallDisk.unmount()
    }
  })
})
