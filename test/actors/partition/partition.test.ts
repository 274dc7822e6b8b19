/** What an owner and its standbys answer and store, on a log, catalog and bucket in memory: order, retries, memory, and the end of a stale one. */
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SkaldError } from '../../../runtime/errors.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { encodeWalRecord } from '../../../protocols/wal-record.ts'
import { PartitionWorld } from '../../support/partition-world.ts'

let world: PartitionWorld
beforeEach(() => {
  world = new PartitionWorld()
})
afterEach(() => world.close())

describe('an owner', () => {
  it('answers with all that the log has acknowledged, though nobody told it (Q2)', async () => {
    const owner = await world.start('owner', 1)
    for (let count = 1; count <= 3; count++) {
      await world.append()
      expect(await owner.entries()).toEqual({ count, checkpoint: 0, behind: false })
    }
  })

  it('gives back what it read of the log when it has applied it', async () => {
    const released: number[] = []
    const read = world.wal.read.bind(world.wal)
    world.wal.read = async (...where) => (await read(...where)).map((record) => ({ ...record, release: () => released.push(record.sequence) }))
    for (let i = 0; i < 3; i++) await world.append()
    const owner = await world.start('owner', 1)
    expect(await owner.entries()).toMatchObject({ count: 3 })
    expect(released).toEqual([1, 2, 3])
  })

  it('ends, to begin again at the checkpoint, when the log has lost records that it has applied: their sequences are given out again', async () => {
    const owner = await world.start('owner', 1)
    for (let i = 0; i < 3; i++) await world.append()
    expect(await owner.entries()).toMatchObject({ count: 3 })
    world.wal.loseAfter(0, 2)
    await expect(owner.entries()).rejects.toThrow()
    await expect(owner.status()).rejects.toMatchObject({ code: 'not_found' })
  })

  it('stores nothing of a cut whose records the log has lost and replaced, so that whoever begins again has all that was acknowledged since (W1)', async () => {
    const owner = await world.start('owner', 1)
    for (let i = 0; i < 3; i++) await world.append()
    expect(await owner.entries()).toMatchObject({ count: 3 })
    world.wal.loseAfter(0, 1)
    for (let i = 0; i < 4; i++) await world.append()
    await expect(owner.flush()).rejects.toMatchObject({ code: 'not_ready' })
    const again = await world.start('owner', 1)
    expect(await again.entries()).toEqual({ count: 5, checkpoint: 0, behind: false })
    expect(await again.flush()).toBe(5)
  })

  it('keeps what it stored before the log lost records, and nothing of the cut after it', async () => {
    const owner = await world.start('owner', 1)
    await world.append()
    const put = world.store.put.bind(world.store)
    const mayStore = Promise.withResolvers<void>()
    world.store.put = async (...given) => mayStore.promise.then(() => put(...given))
    const first = owner.flush()
    await expect.poll(async () => (await owner.status()).cutsWaiting).toBe(1)
    await world.append()
    const second = owner.flush()
    await expect.poll(async () => (await owner.status()).cutsWaiting).toBe(2)
    world.wal.loseAfter(0, 1)
    for (let i = 0; i < 2; i++) await world.append()
    mayStore.resolve()
    expect(await first).toBe(1)
    await expect(second).rejects.toMatchObject({ code: 'not_ready' })
    expect(await (await world.start('owner', 1)).entries()).toEqual({ count: 2, checkpoint: 1, behind: false })
  })

  it('ends as soon as a new record of this node comes where another one was applied, and not for one that it read before its acknowledgement came', async () => {
    const owner = await world.start('owner', 1)
    for (let i = 0; i < 3; i++) await world.append()
    expect(await owner.entries()).toMatchObject({ count: 3 })
    const publish = (sequence: number, recordId: string) => owner.ref.tell({ kind: 'published', record: { sequence, recordId, items: [], bytes: 0 } })
    publish(3, 'record-3')
    expect((await owner.status()).applied).toBe(3)
    publish(2, 'new')
    await expect(owner.status()).rejects.toMatchObject({ code: 'not_found' })
  })

  it('lets what is missing gather before it reads, but not while much of its own waits behind it', async () => {
    const owner = await world.start('owner', 1)
    for (let i = 0; i < 3; i++) await world.append()
    const read = vi.spyOn(world.wal, 'read')
    const publish = (sequence: number, bytes: number) => owner.ref.tell({ kind: 'published', record: { sequence, recordId: `own-${sequence}`, items: [], bytes } })
    publish(2, 100)
    expect((await owner.status()).applied).toBe(0)
    expect(read).not.toHaveBeenCalled()
    publish(3, 4 << 20)
    await owner.status()
    expect(read).toHaveBeenCalledTimes(1)
    await expect.poll(async () => (await owner.status()).applied).toBe(3)
  })

  it('purges from the log what the one before had stored and could not purge any more', async () => {
    const before = await world.start('owner', 1)
    for (let i = 0; i < 3; i++) await world.append()
    const purge = world.wal.purge.bind(world.wal)
    world.wal.purge = async () => undefined
    expect(await before.flush()).toBe(3)
    world.wal.purge = purge
    expect((await world.wal.state(0)).first).toBe(1)
    await (await world.start('owner', 2)).status()
    expect((await world.wal.state(0)).first).toBe(4)
  })

  it('says that it may be behind when the log does not answer in time (Q2)', async () => {
    const owner = await world.start('owner', 1, { catchUpMsMax: 300 })
    await world.append()
    expect(await owner.entries()).toEqual({ count: 1, checkpoint: 0, behind: false })
    world.wal.failing = new SkaldError('wal_unavailable', 'no leader')
    expect(await owner.entries()).toEqual({ count: 1, checkpoint: 0, behind: true })
    world.wal.failing = undefined
    expect(await owner.entries()).toEqual({ count: 1, checkpoint: 0, behind: false })
  })

  it('begins at the checkpoint of the one before (F2), and knows the pushes that were stored (W1)', async () => {
    const first = await world.start('owner', 1)
    await world.append('push-1')
    await world.append()
    expect(await first.flush()).toBe(2)
    await world.append('push-1')
    const second = await world.start('owner', 2)
    expect(await second.entries()).toEqual({ count: 0, checkpoint: 2, behind: false })
    await world.append('push-2')
    expect((await second.entries()).count).toBe(1)
  })

  it.each([
    ['stop', 0.85],
    ['refuse', 0.97],
  ])('stops applying while memory is short (%s) and a cut is still to be stored, and goes on afterwards (W4)', async (level, share) => {
    const owner = await world.start('owner', 1, { catchUpMsMax: 300 })
    await world.append()
    await owner.entries()
    const put = world.store.put.bind(world.store)
    const stored = Promise.withResolvers<void>()
    world.store.put = async (...given) => stored.promise.then(() => put(...given))
    const flushed = owner.flush()
    await expect.poll(async () => (await owner.status()).cutsWaiting).toBe(1)
    const others = owner.budget.account('queries')
    others.set(owner.budget.bytesMax * share)
    expect(owner.budget.level()).toBe(level)
    await world.append()
    expect(await owner.entries()).toEqual({ count: 1, checkpoint: 0, behind: true })
    expect((await owner.status()).paused).toBe(true)
    stored.resolve()
    await flushed
    expect(await owner.entries()).toEqual({ count: 1, checkpoint: 1, behind: false })
    others.close()
  })
})

describe('a flush', () => {
  it('ends when all is stored that was acknowledged before, also what memory had no room for yet (W4)', async () => {
    const owner = await world.start('owner', 1, { catchUpMsMax: 300 })
    await world.append()
    await owner.entries()
    const put = world.store.put.bind(world.store)
    const mayStore = Promise.withResolvers<void>()
    world.store.put = async (...given) => mayStore.promise.then(() => put(...given))
    const first = owner.flush()
    await expect.poll(async () => (await owner.status()).cutsWaiting).toBe(1)
    owner.budget.account('queries').set(owner.budget.bytesMax * 0.85)
    await world.append()
    const second = owner.flush()
    await expect.poll(async () => (await owner.status()).known).toBe(2)
    expect((await owner.entries()).behind).toBe(true)
    mayStore.resolve()
    expect(await first).toBeGreaterThanOrEqual(1)
    expect(await second).toBe(2)
  })

  it('leaves alone what a scan that began before still reads', async () => {
    const owner = await world.start('owner', 1)
    await world.append()
    const { content, done } = await owner.snapshot()
    const seen = content.slabs.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
    expect(await owner.flush()).toBe(1)
    await world.append()
    expect((await owner.entries()).count).toBe(1)
    expect(content.slabs.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))).toEqual(seen)
    expect(owner.slabs.freeBytes).toBe(0)
    done()
    expect(await owner.flush()).toBe(2)
    expect(owner.slabs.freeBytes).toBeGreaterThan(0)
  })
})

describe('a record that cannot be read (W5)', () => {
  it('is kept by the log until it lies in the bucket, and costs no other', async () => {
    const owner = await world.start('owner', 1, { checkPeriodMs: 20 })
    await world.append()
    await world.appendRaw(Buffer.from('no record'))
    await world.append()
    const put = world.store.put.bind(world.store)
    let refusals = 2
    world.store.put = (key, ...rest) => (key.startsWith('damaged/') && refusals-- > 0 ? Promise.reject(new SkaldError('storage_unavailable', 'no')) : put(key, ...rest))
    expect(await owner.entries()).toEqual({ count: 2, checkpoint: 0, behind: false })
    const flushed = owner.flush()
    await expect.poll(() => refusals).toBeLessThan(2)
    expect((await owner.status()).checkpoint).toBe(0)
    expect(await flushed).toBe(3)
    expect((await world.store.getRange('damaged/p0/2.wal', 0, 9)).toString()).toBe('no record')
  })

  it('can be pushed again under its id', async () => {
    const owner = await world.start('owner', 1)
    await world.appendRaw(encodeWalRecord([{ tenant: 't' as TenantId, pushId: 'push-1', receivedMs: 0, labels: ['{a="b"}'], compressedBody: Buffer.from('no push'), bodyBytes: 7 }], 'unreadable'))
    expect((await owner.entries()).count).toBe(0)
    await world.append('push-1')
    expect((await owner.entries()).count).toBe(1)
  })

  it('stops the partition when another program wrote it', async () => {
    const owner = await world.start('owner', 1, { catchUpMsMax: 300 })
    await world.append()
    await world.appendRaw(ofVersion2())
    expect(await owner.entries()).toMatchObject({ checkpoint: 0, behind: true })
    expect((await owner.status()).applied).toBeLessThan(2)
  })
})

/** Whole, by its checksum. */
function ofVersion2(): Buffer {
  const record = encodeWalRecord([], 'record')
  record[4] = 2
  record.writeUInt32LE(crc32(record.subarray(12), crc32(record.subarray(0, 8))), 8)
  return record
}

describe('an owner that has a successor', () => {
  it('stores nothing any more, and answers on from what it has applied (F3)', async () => {
    const old = await world.start('owner', 1)
    await world.append()
    await old.entries()
    const heir = await world.start('owner', 2)
    await expect(old.flush()).rejects.toMatchObject({ code: 'not_ready' })
    expect(old.wasFenced()).toBe(true)
    await world.append()
    expect([(await old.entries()).count, (await heir.entries()).count]).toEqual([2, 2])
    expect(await heir.flush()).toBe(2)
    // By its own checkpoint: with the heir's, its lines would be there twice (Q1).
    expect(await old.entries()).toEqual({ count: 2, checkpoint: 0, behind: false })
  })

  it('ends rather than answer without what the successor has stored meanwhile (Q2, F3)', async () => {
    const old = await world.start('owner', 1)
    await world.append()
    await old.entries()
    const heir = await world.start('owner', 2)
    await world.append()
    expect(await heir.flush()).toBe(2)
    await world.append()
    await expect(old.entries()).rejects.toBeInstanceOf(SkaldError)
    expect(old.wasFenced()).toBe(true)
    expect(await heir.entries()).toEqual({ count: 1, checkpoint: 2, behind: false })
  })
})

describe('a standby', () => {
  it('answers from where the stored segments end, stores nothing, and lets go of what is stored', async () => {
    const owner = await world.start('owner', 1)
    const standby = await world.start('standby', 0)
    await world.append()
    await world.append()
    expect(await standby.entries()).toEqual({ count: 2, checkpoint: 0, behind: false })
    await owner.flush()
    await world.append()
    await expect.poll(() => standby.entries()).toEqual({ count: 1, checkpoint: 2, behind: false })
    expect((await owner.entries()).count).toBe(1)
    await owner.flush()
    await expect.poll(() => standby.budget.usedBytes('heads')).toBe(0)
  })

  it('ends when it finds that what it did not apply has been stored', async () => {
    const owner = await world.start('owner', 1)
    const standby = await world.start('standby', 0)
    const { read } = world.wal
    world.wal.read = () => Promise.reject(new SkaldError('wal_unavailable', 'cut off'))
    await world.append()
    const asked = expect(standby.entries()).rejects.toBeInstanceOf(SkaldError)
    await expect.poll(async () => (await standby.status()).known).toBe(1)
    world.wal.read = read.bind(world.wal)
    await owner.flush()
    await world.append()
    await asked
    expect(standby.wasFenced()).toBe(true)
  })
})
