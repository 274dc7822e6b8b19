/** The log may hold a record twice: moved out of a detour, or sent again after its duplicate window. Its owner applies it once (W1). */
import { compressSync } from 'snappy'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { appendToLog } from '../support/log-append.ts'
import { linesOf, query, startTestNode, type TestNode } from '../support/node.ts'
import { pushBody } from '../support/push-bodies.ts'

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.remove())

/** Straight into the log, past its own duplicate window. The content differs, so that each copy that is applied shows. */
async function append(recordId: string, line: string): Promise<void> {
  const labels = '{app="twice"}'
  const body = pushBody([{ labels, entries: [{ ns: BigInt(Date.now()) * 1_000_000n, line: Buffer.from(line) }] }])
  const item = { tenant: 'fake' as TenantId, pushId: '', receivedMs: Date.now(), labels: [labels], compressedBody: compressSync(body), bodyBytes: body.length }
  expect(await appendToLog(node.url, encodeWalRecord([item], recordId))).toEqual(expect.any(Number))
}

const lines = async (): Promise<string[]> => linesOf(await query(node.url, '{app="twice"}'))

it('applies a record that is in its log twice once, also after a flush and a restart', async () => {
  await append('record-1', 'first')
  await append('record-1', 'again')
  await append('record-2', 'second')
  expect(await lines()).toEqual(['first', 'second'])
  expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  await append('record-1', 'after the flush')
  await node.restart()
  await append('record-2', 'after the restart')
  await append('record-3', 'third')
  expect(await lines()).toEqual(['first', 'second', 'third'])
})
