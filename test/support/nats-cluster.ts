/** Several real nats-servers clustered on loopback, with JetStream copies on each; every one can be killed and started again on its store. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findNatsBinary } from '../../runtime/nats-binary.ts'
import { freePort } from './free-port.ts'

interface Server {
  readonly name: string
  readonly port: number
  readonly monitorPort: number
  readonly directory: string
  child: ChildProcess | null
  gone: Promise<unknown>
}

interface StreamView {
  /** '' when nobody says that it leads. */
  readonly leader: string
  readonly copies: number
  readonly isCurrent: boolean
}

interface Replica {
  readonly current: boolean
  readonly offline?: boolean
}

interface StreamDetail {
  readonly name: string
  readonly cluster?: { readonly leader?: string; readonly replicas?: ReadonlyArray<Replica> }
}

const ASK_MS = 2_000
const CONFIG = 'nats-server.conf'
const MAX_PAYLOAD_BYTES = 8 << 20
const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export class NatsCluster {
  private readonly servers: Server[] = []
  private binary = ''

  /** Resolves when all have joined and their copies are current. */
  static async start(count: number, directory: string): Promise<NatsCluster> {
    const cluster = new NatsCluster()
    cluster.binary = (await findNatsBinary()).file
    const routePorts: number[] = []
    for (let i = 0; i < count; i++) routePorts.push(await freePort())
    for (const [i, routePort] of routePorts.entries()) {
      const server: Server = { name: `nats-${i + 1}`, port: await freePort(), monitorPort: await freePort(), directory: path.join(directory, `nats-${i + 1}`), child: null, gone: Promise.resolve() }
      mkdirSync(server.directory, { recursive: true })
      writeFileSync(configFile(server), configOf(server, routePort, count > 1 ? routePorts : []))
      cluster.servers.push(server)
    }
    for (let i = 0; i < count; i++) cluster.launch(i)
    for (let i = 0; i < count; i++) {
      if (await cluster.healthy(i, 60_000)) continue
      await cluster.stop()
      throw new Error(`nats-server ${i + 1} did not become healthy: ${cluster.log(i)}`)
    }
    return cluster
  }

  get count(): number {
    return this.servers.length
  }

  /** For `SKALD_NATS_URL`. */
  get url(): string {
    return this.servers.map(({ port }) => `nats://127.0.0.1:${port}`).join(',')
  }

  pid(index: number): number {
    return this.servers[index]?.child?.pid ?? 0
  }

  launch(index: number): void {
    const server = this.servers[index]!
    const child = spawn(this.binary, ['-c', configFile(server)], { stdio: 'ignore' })
    living.add(child)
    server.child = child
    server.gone = new Promise((resolve) => child.once('exit', resolve)).then(() => living.delete(child))
  }

  kill(index: number): Promise<void> {
    return this.end(index, 'SIGKILL')
  }

  /** Resolves when it is gone. */
  async end(index: number, signal: NodeJS.Signals): Promise<void> {
    const server = this.servers[index]!
    server.child?.kill(signal)
    await server.gone
  }

  /** Empties the disk of one that is not running. */
  wipe(index: number): void {
    const { directory } = this.servers[index]!
    for (const name of readdirSync(directory)) if (name !== CONFIG) rmSync(path.join(directory, name), { recursive: true, force: true })
  }

  /** Whether it serves and all its copies are current, within the time. */
  async healthy(index: number, timeoutMs: number): Promise<boolean> {
    const end = performance.now() + timeoutMs
    const { monitorPort } = this.servers[index]!
    while (performance.now() < end) {
      const isOk = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(({ ok }) => ok, () => false)
      if (isOk) return true
      await sleep(50)
    }
    return false
  }

  /** Whether every stream has a leader, as the living servers say. */
  async hasLeaders(): Promise<boolean> {
    const streams = await this.streams()
    return streams !== null && [...streams.values()].every(({ leader }) => leader !== '')
  }

  /** Whether, besides, every copy of every stream is there and current. */
  async isWhole(): Promise<boolean> {
    const streams = await this.streams()
    return streams !== null && [...streams.values()].every(({ leader, isCurrent }) => leader !== '' && isCurrent)
  }

  /** Whether each stream of these names has one copy, on a server of its own. */
  async areAlone(prefix: string, names: ReadonlyArray<string>): Promise<boolean> {
    const streams = await this.streams()
    const views = names.map((name) => streams?.get(prefix + name))
    return views.every((view) => view?.copies === 1) && new Set(views.map((view) => view?.leader)).size === names.length
  }

  /** What `isWhole` misses, for a failing test to show. */
  async missing(): Promise<string> {
    const streams = await this.streams()
    if (streams === null) return 'a server does not answer'
    return [...streams].filter(([, { leader, isCurrent }]) => leader === '' || !isCurrent).map(([name, { leader }]) => (leader === '' ? `${name} has no leader` : `${name} has copies that are not current`)).join(', ')
  }

  /** By name, as its leader says where there is one; null: a server does not answer. */
  private async streams(): Promise<ReadonlyMap<string, StreamView> | null> {
    const living = this.servers.filter(({ child }) => child !== null && child.exitCode === null && child.signalCode === null)
    const views = await Promise.all(living.map(streamsOf))
    const known = new Map<string, StreamView>()
    for (const [i, streams] of views.entries()) {
      if (streams === null) return null
      for (const { name, cluster } of streams) {
        const isLeader = cluster?.leader === living[i]!.name
        if (isLeader || !known.has(name)) known.set(name, viewOf(living[i]!.name, isLeader, cluster?.replicas ?? []))
      }
    }
    return known
  }

  /** The end of a server's log. */
  log(index: number): string {
    return readFileSync(path.join(this.servers[index]!.directory, 'nats-server.log'), 'utf8').slice(-1_000)
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((_, index) => this.end(index, 'SIGTERM')))
  }
}

const viewOf = (server: string, isLeader: boolean, others: ReadonlyArray<Replica>): StreamView => ({
  leader: isLeader ? server : '',
  copies: 1 + others.length,
  isCurrent: others.every(({ current, offline }) => current && offline !== true),
})

/** What a server says of the streams that it has a copy of. */
async function streamsOf({ monitorPort }: Server): Promise<ReadonlyArray<StreamDetail> | null> {
  const answer = fetch(`http://127.0.0.1:${monitorPort}/jsz?accounts=true&streams=true`, { signal: AbortSignal.timeout(ASK_MS) })
  const said = await answer.then((got) => got.json() as Promise<{ account_details?: ReadonlyArray<{ stream_detail?: ReadonlyArray<StreamDetail> }> }>, () => null)
  return said === null ? null : (said.account_details ?? []).flatMap(({ stream_detail }) => stream_detail ?? [])
}

const configFile = (server: Server): string => path.join(server.directory, CONFIG)

function configOf(server: Server, routePort: number, routePorts: ReadonlyArray<number>): string {
  const { name, port, monitorPort, directory } = server
  const cluster = ['cluster {', '  name: skald', `  listen: "127.0.0.1:${routePort}"`, `  routes: [${routePorts.map((other) => `"nats://127.0.0.1:${other}"`).join(', ')}]`, '}']
  return [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${port}"`,
    `http: "127.0.0.1:${monitorPort}"`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    `log_file: ${JSON.stringify(path.join(directory, 'nats-server.log'))}`,
    `jetstream { store_dir: ${JSON.stringify(directory)} }`,
    ...(routePorts.length === 0 ? [] : cluster),
    '',
  ].join('\n')
}
