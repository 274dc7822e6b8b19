/** A record of the log that cannot be read costs nothing but itself: the partition goes on, says so, and keeps it (W5). */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { compressSync } from 'snappy'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, type NatsTransport } from '../../runtime/transport-nats.ts'
import type { TenantId } from '../../protocols/model.ts'
import type { WalItem } from '../../protocols/push/batch.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { walSubject } from '../../storage/wal-jetstream-stream.ts'
import { runCommand } from '../support/command.ts'
import { linesOf, query, startTestNode, type TestNode } from '../support/node.ts'
import { pushBody } from '../support/push-bodies.ts'

const LABELS = '{app="damaged"}'

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.remove())

function itemOf(line: string): WalItem {
  const body = pushBody([{ labels: LABELS, entries: [{ ns: BigInt(Date.now()) * 1_000_000n, line: Buffer.from(line) }] }])
  return { tenant: 'fake' as TenantId, pushId: '', receivedMs: Date.now(), labels: [LABELS], compressedBody: compressSync(body), bodyBytes: body.length }
}

/** Straight into the log, as a node of another program, or one with a fault, would. */
async function append(record: Buffer): Promise<number> {
  const { nats } = (await (await fetch(`${node.url}/status`)).json()) as { nats: { url: string } }
  const transport: NatsTransport = await connectTransport({ servers: nats.url, name: 'test', random: new SystemRandom() })
  const { data } = await transport.request(walSubject(0), record, { timeoutMs: 5_000 })
  await transport.close()
  return (JSON.parse(data.toString()) as { seq: number }).seq
}

const lines = async (): Promise<string[]> => linesOf(await query(node.url, '{app="damaged"}'))
const metrics = async (): Promise<string> => (await fetch(`${node.url}/metrics`)).text()
const flush = async (): Promise<number> => (await fetch(`${node.url}/flush`, { method: 'POST' })).status

it('is left out and kept aside, its good items and all other records are there, also after a flush and a restart', async () => {
  await append(encodeWalRecord([itemOf('before')], 'record-1'))
  const noPush = Buffer.from('no push at all')
  const mixed = encodeWalRecord([itemOf('beside'), { ...itemOf('x'), compressedBody: compressSync(noPush), bodyBytes: noPush.length }], 'record-2')
  const flipped = encodeWalRecord([itemOf('flipped')], 'record-3')
  flipped[flipped.length - 1]! ^= 1
  const sequences = [await append(mixed), await append(flipped)]
  await append(encodeWalRecord([itemOf('after')], 'record-4'))
  expect(await lines()).toEqual(['after', 'before', 'beside'])
  expect(await metrics()).toContain('skald_wal_damaged_records_total{partition="0"} 2')
  expect(await flush()).toBe(204)
  const kept = path.join(node.dataDir, 'objects', 'damaged', 'p0')
  expect((await readdir(kept)).sort()).toEqual(sequences.map((sequence) => `${sequence}.wal`).sort())
  expect(await readFile(path.join(kept, `${sequences[0]}.wal`))).toEqual(mixed)
  await node.restart()
  expect(await lines()).toEqual(['after', 'before', 'beside'])
  const { stdout } = await runCommand(['status', '--url', node.url])
  expect(stdout).toMatch(new RegExp(`^damaged_records\n  count +2\n  newest +damaged/p0/(?:${sequences.join('|')})\\.wal\n  newest_at +20.*Z\n  in +file:${node.dataDir}/objects\n`, 'm'))
})
