/** A real nats-server for a test: its own store, a free port, gone when the test's process is. Stop it in `afterAll`/`afterEach`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findNatsBinary } from '../../runtime/nats-binary.ts'
import { renderNatsConfig } from '../../runtime/nats-config.ts'
import { readServerInfo } from '../../runtime/nats-info.ts'

export interface TestNatsOptions {
  /** 0 or absent: a free one. */
  readonly port?: number
  /** Kept after `stop` when given; else a fresh one that is removed. */
  readonly dataDir?: string
  /** fsync on every write. */
  readonly syncAlways?: boolean
  readonly jetstreamMaxBytes?: number
  readonly maxPayloadBytes?: number
  /** Public key of the only user who may connect. */
  readonly nkey?: string
  /** The only user, by name and password. */
  readonly login?: { readonly user: string; readonly password: string }
}

export interface TestNats {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  readonly pid: number
  /** Ends it and removes a store that it made itself. */
  stop(): Promise<void>
  /** SIGKILL, and waits until it is gone. The store stays. */
  kill(): Promise<void>
  /** Starts again on the same port and store (ends a running one first). */
  restart(): Promise<void>
}

const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(os.tmpdir(), 'skald-nats-'))
  mkdirSync(dataDir, { recursive: true })
  let running = await launch(dataDir, options.port ?? 0, options)
  const { port } = running
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    running.child.kill(signal)
    await running.gone
  }
  return {
    port,
    dataDir,
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return running.child.pid ?? 0
    },
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM')
      running = await launch(dataDir, port, options)
    },
    stop: async () => {
      await end('SIGTERM')
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

interface Running {
  readonly child: ChildProcess
  readonly port: number
  readonly gone: Promise<unknown>
}

async function launch(dataDir: string, port: number, options: TestNatsOptions): Promise<Running> {
  const binary = await findNatsBinary()
  const config = path.join(dataDir, 'nats-server.conf')
  for (const name of readdirSync(dataDir)) if (name.endsWith('.ports')) rmSync(path.join(dataDir, name))
  const { syncAlways = false, jetstreamMaxBytes = 0, maxPayloadBytes = 8 << 20 } = options
  const users = options.nkey === undefined ? '' : `authorization { users: [{ nkey: ${options.nkey} }] }\n`
  const login = options.login === undefined ? '' : `authorization { user: ${options.login.user}, password: ${options.login.password} }\n`
  writeFileSync(config, users + login + renderNatsConfig({ host: '127.0.0.1', port, directory: dataDir, maxPayloadBytes, syncInterval: syncAlways ? 'always' : '2m', storeBytesMax: jetstreamMaxBytes }))
  const child = spawn(binary.file, ['-c', config], { stdio: 'ignore' })
  living.add(child)
  const gone = new Promise((resolve) => child.once('exit', resolve)).then(() => living.delete(child))
  const ready = await waitReady(child, dataDir)
  if (ready === null) {
    child.kill('SIGKILL')
    throw new Error(`nats-server did not start: ${readFileSync(path.join(dataDir, 'nats-server.log'), 'utf8').slice(-500)}`)
  }
  return { child, port: ready, gone }
}

async function waitReady(child: ChildProcess, dataDir: string): Promise<number | null> {
  const end = performance.now() + 30_000
  while (child.exitCode === null && performance.now() < end) {
    const file = readdirSync(dataDir).find((name) => name.endsWith(`_${child.pid}.ports`))
    const port = file === undefined ? 0 : Number(/:(\d+)"/.exec(readFileSync(path.join(dataDir, file), 'utf8'))?.[1] ?? 0)
    if (port > 0 && (await readServerInfo('127.0.0.1', port, 1_000))?.jetstream) return port
    await sleep(10)
  }
  return null
}
