/** The cluster as processes on this machine: nats-servers with JetStream copies, an object store, nodes. What `npm run cluster` and the chaos test start. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { NatsCluster } from '../../support/nats-cluster.ts'
import { freePort } from '../../support/free-port.ts'
import { NodeProcess } from '../../support/node-process.ts'

export interface TopologyOptions {
  readonly nodes: number
  readonly nats: number
  readonly partitions: number
  /** `s3`: an S3 server in a process of its own; `files`: a shared folder. */
  readonly store: 's3' | 'files'
  readonly environment?: Readonly<Record<string, string>>
}

const READY_MS = 60_000
const TREE = path.resolve(import.meta.dirname, '../../..')

export class Topology {
  readonly directory: string
  readonly nats: NatsCluster
  readonly nodes: NodeProcess[] = []
  private readonly store: ChildProcess | null

  private constructor(directory: string, nats: NatsCluster, store: ChildProcess | null) {
    this.directory = directory
    this.nats = nats
    this.store = store
  }

  /** Resolves when every node is ready. */
  static async start(options: TopologyOptions): Promise<Topology> {
    const directory = await mkdtemp(path.join(tmpdir(), 'skald-cluster-'))
    const nats = await NatsCluster.start(options.nats, directory)
    const { child, url } = options.store === 's3' ? await startStore() : { child: null, url: `file:${path.join(directory, 'objects')}` }
    const topology = new Topology(directory, nats, child)
    for (let i = 0; i < options.nodes; i++) topology.nodes.push(await topology.node(i, url, options))
    try {
      for (const node of topology.nodes) node.start()
      for (const node of topology.nodes) if (!(await node.ready(READY_MS))) throw new Error(`a node did not become ready:\n${node.log}`)
    } catch (error) {
      await topology.stop()
      throw error
    }
    return topology
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    if (this.store?.exitCode === null) {
      this.store.kill('SIGTERM')
      await once(this.store, 'exit')
    }
    await this.nats.stop()
    await rm(this.directory, { recursive: true, force: true })
  }

  private async node(index: number, storeUrl: string, options: TopologyOptions): Promise<NodeProcess> {
    return new NodeProcess({
      tree: TREE,
      dataDir: path.join(this.directory, `node-${index + 1}`),
      httpPort: await freePort(),
      natsPort: 0,
      environment: {
        SKALD_NODE_ID: nodeName(index),
        SKALD_ZONE: `zone-${index + 1}`,
        SKALD_NATS_URL: this.nats.url,
        SKALD_NATS_REPLICAS: String(Math.min(3, options.nats)),
        SKALD_PARTITIONS: String(options.partitions),
        SKALD_OBJECT_STORE_URL: storeUrl,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        ...options.environment,
      },
    })
  }
}

export const nodeName = (index: number): string => `node-${index + 1}`

async function startStore(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 's3-main.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line.startsWith('s3://')) return { child, url: line }
  }
  throw new Error('the S3 server did not start')
}
