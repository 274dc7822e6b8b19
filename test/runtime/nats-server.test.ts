import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findServers } from '../../runtime/nats-orphan.ts'
import { type NatsServer, type NatsServerEvent, type NatsServerOptions, startNatsServer } from '../../runtime/nats-server.ts'

const MODULE = path.resolve(import.meta.dirname, '../../runtime/nats-server.ts')
let directory: string
let events: NatsServerEvent[]
const servers: NatsServer[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'skald-embedded-'))
  events = []
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const server of servers.splice(0)) await server.stop()
  for (const pid of serversOnStore()) process.kill(pid, 'SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

async function start(options: Partial<NatsServerOptions> = {}): Promise<NatsServer> {
  const server = await startNatsServer({ directory, onEvent: (event) => events.push(event), ...options })
  servers.push(server)
  return server
}

function serversOnStore(): number[] {
  return findServers(path.join(directory, 'nats-server.conf'), path.join(directory, 'nats-server.pid'))
}

async function withConnection<A>(url: string, use: (connection: NatsConnection) => Promise<A>): Promise<A> {
  const connection = await connect({ servers: url })
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

const store = (url: string, text: string): Promise<number> =>
  withConnection(url, async (connection) => {
    await (await jetstreamManager(connection)).streams.add({ name: 'T', subjects: ['t'] })
    return (await jetstream(connection).publish('t', text)).seq
  })

const stored = (url: string): Promise<number> => withConnection(url, async (connection) => (await (await jetstreamManager(connection)).streams.info('T')).state.messages)

/** Another process that starts a server on the same directory and then only lives. */
async function parentProcess(): Promise<{ child: ChildProcess; port: number; pid: number }> {
  const program = `import { startNatsServer } from ${JSON.stringify(MODULE)}
    const server = await startNatsServer({ directory: ${JSON.stringify(directory)} }); console.log(JSON.stringify({ port: server.port, pid: server.pid }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  if (child.stdout === null) throw new Error('no stdout')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, ...(JSON.parse(line.toString()) as { port: number; pid: number }) }
}

describe('startNatsServer', () => {
  it('serves JetStream with the payload limit it was given, and tells its version', async () => {
    const server = await start({ maxPayloadBytes: 4 << 20 })
    const told = await withConnection(server.url, async ({ info }) => ({ version: info?.version, payloadBytesMax: info?.max_payload }))
    expect(told).toEqual({ version: server.version, payloadBytesMax: 4 << 20 })
    expect(await withConnection(server.url, async (c) => (await (await jetstreamManager(c)).streams.list().next()).length)).toBe(0)
  })

  it('writes the sync interval and store limit into its configuration', async () => {
    await start({ syncInterval: 'always', storeBytesMax: 123 << 20 })
    const config = readFileSync(path.join(directory, 'nats-server.conf'), 'utf8')
    expect(config).toContain('sync_interval: always')
    expect(config).toContain(`max_file_store: ${123 << 20}`)
  })

  it('stops with its child, and the store is there for the next start', async () => {
    const first = await start()
    await store(first.url, 'kept')
    await first.stop()
    await first.stop()
    expect(serversOnStore()).toEqual([])
    const second = await start()
    expect(await stored(second.url)).toBe(1)
  })

  it('comes back on the same port and store when the server is killed', async () => {
    const server = await start()
    const { pid, port } = server
    await store(server.url, 'kept')
    process.kill(pid ?? 0, 'SIGKILL')
    await vi.waitFor(() => expect(server.restarts).toBe(1), { timeout: 10_000 })
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(await stored(server.url)).toBe(1)
    expect(events.map((event) => event.kind)).toEqual(['started', 'died', 'started'])
  })

  it('waits longer between restarts when it keeps dying', async () => {
    const server = await start()
    for (let round = 1; round <= 3; round++) {
      process.kill(server.pid ?? 0, 'SIGKILL')
      await vi.waitFor(() => expect(server.restarts).toBe(round), { timeout: 10_000 })
    }
    const waits = events.flatMap((event) => (event.kind === 'died' ? [event.retryInMs] : []))
    expect(waits).toEqual([100, 200, 400])
  })

  it('ends the server that a killed parent left on the store before it starts its own', async () => {
    const parent = await parentProcess()
    await store(`nats://127.0.0.1:${parent.port}`, 'kept')
    parent.child.kill('SIGKILL')
    await once(parent.child, 'exit')
    expect(serversOnStore()).toEqual([parent.pid])
    const server = await start()
    expect(events[0]).toEqual({ kind: 'orphans-ended', pids: [parent.pid] })
    expect(serversOnStore()).toEqual([server.pid])
    expect(await stored(server.url)).toBe(1)
  })

  it('refuses a second start on one store while the first parent lives', async () => {
    const parent = await parentProcess()
    await expect(start()).rejects.toThrow(`in use by another node (pid ${parent.child.pid}`)
    expect(serversOnStore()).toEqual([parent.pid])
  })

  it('says what the server said when it cannot start, and leaves no process', async () => {
    const first = await start()
    const other = path.join(directory, 'other')
    await expect(startNatsServer({ directory: other, port: first.port })).rejects.toThrow('address already in use')
    expect(findServers(path.join(other, 'nats-server.conf'), path.join(other, 'nats-server.pid'))).toEqual([])
    const retry = await startNatsServer({ directory: other })
    await retry.stop()
  })
})
