/** W1, Q2 while a partition's log has no leader: pushes are acknowledged from beside it, and have their place in it before anybody is told its end. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf, type NatsTransport } from '../../runtime/transport-nats.ts'
import { openJetStreamWal } from '../../storage/wal-jetstream.ts'
import { WalDetour } from '../../storage/wal-jetstream-detour.ts'
import { NatsLink } from '../../storage/wal-jetstream-link.ts'
import type { Wal } from '../../storage/wal.ts'
import { record } from '../conformance/wal.ts'
import { NatsCluster } from '../support/nats-cluster.ts'

const PARTITION = 1
const OTHER = 2
const LANES = [0, 1, 2].map((lane) => `SKALD_DETOUR_${lane}`)
const READ_BYTES = 8 * 1024 * 1024
/** An election takes 4 to 9 s. */
const WELL_BEFORE_A_LEADER_MS = 2_000

describe('the detour of records on three nats-servers', () => {
  let directory: string
  let nats: NatsCluster
  let transport: NatsTransport
  let jsm: JetStreamManager
  let wal: Wal

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'skald-detour-'))
    nats = await NatsCluster.start(3, directory)
    transport = await connectTransport({ servers: nats.url.split(','), name: 'detour', random: new SystemRandom() })
    jsm = await jetstreamManager(natsConnectionOf(transport), { timeout: 1_000 })
    wal = await openJetStreamWal(natsConnectionOf(transport), { clock: new SystemClock(), random: new SystemRandom(), replicas: 3 })
    for (const partition of [PARTITION, OTHER]) await wal.open(partition, 0)
  })
  afterAll(async () => {
    await wal?.close()
    await transport?.close()
    await nats?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const leaderOf = async (stream: string): Promise<string> => (await jsm.streams.info(stream).catch(() => undefined))?.cluster?.leader ?? ''
  const killLeaderOf = async (stream: string): Promise<number> => {
    await until('there is a leader', async () => (await leaderOf(stream)) !== '')
    const index = Number((await leaderOf(stream)).slice('nats-'.length)) - 1
    await nats.kill(index)
    return index
  }
  const idsIn = async (partition: number): Promise<number[]> => (await wal.read(partition, 1, READ_BYTES)).map(({ bytes }) => bytes.readUInt32LE(0))

  it('has no single keeper', () => expect(wal.keeper()).toBeNull())

  it('acknowledges while logs elect leaders, and each has its own records once afterwards', async () => {
    const dead = await killLeaderOf('SKALD_WAL_1')
    const count = 50
    const took: number[] = []
    for (let i = 0; i < count; i++) {
      const begun = performance.now()
      // Each partition has its own ids: these are two records.
      await Promise.all([wal.append(PARTITION, `r${i}`, record(i, 200), 10_000), wal.append(OTHER, `r${i}`, record(1_000 + i, 200), 10_000)])
      took.push(performance.now() - begun)
    }
    expect(Math.max(...took)).toBeLessThan(WELL_BEFORE_A_LEADER_MS)
    for (const [partition, from] of [[PARTITION, 0], [OTHER, 1_000]] as const) {
      await until('all have their place', () => wal.settle(partition).then(() => true, () => false))
      expect((await wal.state(partition)).last).toBe(count)
      expect((await idsIn(partition)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => from + i))
    }
    for (const lane of LANES) await until(`${lane} is empty`, async () => (await jsm.streams.info(lane).catch(() => undefined))?.state.messages === 0)
    nats.launch(dead)
    expect(await nats.healthy(dead, 60_000)).toBe(true)
  })

  it('moves a record that is in the log already no second time', async () => {
    const { last: before } = await wal.state(PARTITION)
    await wal.append(PARTITION, 'twice', record(7, 200), 5_000)
    await natsConnectionOf(transport).request('skald.v1.detour.0.1', record(7, 200), { timeout: 5_000, headers: headersOf('1/twice') })
    await wal.settle(PARTITION)
    expect((await wal.state(PARTITION)).last).toBe(before + 1)
    expect((await jsm.streams.info(LANES[0]!)).state.messages).toBe(0)
  })

  it('leaves what belongs to other partitions where it is', async () => {
    await natsConnectionOf(transport).request('skald.v1.detour.1.99', record(7, 200), { timeout: 5_000, headers: headersOf('99/other') })
    await natsConnectionOf(transport).request('skald.v1.detour.1.1', record(8, 200), { timeout: 5_000, headers: headersOf('1/mine') })
    await wal.settle(PARTITION)
    expect(await idsIn(PARTITION)).toContain(8)
    expect((await jsm.streams.info(LANES[1]!)).state.messages).toBe(1)
  })

  it('leaves what comes while it moves what was there, until that is moved as well', async () => {
    const nc = natsConnectionOf(transport)
    const put = (id: string): Promise<unknown> => nc.request('skald.v1.detour.2.3', record(9, 200), { timeout: 5_000, headers: headersOf(`3/${id}`) })
    const link = new NatsLink(nc)
    const parts = { nc, link, js: jetstream(nc), jsm, clock: new SystemClock(), random: new SystemRandom(), replicas: 3, duplicateWindowMs: 120_000 }
    const moved: string[] = []
    await put('before')
    await new WalDetour(parts).settle(3, async ({ recordId }) => {
      moved.push(recordId)
      if (recordId === 'before') await put('meanwhile')
    })
    expect(moved).toEqual(['before', 'meanwhile'])
    link.close()
  })

  it('spreads the leaders of its lanes over the servers again after one was away', async () => {
    const dead = await killLeaderOf(LANES[0]!)
    nats.launch(dead)
    expect(await nats.healthy(dead, 60_000)).toBe(true)
    await until('each server leads one lane', async () => new Set((await Promise.all(LANES.map(leaderOf))).filter((name) => name !== '')).size === 3)
  })

  it('doubts a leader that does not answer: a record goes round one that hangs, to a lane on another server', { retry: 2 }, async () => {
    await until('there is a leader', async () => (await leaderOf('SKALD_WAL_1')) !== '')
    const name = await leaderOf('SKALD_WAL_1')
    const hangs = Number(name.slice('nats-'.length)) - 1
    const others = nats.url.split(',').filter((_, i) => i !== hangs)
    const elsewhere = await connectTransport({ servers: others, name: 'elsewhere', random: new SystemRandom() })
    const through = await openJetStreamWal(natsConnectionOf(elsewhere), { clock: new SystemClock(), random: new SystemRandom(), replicas: 3 })
    try {
      await through.append(PARTITION, 'before', record(1, 200), 5_000)
      process.kill(nats.pid(hangs), 'SIGSTOP')
      // Less than one try of a publish takes that nobody answers.
      await expect(through.append(PARTITION, 'around', record(2, 200), 2_900)).resolves.toBeNull()
    } finally {
      process.kill(nats.pid(hangs), 'SIGCONT')
      await through.close()
      await elsewhere.close()
    }
    await until('it has its place', () => wal.settle(PARTITION).then(() => true, () => false))
    expect(await idsIn(PARTITION)).toContain(2)
    expect(await nats.healthy(hangs, 60_000)).toBe(true)
  })
})

function headersOf(id: string): ReturnType<typeof natsHeaders> {
  const carried = natsHeaders()
  carried.set('Nats-Msg-Id', id)
  return carried
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 40_000
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
