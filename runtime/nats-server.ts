/**
 * The embedded nats-server as a supervised child process: started with JetStream on one directory, watched, restarted with back-off when it
 * dies, stopped with the program. `actors/root.ts` starts one when no `nats.url` is given; tests start theirs through `test/support/nats.ts`.
 *
 * Never two on one store: a kernel lock on the directory keeps a second parent away, and a server that a killed parent left behind is ended first.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DataLock, lockDirectory } from './data-lock.ts'
import { SkaldError } from './errors.ts'
import { findNatsBinary } from './nats-binary.ts'
import { renderNatsConfig } from './nats-config.ts'
import { type ServerInfo, readServerInfo } from './nats-info.ts'
import { endOrphans } from './nats-orphan.ts'

export const MAX_PAYLOAD_BYTES_DEFAULT = 8 << 20
const READY_TIMEOUT_MS = 60_000
const READY_POLL_MS = 10
const STOP_WAIT_MS = 15_000
const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 5_000
/** The server's collector aims at this; its live data is a few MB, the rest would be garbage. A fifth more CPU of the server, a third less memory. */
const GO_MEMORY = { GOMEMLIMIT: '64MiB' }
/** A server that ran this long starts over with the shortest back-off. */
const STABLE_AFTER_MS = 30_000

export type NatsServerEvent =
  | { readonly kind: 'fetching'; readonly from: string }
  | { readonly kind: 'orphans-ended'; readonly pids: ReadonlyArray<number> }
  | { readonly kind: 'started'; readonly pid: number; readonly port: number; readonly version: string }
  | { readonly kind: 'died'; readonly reason: string; readonly retryInMs: number }
  | { readonly kind: 'start-failed'; readonly reason: string; readonly retryInMs: number }

export interface NatsServerOptions {
  readonly directory: string
  readonly bin?: string
  readonly host?: string
  /** 0 or absent: a free one, kept over restarts. */
  readonly port?: number
  readonly maxPayloadBytes?: number
  /** `2m` (the server's default) or `always`. */
  readonly syncInterval?: string
  readonly storeBytesMax?: number
  readonly onEvent?: (event: NatsServerEvent) => void
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly version: string
  /** Of the process that runs now; undefined between death and restart. */
  readonly pid: number | undefined
  readonly restarts: number
  /** For a server that runs and does not serve: ends the present process in order; another is started as after any death. */
  restart(): void
  /** Ends it in order and waits. Idempotent. */
  stop(): Promise<void>
}

/** Resolves when clients can use JetStream. Rejects with SkaldError `setup`: no program, port taken, directory in use, or the server's own complaint. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const directory = path.resolve(options.directory)
  const lock = lockDirectory(directory)
  try {
    const binary = await findNatsBinary({ ...(options.bin ? { bin: options.bin } : {}), onFetch: (from) => options.onEvent?.({ kind: 'fetching', from }) })
    const server = new EmbeddedNats(directory, binary.file, options, lock)
    await server.start()
    return server
  } catch (error) {
    lock.release()
    throw error
  }
}

class EmbeddedNats implements NatsServer {
  port: number
  version = ''
  restarts = 0
  readonly #directory: string
  readonly #program: string
  readonly #options: NatsServerOptions
  readonly #lock: DataLock
  readonly #stopping = new AbortController()
  #child: ChildProcess | undefined
  /** Settles with the reason when the present child ends. */
  #died: Promise<string> = Promise.resolve('never started')
  #watching: Promise<void> = Promise.resolve()
  readonly #endWithProgram = (): void => void this.#child?.kill('SIGTERM')

  constructor(directory: string, program: string, options: NatsServerOptions, lock: DataLock) {
    this.#directory = directory
    this.#program = program
    this.#options = options
    this.#lock = lock
    this.port = options.port ?? 0
  }

  get url(): string {
    return `nats://${this.#host}:${this.port}`
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1'
  }

  async start(): Promise<void> {
    const orphans = await endOrphans(this.#file('nats-server.conf'), this.#file('nats-server.pid'))
    if (orphans.length > 0) this.#options.onEvent?.({ kind: 'orphans-ended', pids: orphans })
    await this.#launch()
    process.on('exit', this.#endWithProgram)
    this.#watching = this.#watch()
  }

  restart(): void {
    void this.#endChild()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#endChild()
    await this.#watching
    process.removeListener('exit', this.#endWithProgram)
    this.#lock.release()
  }

  /** Restarts the server whenever it dies, until `stop`. */
  async #watch(): Promise<void> {
    let backoffMs = BACKOFF_MIN_MS
    while (!this.#stopping.signal.aborted) {
      const startedMs = performance.now()
      const reason = await this.#died
      this.#child = undefined
      if (this.#stopping.signal.aborted) return
      if (performance.now() - startedMs > STABLE_AFTER_MS) backoffMs = BACKOFF_MIN_MS
      this.#options.onEvent?.({ kind: 'died', reason, retryInMs: backoffMs })
      backoffMs = await this.#relaunch(backoffMs)
    }
  }

  /** Tries until one start succeeds; returns the back-off for the next death. */
  async #relaunch(firstBackoffMs: number): Promise<number> {
    let backoffMs = firstBackoffMs
    while (!this.#stopping.signal.aborted) {
      await sleep(backoffMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stopping.signal }).catch(() => {})
      if (this.#stopping.signal.aborted) break
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
      try {
        await this.#launch()
        this.restarts++
        break
      } catch (error) {
        this.#options.onEvent?.({ kind: 'start-failed', reason: String(error), retryInMs: backoffMs })
      }
    }
    return backoffMs
  }

  async #launch(): Promise<void> {
    this.#writeConfig()
    // Its own process group: Ctrl-C must reach the program first, which still needs its WAL to stop in order.
    const child = spawn(this.#program, ['-c', this.#file('nats-server.conf')], { stdio: 'ignore', detached: true, env: { ...GO_MEMORY, ...process.env } })
    this.#child = child
    this.#died = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    try {
      const info = await this.#waitReady(child)
      this.port = info.port
      this.version = info.version
      this.#options.onEvent?.({ kind: 'started', pid: child.pid ?? 0, port: info.port, version: info.version })
    } catch (error) {
      await this.#endChild()
      throw error
    }
  }

  #writeConfig(): void {
    mkdirSync(this.#directory, { recursive: true })
    for (const file of readdirSync(this.#directory)) if (file.endsWith('.ports')) rmSync(this.#file(file), { force: true })
    const { maxPayloadBytes = MAX_PAYLOAD_BYTES_DEFAULT, syncInterval = '2m', storeBytesMax = 0 } = this.#options
    writeFileSync(this.#file('nats-server.conf'), renderNatsConfig({ host: this.#host, port: this.port, directory: this.#directory, maxPayloadBytes, syncInterval, storeBytesMax }))
  }

  /** JetStream recovers its store before the server listens, so a greeting that offers JetStream means ready. */
  async #waitReady(child: ChildProcess): Promise<ServerInfo> {
    const dead = { reason: '' }
    void this.#died.then((reason) => (dead.reason = reason))
    const end = performance.now() + READY_TIMEOUT_MS
    while (dead.reason === '' && performance.now() < end) {
      const port = this.#announcedPort(child)
      const info = port === null ? null : await readServerInfo(this.#host, port, 1_000)
      if (info?.jetstream) return info
      await sleep(READY_POLL_MS)
    }
    throw new SkaldError('setup', `nats-server did not start on ${this.url}: ${this.#complaint() ?? (dead.reason || `not ready after ${READY_TIMEOUT_MS / 1000} s`)}`)
  }

  /** The server writes `<name>_<pid>.ports` once it listens. */
  #announcedPort(child: ChildProcess): number | null {
    try {
      const file = readdirSync(this.#directory).find((name) => name.endsWith(`_${child.pid}.ports`))
      if (file === undefined) return null
      return Number(/nats:\/\/[^"]*:(\d+)"/.exec(readFileSync(this.#file(file), 'utf8'))?.[1] ?? Number.NaN) || null
    } catch {
      return null
    }
  }

  /** What the server itself logged as fatal. */
  #complaint(): string | undefined {
    try {
      return readFileSync(this.#file('nats-server.log'), 'utf8').split('\n').slice(-20).filter((line) => /\[(FTL|ERR)\]/.test(line)).at(-1)
    } catch {
      return undefined
    }
  }

  async #endChild(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_WAIT_MS)
    await this.#died
    clearTimeout(kill)
  }

  #file(name: string): string {
    return path.join(this.#directory, name)
  }
}
