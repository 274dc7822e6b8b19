/** The log's server loses its newest records while nodes run, as in a power cut (W2 says that it may): what it kept, and what is pushed from then on, is there, once (W1). */
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { compressSync } from 'snappy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { openJetStreamWal } from '../../storage/wal-jetstream.ts'
import { startTestNats, type TestNats } from '../support/nats.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'
import { pushBody } from '../support/push-bodies.ts'

const KEPT = ['kept 0', 'kept 1', 'kept 2', 'kept 3', 'kept 4']
const LOST_COUNT = 5

let nats: TestNats
let objects: string
let node: TestNode
beforeEach(async () => {
  nats = await startTestNats()
  objects = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
})
afterEach(async () => {
  await node.remove()
  await nats.stop()
  await rm(objects, { recursive: true, force: true })
})

const start = async (environment: Readonly<Record<string, string>> = {}): Promise<void> => {
  node = await startTestNode({ environment: { SKALD_NATS_URL: nats.url, SKALD_PARTITIONS: '1', SKALD_OBJECT_STORE_URL: `file:${objects}`, ...environment } })
}
const pushed = (line: string): Promise<boolean> => push(node.url, { app: 'tail' }, [[nowNs(), line]]).then(({ status }) => status === 204)
const lines = async (): Promise<string[]> => linesOf(await query(node.url, '{app="tail"}'))
const linesThatStay = async (): Promise<string[]> => (await lines()).filter((line) => !line.startsWith('lost'))
const flushed = (): Promise<true> => until('a flush', async () => (await fetch(`${node.url}/flush`, { method: 'POST' })).status === 204 || false, 30_000)

/** Five lines that a part of the server's store keeps, five that it loses; the node has applied them all. */
async function losesRecords(...part: string[]): Promise<void> {
  const [store, copy] = [path.join(nats.dataDir, 'jetstream', ...part), path.join(nats.dataDir, 'copy')]
  for (const line of KEPT) expect(await pushed(line)).toBe(true)
  await nats.kill()
  await cp(store, copy, { recursive: true })
  await nats.restart()
  for (let i = 0; i < LOST_COUNT; i++) await until('a push is taken', () => pushed(`lost ${i}`))
  expect(await lines()).toHaveLength(KEPT.length + LOST_COUNT)
  await nats.kill()
  await rm(store, { recursive: true, force: true })
  await rename(copy, store)
}

/** Lines that the node hears nothing of, as from another node that cannot tell it. */
async function appendElsewhere(texts: ReadonlyArray<string>): Promise<void> {
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const transport = await connectTransport({ servers: nats.url, name: 'another node', random: ports.random })
  const wal = await openJetStreamWal(natsConnectionOf(transport), ports)
  try {
    for (const line of texts) {
      const body = pushBody([{ labels: '{app="tail"}', entries: [{ ns: nowNs(), line: Buffer.from(line) }] }])
      const item = { tenant: 'fake' as TenantId, pushId: '', receivedMs: ports.clock.nowMs(), labels: ['{app="tail"}'], compressedBody: compressSync(body), bodyBytes: body.length }
      await wal.append(0, `elsewhere ${line}`, encodeWalRecord([item], `elsewhere ${line}`), 10_000)
    }
  } finally {
    await wal.close()
    await transport.close()
  }
}

describe('a log that lost its newest records', () => {
  it('hides none of those that come after them', async () => {
    await start()
    await losesRecords()
    await nats.restart()
    const after = ['after 0', 'after 1', 'after 2']
    for (const line of after) await until('a push is taken', () => pushed(line))
    await until('all are there', async () => JSON.stringify(await linesThatStay()) === JSON.stringify([...after, ...KEPT]))
    await flushed()
    expect(await linesThatStay()).toEqual([...after, ...KEPT])
  })

  it('loses none of those that took their sequences before its owner looked, and none behind them', async () => {
    // Only a flush makes it look.
    await start({ SKALD_INGESTER_FLUSH_CHECK_PERIOD: '1h' })
    await losesRecords('$G', 'streams', 'SKALD_WAL_0')
    await nats.restart()
    const after = Array.from({ length: LOST_COUNT + 3 }, (_, i) => `after ${i}`)
    await appendElsewhere(after)
    await flushed()
    expect(await linesThatStay()).toEqual([...after, ...KEPT])
    await node.restart()
    expect(await linesThatStay()).toEqual([...after, ...KEPT])
  })
})
