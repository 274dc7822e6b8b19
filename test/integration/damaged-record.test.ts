/** A record of the log that cannot be read costs nothing but itself: the partition goes on, says so, and keeps it (W5). */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { compressSync } from 'snappy'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import type { WalItem } from '../../protocols/push/batch.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { runCommand } from '../support/command.ts'
import { appendToLog } from '../support/log-append.ts'
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

const append = (record: Buffer): Promise<number> => appendToLog(node.url, record)
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
