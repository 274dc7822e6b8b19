import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { openDiskCache } from '../../storage/cache-disk.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { bytes } from '../conformance/object-store.ts'
import { FaultyStore } from '../support/object-store-faults.ts'

describe('disk cache', () => {
  let directory: string
  let remote: FaultyStore
  const open = (bytesMax = 100_000): Promise<ObjectStore> => openDiskCache(remote, { directory, bytesMax, clock: new ManualClock(), random: new SystemRandom() })
  const fetched = (): number => remote.calls.filter((call) => call.operation === 'getRange').length

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'skald-cache-'))
    remote = new FaultyStore(new MemoryObjectStore(new ManualClock()))
    for (let i = 0; i < 20; i++) await remote.put(`o/${i}`, bytes(10_000 + i))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('asks the bucket once for a range, also after a restart', async () => {
    const first = await open()
    expect(await first.getRange('o/1', 100, 500)).toEqual(bytes(10_001).subarray(100, 600))
    expect(await first.getRange('o/1', 100, 500)).toEqual(bytes(10_001).subarray(100, 600))
    expect(await (await open()).getRange('o/1', 100, 500)).toEqual(bytes(10_001).subarray(100, 600))
    expect(fetched()).toBe(1)
    await first.getRange('o/1', -500, 500)
    expect(fetched()).toBe(2)
  })

  it('stays within its bytes, letting go of what was not used for longest', async () => {
    const cache = await open(55_000)
    for (let i = 0; i < 20; i++) {
      await cache.getRange(`o/${i}`, 0, 10_000)
      await cache.getRange('o/0', 0, 10_000)
    }
    const sizes = await Promise.all((await readdir(directory)).map(async (name) => (await readFile(path.join(directory, name))).length))
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(55_000)
    expect(remote.calls.filter((call) => call.operation === 'getRange' && call.key === 'o/0')).toHaveLength(1)
  })

  it('knows after a restart what was used last', async () => {
    const cache = await open()
    const names: string[] = []
    for (const key of ['o/1', 'o/2', 'o/3']) {
      await cache.getRange(key, 0, 1000)
      names.push((await readdir(directory)).find((name) => !names.includes(name))!)
    }
    const usedS = [300, 100, 200]
    for (const [i, name] of names.entries()) await utimes(path.join(directory, name), usedS[i]!, usedS[i]!)
    await open(2_500)
    expect((await readdir(directory)).toSorted()).toEqual([names[0]!, names[2]!].toSorted())
  })

  it('asks the bucket again for what is forgotten', async () => {
    const cache = await openDiskCache(remote, { directory, bytesMax: 100_000, clock: new ManualClock(), random: new SystemRandom() })
    for (const key of ['o/1', 'o/2']) await cache.getRange(key, 0, 500)
    await cache.forget('o/1')
    for (const key of ['o/1', 'o/2']) await cache.getRange(key, 0, 500)
    expect(fetched()).toBe(3)
  })

  it('takes a damaged, cut or foreign file for a miss, and answers right', async () => {
    const cache = await open()
    await cache.getRange('o/2', 0, 1000)
    const [name] = await readdir(directory)
    const file = path.join(directory, name!)
    const whole = await readFile(file)
    for (const damage of [flipped(whole), whole.subarray(0, 600), Buffer.alloc(0), Buffer.from('xx')] as Uint8Array[]) {
      await writeFile(file, damage)
      expect(await cache.getRange('o/2', 0, 1000)).toEqual(bytes(10_002).subarray(0, 1000))
    }
    await rm(file)
    expect(await cache.getRange('o/2', 0, 1000)).toEqual(bytes(10_002).subarray(0, 1000))
  })

  it('clears what a crash left half written', async () => {
    await writeFile(path.join(directory, 'abcd.tmp'), 'half')
    await open()
    expect(await readdir(directory)).toEqual([])
  })

  it('answers although its directory is gone', async () => {
    const cache = await open()
    await rm(directory, { recursive: true })
    expect(await cache.getRange('o/3', 0, 10)).toEqual(bytes(10_003).subarray(0, 10))
    await open()
  })

  it('passes failures on and keeps none', async () => {
    const cache = await open()
    remote.decide = () => 'unavailable'
    await expect(cache.getRange('o/4', 0, 10)).rejects.toMatchObject({ code: 'storage_unavailable' })
    remote.decide = () => undefined
    expect(await cache.getRange('o/4', 0, 10)).toEqual(bytes(10_004).subarray(0, 10))
  })
})

function flipped(whole: Buffer): Buffer {
  const copy = Buffer.from(whole)
  copy[500]! ^= 1
  return copy
}
