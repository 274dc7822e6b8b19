import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findServers } from '../../runtime/nats-orphan.ts'
import { runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startTestNats } from '../support/nats.ts'
import { until } from '../support/node.ts'

const SKALD = path.resolve(import.meta.dirname, '../../bin/skald.ts')
const START_MS = 60_000
let folder: string
const nodes: Node[] = []

interface Node {
  readonly child: ChildProcess
  readonly url: string
  readonly output: () => string
}

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-start-'))
})
afterEach(async () => {
  for (const { child } of nodes.splice(0)) child.kill('SIGKILL')
  for (const pid of embeddedServers()) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function embeddedServers(): number[] {
  const nats = path.join(folder, 'data', 'nats')
  return findServers(path.join(nats, 'nats-server.conf'), path.join(nats, 'nats-server.pid'))
}

function launch(more: Readonly<Record<string, string>> = {}): { child: ChildProcess; output: () => string } {
  const environment = { PATH: process.env['PATH'] ?? '', SKALD_DATA_DIR: path.join(folder, 'data'), SKALD_HTTP_PORT: '0', SKALD_LOG_FORMAT: 'json', SKALD_PARTITIONS: '2', ...more }
  const child = spawn(process.execPath, [SKALD, 'start'], { cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr?.on('data', (part: Buffer) => (output += part.toString()))
  return { child, output: () => output }
}

async function startNode(): Promise<Node> {
  const { child, output } = launch()
  while (!/ready at (\S+)/.test(output())) {
    if (child.exitCode !== null || child.stderr === null) throw new Error(`skald start ended: ${output()}`)
    await Promise.race([once(child.stderr, 'data'), once(child, 'exit')])
  }
  const node = { child, output, url: /ready at (\S+)/.exec(output())?.[1] ?? '' }
  nodes.push(node)
  return node
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

async function push(node: Node, lineCount: number): Promise<void> {
  const file = path.join(folder, 'app.log')
  writeFileSync(file, Array.from({ length: lineCount }, (_, i) => `line ${i}\n`).join(''))
  const result = await runCommand(['push', file, '--url', node.url, '--label', 'job=start-test', '--id', 'once'])
  expect(result).toMatchObject({ code: 0 })
}

async function lines(node: Node): Promise<string[]> {
  const { stdout } = await runCommand(['query', '{job="start-test"}', '--url', node.url, '--limit', '1000', '--direction', 'forward', '--output', 'raw'])
  return stdout.trimEnd().split('\n')
}

const EXPECTED = Array.from({ length: 500 }, (_, i) => `line ${i}`)

// Starts whole nodes; on a busy machine of two cores each takes seconds.
describe('skald start', { timeout: 90_000 }, () => {
  it('serves, tells its status, and stops in order at SIGTERM with its nats-server', async () => {
    const node = await startNode()
    await push(node, 500)
    expect(await lines(node)).toEqual(EXPECTED)
    const { stdout } = await runCommand(['status', '--url', node.url])
    expect(stdout).toContain('durability')
    node.child.kill('SIGTERM')
    expect(await exitOf(node.child)).toBe(0)
    expect(embeddedServers()).toEqual([])
  })

  it('has every acknowledged line exactly once after kill -9, also when the push is run again with its id', async () => {
    const first = await startNode()
    await push(first, 500)
    first.child.kill('SIGKILL')
    await exitOf(first.child)
    const second = await startNode()
    expect(embeddedServers()).toHaveLength(1)
    expect(await lines(second)).toEqual(EXPECTED)
    await push(second, 500)
    expect(await lines(second)).toEqual(EXPECTED)
  })

  it('refuses a data directory that another node has, naming it, with exit code 2', async () => {
    const first = await startNode()
    const second = launch()
    expect(await exitOf(second.child)).toBe(2)
    expect(second.output()).toContain(`is in use by another node (pid ${first.child.pid}`)
    expect(second.output()).toContain('SKALD_DATA_DIR')
    await push(first, 500)
    expect(await lines(first)).toEqual(EXPECTED)
  })

  it('waits for NATS, and says so; begins when it is there, and says that no node may own partitions', async () => {
    const nats = await startTestNats()
    await nats.kill()
    const port = await freePort()
    const { child, output } = launch({ SKALD_NATS_URL: nats.url, SKALD_HTTP_PORT: String(port), SKALD_ROLES: 'gateway' })
    nodes.push({ child, output, url: '' })
    const ready = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/ready`)).text()
    await until('it says what it waits for', async () => (await ready()).startsWith(`Ingester not ready: cannot connect to NATS at ${nats.url}`), START_MS)
    await nats.restart()
    await until('it is ready', async () => (await ready()) === 'ready\n', START_MS)
    await until('it says who is missing', async () => output().includes('no node has the role `partitions`'), START_MS)
    child.kill('SIGTERM')
    expect(await exitOf(child)).toBe(0)
    await nats.stop()
  })

  it('ends at SIGTERM while it waits for NATS', async () => {
    const { child, output } = launch({ SKALD_NATS_URL: `nats://127.0.0.1:${await freePort()}` })
    nodes.push({ child, output, url: '' })
    await until('it waits', async () => output().includes('NATS does not answer yet'), START_MS)
    child.kill('SIGTERM')
    expect(await exitOf(child)).toBe(0)
  })
})
