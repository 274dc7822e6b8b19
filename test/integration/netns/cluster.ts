/** Three nodes, a nats-server and an S3 server, each in a network namespace of its own. Runs in the hub's namespace, from where all of them are reached. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { findNatsBinary } from '../../../runtime/nats-binary.ts'
import { renderNatsConfig } from '../../../runtime/nats-config.ts'
import { readServerInfo } from '../../../runtime/nats-info.ts'
import { ownersSeenBy } from '../../support/chaos/ring-view.ts'
import { CHAOS_SETTINGS } from '../../support/chaos/settings.ts'
import { NodeProcess } from '../../support/node-process.ts'
import type { Namespaces } from './namespaces.ts'

export const NODES = ['node-1', 'node-2', 'node-3'] as const
export const NATS = 'nats'
export const STORE = 'store'
export const PARTITIONS = 6
/** Of leases: cuts and pauses last longer. */
export const LEASE_TTL_MS = 2_000

const NATS_PORT = 4222
const HTTP_PORT = 3100
const READY_MS = 60_000
const TREE = path.resolve(import.meta.dirname, '../../..')
const ENVIRONMENT = {
  ...CHAOS_SETTINGS,
  SKALD_CLUSTER_LEASE_TTL: `${LEASE_TTL_MS}ms`,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
}

export class NamespacedCluster {
  readonly nodes: ReadonlyMap<string, NodeProcess>
  readonly natsUrl: string
  readonly #servers: ReadonlyArray<ChildProcess>

  private constructor(nodes: ReadonlyMap<string, NodeProcess>, natsUrl: string, servers: ReadonlyArray<ChildProcess>) {
    this.nodes = nodes
    this.natsUrl = natsUrl
    this.#servers = servers
  }

  /** Resolves when every node is ready. */
  static async start(spaces: Namespaces, directory: string): Promise<NamespacedCluster> {
    const servers: ChildProcess[] = []
    const natsUrl = await startNats(spaces, path.join(directory, 'nats'), servers)
    const storeUrl = await startStore(spaces, servers)
    const nodes = new Map(NODES.map((name) => [name as string, nodeIn(spaces, name, path.join(directory, name), natsUrl, storeUrl)]))
    const cluster = new NamespacedCluster(nodes, natsUrl, servers)
    try {
      for (const node of nodes.values()) node.start()
      for (const [name, node] of nodes) if (!(await node.ready(READY_MS))) throw new Error(`${name} did not become ready:\n${node.log}`)
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get urls(): string[] {
    return [...this.nodes.values()].map(({ url }) => url)
  }

  /** Owner of each partition as one node sees it; null when it does not answer. */
  ownersSeenBy(name: string): Promise<ReadonlyArray<string> | null> {
    return ownersSeenBy(this.nodes.get(name)!.url)
  }

  async stop(): Promise<void> {
    // A paused one would never end.
    await Promise.all([...this.nodes.values()].map((node) => node.kill()))
    for (const server of this.#servers) server.kill('SIGKILL')
    await Promise.all(this.#servers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map((server) => once(server, 'exit')))
  }
}

function nodeIn(spaces: Namespaces, name: string, dataDir: string, natsUrl: string, storeUrl: string): NodeProcess {
  return new NodeProcess({
    tree: TREE,
    dataDir,
    httpPort: HTTP_PORT,
    natsPort: 0,
    place: { command: spaces.commandIn(name), address: spaces.addressOf(name) },
    environment: {
      ...ENVIRONMENT,
      SKALD_NODE_ID: name,
      SKALD_HTTP_HOST: '0.0.0.0',
      SKALD_NATS_URL: natsUrl,
      SKALD_PARTITIONS: String(PARTITIONS),
      SKALD_OBJECT_STORE_URL: storeUrl,
    },
  })
}

async function startNats(spaces: Namespaces, directory: string, servers: ChildProcess[]): Promise<string> {
  const binary = await findNatsBinary()
  mkdirSync(directory, { recursive: true })
  const config = path.join(directory, 'nats-server.conf')
  writeFileSync(config, renderNatsConfig({ host: '0.0.0.0', port: NATS_PORT, directory, maxPayloadBytes: 8 << 20, syncInterval: '2m', storeBytesMax: 0 }))
  servers.push(launch([...spaces.commandIn(NATS), binary.file, '-c', config], 'ignore'))
  const address = spaces.addressOf(NATS)
  const deadline = performance.now() + READY_MS
  while ((await readServerInfo(address, NATS_PORT, 1_000))?.jetstream !== true) {
    if (performance.now() > deadline) throw new Error(`nats-server did not start: ${readFileSync(path.join(directory, 'nats-server.log'), 'utf8').slice(-500)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return `nats://${address}:${NATS_PORT}`
}

async function startStore(spaces: Namespaces, servers: ChildProcess[]): Promise<string> {
  const child = launch([...spaces.commandIn(STORE), process.execPath, path.join(TREE, 'test/integration/cluster/s3-main.ts'), spaces.addressOf(STORE)], 'pipe')
  servers.push(child)
  for await (const line of createInterface({ input: child.stdout! })) if (line.startsWith('s3://')) return line
  throw new Error('the S3 server did not start')
}

function launch(command: ReadonlyArray<string>, stdout: 'ignore' | 'pipe'): ChildProcess {
  const [file, ...rest] = command
  const child = spawn(file!, rest, { stdio: ['ignore', stdout, 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}
