/** F1-F3: kill -9 before each step of a flush, on one and the same data, one step after the other; then a node that has all of it, once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FlushStep } from '../../actors/flush/flusher.ts'
import { linesOf, nowNs, push, query, until } from '../support/node.ts'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'

const STEPS: ReadonlyArray<FlushStep> = ['encode', 'put', 'commit', 'purge', 'done']
const TREE = path.resolve(import.meta.dirname, '../..')

let dataDir: string
let node: NodeProcess
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'skald-kill-'))
  node = new NodeProcess({ tree: TREE, dataDir, httpPort: await freePort(), natsPort: await freePort() })
})
afterAll(async () => {
  await node.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const linesBefore = (step: FlushStep): string[] => Array.from({ length: 100 }, (_, i) => `before ${step} ${i}`)

async function dieBefore(step: FlushStep): Promise<void> {
  const { httpPort, natsPort } = node.options
  const environment = { ...process.env, SKALD_DATA_DIR: dataDir, SKALD_HTTP_PORT: String(httpPort), SKALD_NATS_PORT: String(natsPort), SKALD_LOG_LEVEL: 'error', DIE_BEFORE: step }
  const child = spawn(process.execPath, [path.join(TREE, 'test/support/node-that-dies.ts')], { cwd: TREE, stdio: 'ignore', env: environment })
  const died = once(child, 'exit')
  try {
    await until('the node is ready', async () => (await fetch(`${node.url}/ready`)).ok, 30_000)
    const at = nowNs()
    expect((await push(node.url, { app: 'killed', step }, linesBefore(step).map((line, i) => [at + BigInt(i), line]))).status).toBe(204)
    void fetch(`${node.url}/flush`, { method: 'POST' }).catch(() => undefined)
    expect((await died)[1]).toBe('SIGKILL')
  } finally {
    child.kill('SIGKILL')
  }
}

it('loses and doubles nothing, wherever in a flush it strikes', async () => {
  for (const step of STEPS) await dieBefore(step)
  node.start()
  expect(await node.ready(30_000)).toBe(true)
  const all = STEPS.flatMap(linesBefore).sort()
  expect(linesOf(await query(node.url, '{app="killed"}'))).toEqual(all)
  expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  expect(linesOf(await query(node.url, '{app="killed"}'))).toEqual(all)
}, 180_000)
