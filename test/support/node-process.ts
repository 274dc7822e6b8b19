/** A Skald node as a process of its own, on a data directory and ports that outlive it: what crash tests and benchmarks start, kill and start again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface NodeProcessOptions {
  /** Root of the source tree to run. */
  readonly tree: string
  readonly dataDir: string
  readonly httpPort: number
  readonly natsPort: number
  readonly environment?: Readonly<Record<string, string>>
  /** After `start`. */
  readonly arguments?: ReadonlyArray<string>
  /** Another place than here: what to put in front of the command, and the address it is reached at. */
  readonly place?: { readonly command: ReadonlyArray<string>; readonly address: string }
}

export class NodeProcess {
  readonly options: NodeProcessOptions
  private child: ChildProcess | null = null
  private output = ''

  constructor(options: NodeProcessOptions) {
    this.options = options
  }

  get url(): string {
    return `http://${this.options.place?.address ?? '127.0.0.1'}:${this.options.httpPort}`
  }

  start(): void {
    const { tree, dataDir, httpPort, natsPort, environment, arguments: more = [], place } = this.options
    const [command, ...rest] = [...(place?.command ?? []), path.join(tree, 'bin/skald.sh'), 'start', ...more] as [string, ...string[]]
    const child = spawn(command, rest, {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'pipe'],
      // As `npm start` runs it, on the node that runs this.
      env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}`, SKALD_DATA_DIR: dataDir, SKALD_HTTP_PORT: String(httpPort), SKALD_NATS_PORT: String(natsPort), ...environment },
    })
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.child = child
  }

  /** The end of what the node printed, for a failing test to show. */
  get log(): string {
    return this.output
  }

  get pid(): number | undefined {
    return this.child?.exitCode === null && this.child.signalCode === null ? this.child.pid : undefined
  }

  /** Whether `/ready` answers 200 within the time. */
  async ready(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    while (performance.now() < deadline) {
      const ok = await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(2_000) }).then(
        (answer) => answer.ok,
        () => false,
      )
      if (ok) return true
      if (this.pid === undefined) return false
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return false
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM')
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  /** Process id of the nats-server that the node started, if one runs now. */
  natsPid(): number | undefined {
    const { pid } = this
    if (pid === undefined) return undefined
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number)
      return children.find((c) => readFileSync(`/proc/${c}/cmdline`, 'utf8').includes('nats-server'))
    } catch {
      return undefined
    }
  }
}
