/** R1: a majority bucket over three real nats-servers. Each keeps one copy; whichever is killed, wiped or lost for good, nobody waits and nobody repairs anything. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { copyNames } from '../../runtime/kv-majority.ts'
import type { KvBucket } from '../../runtime/kv.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf, type NatsTransport } from '../../runtime/transport-nats.ts'
import { NatsCluster } from '../support/nats-cluster.ts'

const SERVERS = 3
const WAIT = { timeout: 30_000, interval: 50 }
/** Longer than a server is waited for. */
const LONG_MS = 700_000

/** Time that can be made to pass for whoever asks how late it is. */
class SkippingClock extends SystemClock {
  skippedMs = 0
  override monotonicMs(): number {
    return super.monotonicMs() + this.skippedMs
  }
}

const clock = new SkippingClock()
const random = new SystemRandom()
const directory = mkdtempSync(path.join(tmpdir(), 'skald-spread-'))
let nats: NatsCluster
let transport: NatsTransport
let manager: JetStreamManager
let kv: JetStreamKv
let bucket: KvBucket
let key: string

beforeAll(async () => {
  nats = await NatsCluster.start(SERVERS, directory)
  transport = await connectTransport({ servers: nats.url.split(','), random, name: 'spread', reconnectMinMs: 10, reconnectMaxMs: 100 })
  manager = await jetstreamManager(natsConnectionOf(transport), { checkAPI: false, timeout: 1_000 })
  kv = new JetStreamKv(transport, { clock, random })
  bucket = await kv.bucket({ name: 'leases', replicas: SERVERS, majority: true })
}, 60_000)

afterAll(async () => {
  await kv.close()
  await transport.close()
  await nats.stop()
  rmSync(directory, { recursive: true, force: true })
})

let keys = 0
beforeEach(async () => {
  await eachServerKeepsOne()
  key = `partition.${++keys}`
  expect(await bucket.create(key, Buffer.from('first'))).not.toBeNull()
})

/** Resolves with the server of each copy. */
async function eachServerKeepsOne(): Promise<ReadonlyArray<number>> {
  let servers: number[] = []
  await vi.waitFor(async () => {
    const infos = await Promise.all(copyNames('leases').map((name) => manager.streams.info(`KV_${name}`)))
    expect(infos.map(({ cluster }) => [cluster?.replicas, cluster !== undefined && 'desired' in cluster])).toEqual(infos.map(() => [undefined, false]))
    servers = infos.map(({ cluster }) => Number(cluster?.leader?.slice('nats-'.length)) - 1)
    expect(new Set(servers).size).toBe(SERVERS)
  }, WAIT)
  return servers
}

async function startAgain(index: number): Promise<void> {
  nats.launch(index)
  expect(await nats.healthy(index, WAIT.timeout)).toBe(true)
}

/** By compare-and-set, and read back, as soon as the client is connected again. */
async function isWritten(value: string): Promise<void> {
  await vi.waitFor(async () => {
    const before = await bucket.get(key)
    expect(await bucket.update(key, Buffer.from(value), before!.revision)).not.toBeNull()
    expect((await bucket.get(key))?.value.toString()).toBe(value)
  }, WAIT)
}

it('goes on when one server after the other is killed, each as soon as the last one is back', async () => {
  for (let index = 0; index < SERVERS; index++) {
    await nats.kill(index)
    await isWritten(`without server ${index}`)
    await startAgain(index)
  }
}, 60_000)

it('opens while a server is away', async () => {
  await nats.kill(0)
  const another = new JetStreamKv(transport, { clock, random })
  const opened = await another.bucket({ name: 'leases', replicas: SERVERS, majority: true })
  expect((await opened.get(key))?.value.toString()).toBe('first')
  await another.close()
  await startAgain(0)
}, 60_000)

it('goes on with a server that has lost its disk, also without one of the others', async () => {
  await nats.kill(1)
  nats.wipe(1)
  await isWritten('on two servers')
  await startAgain(1)
  await eachServerKeepsOne()
  await isWritten('on all three again')
  await nats.kill(2)
  await isWritten('on the wiped one and another')
  await startAgain(2)
}, 60_000)

it('makes a copy anew whose server does not come back', async () => {
  const servers = await eachServerKeepsOne()
  const lost = `KV_${copyNames('leases')[servers.indexOf(2)]!}`
  const { created } = await manager.streams.info(lost)
  await nats.kill(2)
  await vi.waitFor(async () => {
    clock.skippedMs += LONG_MS
    await expect(manager.streams.info(lost)).rejects.toThrow('stream not found')
  }, WAIT)
  await isWritten('on two servers')
  nats.wipe(2)
  await startAgain(2)
  await isWritten('and on a new one')
  await eachServerKeepsOne()
  expect((await manager.streams.info(lost)).created).not.toBe(created)
}, 60_000)
