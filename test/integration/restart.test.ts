/** F2: a killed node serves again at once, whatever it has to replay, and its answers are complete meanwhile (Q2). 256 MB by hand: ready after 0.9 s. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import snappy from 'snappy'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PushEncoder } from '../../protocols/push/encode-protobuf.ts'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'

const PUSHES = 32
const PUSH_BYTES = 1024 * 1024
const LINE_BYTES = 128
const READY_MS_MAX = 5_000
/** On a machine that is busy with other things, by what an empty start takes there. */
const EMPTY_STARTS_MAX = 3

let dataDir: string
let node: NodeProcess
let emptyStartMs: number
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'skald-restart-'))
  node = new NodeProcess({
    tree: path.resolve(import.meta.dirname, '../..'),
    dataDir,
    httpPort: await freePort(),
    natsPort: await freePort(),
    environment: {
      SKALD_LOG_LEVEL: 'warn',
      SKALD_HTTP_SHUTDOWN_TIMEOUT: '100ms',
      SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
      SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
      SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
      SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
    },
  })
  const startedMs = performance.now()
  node.start()
  expect(await node.ready(30_000)).toBe(true)
  emptyStartMs = performance.now() - startedMs
})
afterAll(async () => {
  await node.stop()
  await rm(dataDir, { recursive: true, force: true })
})

/** A megabyte of lines, as snappy protobuf; their times are `push` ms apart from those of other pushes. */
function body(push: number, startMs: number): { bytes: Buffer; lineCount: number } {
  const encoder = new PushEncoder()
  const lineCount = PUSH_BYTES / LINE_BYTES
  const atMs = startMs + push
  for (let i = 0; i < lineCount; i++) {
    const line = Buffer.from(`push ${push} line ${i} took ${(i * 2_654_435_761) % 1_000_003} ns `.padEnd(LINE_BYTES, `${i} `))
    encoder.entry(Math.floor(atMs / 1000), (atMs % 1000) * 1e6 + i, line, 0, line.length, null, 0, 0)
  }
  encoder.endStream(`{app="restart", part="${push % 8}"}`)
  return { bytes: snappy.compressSync(encoder.finish()), lineCount }
}

async function count(): Promise<{ lines: number; warnings: ReadonlyArray<string> }> {
  const search = new URLSearchParams({ query: 'sum(count_over_time({app="restart"}[1h]))' })
  const answer = (await (await fetch(`${node.url}/loki/api/v1/query?${search}`)).json()) as { warnings?: string[]; data: { result: Array<{ value: [number, string] }> } }
  return { lines: Number(answer.data.result[0]?.value[1] ?? 0), warnings: answer.warnings ?? [] }
}

const status = async (): Promise<{ checkpoint: number; known: number; applied: number }> =>
  ((await (await fetch(`${node.url}/status`)).json()) as { partitions: Array<{ checkpoint: number; known: number; applied: number }> }).partitions[0]!

it(`is ready within ${READY_MS_MAX / 1000} s of a kill with ${PUSHES} MB to replay, and counts every line at once`, async () => {
  const startMs = Date.now()
  let pushed = 0
  for (let push = 0; push < PUSHES; push++) {
    const { bytes, lineCount } = body(push, startMs)
    const answer = await fetch(`${node.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(bytes) })
    expect(answer.status).toBe(204)
    pushed += lineCount
  }
  const before = await status()
  expect(before).toMatchObject({ checkpoint: 0, applied: before.known })
  await node.kill()
  const startedMs = performance.now()
  node.start()
  expect(await node.ready(30_000)).toBe(true)
  const readyMs = performance.now() - startedMs
  expect(await count()).toEqual({ lines: pushed, warnings: [] })
  expect(readyMs).toBeLessThan(Math.max(READY_MS_MAX, EMPTY_STARTS_MAX * emptyStartMs))
  expect(await status()).toMatchObject({ checkpoint: 0, applied: before.known })
  // And it takes pushes and flushes what it replayed.
  expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  expect(await count()).toEqual({ lines: pushed, warnings: [] })
})
