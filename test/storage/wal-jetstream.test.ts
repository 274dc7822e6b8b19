/** What the JetStream WAL does while its server dies, comes back, or loses everything. */
import { cp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { type NatsTransport, connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { type JetStreamWalOptions, openJetStreamWal } from '../../storage/wal-jetstream.ts'
import type { Wal } from '../../storage/wal.ts'
import { placed, record } from '../conformance/wal.ts'
import { type TestNats, startTestNats } from '../support/nats.ts'

const READ_BYTES = 32 * 1024 * 1024

describe('wal on JetStream', () => {
  let nats: TestNats
  let transport: NatsTransport
  let nc: NatsConnection
  let wal: Wal
  const open = (options: Partial<JetStreamWalOptions> = {}): Promise<Wal> =>
    openJetStreamWal(nc, { clock: new SystemClock(), random: new SystemRandom(), ...options })

  beforeEach(async () => {
    nats = await startTestNats({ maxPayloadBytes: 1024 * 1024 })
    transport = await connectTransport({ servers: nats.url, name: 'wal-test', random: new SystemRandom(), reconnectMaxMs: 100 })
    nc = natsConnectionOf(transport)
    wal = await open()
    await wal.open(1, 0)
  })
  afterEach(async () => {
    await wal.close()
    await transport.close()
    await nats.stop()
  })

  it('stores every record once although the server is killed under it, again and again (W1)', async () => {
    const appended = new Map<number, number>()
    const stop = new AbortController()
    const pusher = async (lane: number): Promise<void> => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const id = lane * 1_000_000 + i
        appended.set(id, await placed(wal.append(1, `id-${id}`, record(id, 2000), 20_000)))
      }
    }
    const lanes = Promise.all(Array.from({ length: 8 }, (_, lane) => pusher(lane)))
    for (let round = 0; round < 3; round++) {
      const before = appended.size
      await until(() => appended.size > before + 200)
      await nats.kill()
      await nats.restart()
    }
    stop.abort()
    await lanes
    const stored = await readAll(wal)
    const sequences = [...appended.values()]
    expect(new Set(sequences).size).toBe(sequences.length)
    for (const [id, sequence] of appended) expect(stored.get(sequence)?.readUInt32LE(0)).toBe(id)
    const ids = [...stored.values()].map((bytes) => bytes.readUInt32LE(0))
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('gives the memory of a record back that came in pieces, and of none that shares it with others', async () => {
    await wal.append(1, 'large', record(1, 500_000), 5_000)
    await wal.append(1, 'small', record(2, 10), 5_000)
    const [large, small] = await wal.read(1, 1, READ_BYTES)
    large!.release?.()
    expect(large!.bytes.length).toBe(0)
    expect(small!.release).toBeUndefined()
    expect(small!.bytes.equals(record(2, 10))).toBe(true)
  })

  it('says wal_unavailable at the deadline, and works again when the server is back', async () => {
    await nats.kill()
    const started = performance.now()
    await expect(wal.append(1, 'a', record(1, 10), 400)).rejects.toMatchObject({ code: 'wal_unavailable', status: 503, retryAfterS: 1 })
    expect(performance.now() - started).toBeLessThan(2_000)
    const waiting = wal.append(1, 'b', record(2, 10), 20_000)
    await nats.restart()
    expect(await waiting).toBe(1)
    expect((await wal.state(1)).last).toBe(1)
  })

  it('fails reads and states while the server is gone, instead of waiting for ever', async () => {
    await wal.append(1, 'a', record(1, 10), 5_000)
    const asked = Promise.allSettled([wal.read(1, 1, READ_BYTES), wal.state(1)])
    await nats.kill()
    await asked
    for (const call of [() => wal.read(1, 1, READ_BYTES), () => wal.state(1), () => wal.purge(1, 1), () => wal.open(2, 0)]) {
      await expect(call()).rejects.toMatchObject({ code: 'wal_unavailable' })
    }
    await nats.restart()
    await until(async () => (await wal.read(1, 1, READ_BYTES).catch(() => [])).length === 1)
  })

  it('makes a deleted stream again, with sequences beyond what it knows', async () => {
    for (let i = 0; i < 5; i++) await wal.append(1, `a${i}`, record(i, 10), 5_000)
    const jsm = await jetstreamManager(nc)
    await jsm.streams.delete('SKALD_WAL_1')
    expect(await wal.append(1, 'b', record(9, 10), 5_000)).toBeGreaterThan(5)
    await jsm.streams.delete('SKALD_WAL_1')
    expect((await wal.state(1)).last).toBeGreaterThan(5)
    await jsm.streams.delete('SKALD_WAL_1')
    expect(await wal.read(1, 1, READ_BYTES)).toEqual([])
  })

  it('goes on after the server lost its disk', async () => {
    wal = await open({ storedThrough: () => 777 })
    await wal.append(1, 'a', record(1, 10), 5_000)
    await nats.kill()
    await rm(path.join(nats.dataDir, 'jetstream'), { recursive: true, force: true })
    await nats.restart()
    const sequence = await wal.append(1, 'b', record(2, 10), 20_000)
    expect(sequence).toBeGreaterThan(777)
    expect((await wal.read(1, 1, READ_BYTES)).map((r) => r.sequence)).toEqual([sequence])
  })

  it.each([
    ['keeps what no segment has', 2, [3, 4, 5, 6]],
    ['begins behind what segments have', 8, [1_000_008]],
  ])('%s of a log that lost its newest records (a power cut, a restored copy)', async (_what, storedThrough, sequences) => {
    const [store, copy] = [path.join(nats.dataDir, 'jetstream'), path.join(nats.dataDir, 'copy')]
    for (let i = 1; i <= 5; i++) await wal.append(1, `kept-${i}`, record(i, 10), 5_000)
    await nats.kill()
    await cp(store, copy, { recursive: true })
    await nats.restart()
    for (let i = 6; i <= 9; i++) await wal.append(1, `lost-${i}`, record(i, 10), 20_000)
    await nats.kill()
    await rm(store, { recursive: true, force: true })
    await rename(copy, store)
    await nats.restart()
    await until(() => wal.open(1, storedThrough).then(() => true, () => false))
    await wal.append(1, 'after', record(10, 10), 20_000)
    expect((await wal.read(1, storedThrough + 1, READ_BYTES)).map(({ sequence }) => sequence)).toEqual(sequences)
  })

  it('refuses a record over max_payload with its size and the limit', async () => {
    await expect(wal.append(1, 'huge', record(1, 2 * 1024 * 1024), 5_000)).rejects.toMatchObject({ code: 'body_too_large', retryable: false })
  })

  it('names who keeps the log, and another when the server was started again', async () => {
    const before = wal.keeper()
    expect(before).not.toBeNull()
    await wal.append(1, 'a', record(1, 10), 5_000)
    expect(wal.keeper()).toBe(before)
    await nats.kill()
    await expect.poll(() => wal.keeper()).toBeNull()
    await nats.restart()
    await wal.append(1, 'b', record(2, 10), 20_000)
    expect(wal.keeper()).not.toBeNull()
    expect(wal.keeper()).not.toBe(before)
  })

  it('adjusts an existing stream to changed settings', async () => {
    const other = await open({ bytesMax: 50_000_000, duplicateWindowMs: 60_000 })
    await other.open(1, 0)
    const { config } = await (await jetstreamManager(nc)).streams.info('SKALD_WAL_1')
    expect(config).toMatchObject({ max_bytes: 50_000_000, duplicate_window: 60_000_000_000, discard: 'new', storage: 'file', allow_direct: true })
  })
})

async function readAll(wal: Wal): Promise<Map<number, Buffer>> {
  const stored = new Map<number, Buffer>()
  for (let from = 1; ; ) {
    const records = await wal.read(1, from, READ_BYTES)
    if (records.length === 0) return stored
    for (const r of records) stored.set(r.sequence, r.bytes)
    from = records.at(-1)!.sequence + 1
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}
