/** Nodes inside the test's process over one nats-server and one folder of objects. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock } from '../../runtime/clock.ts'
import { startTestNats, type TestNats } from './nats.ts'
import { startTestNode, type TestNode, until } from './node.ts'

const FLUSH_MS = 20_000

export class NodeGroup {
  readonly nats: TestNats
  readonly objects: string
  private readonly nodes: TestNode[] = []

  private constructor(nats: TestNats, objects: string) {
    this.nats = nats
    this.objects = objects
  }

  static async start(): Promise<NodeGroup> {
    return new NodeGroup(await startTestNats(), await mkdtemp(path.join(tmpdir(), 'skald-objects-')))
  }

  async add(name: string, options: { readonly clock?: Clock; readonly environment?: Readonly<Record<string, string>> } = {}): Promise<TestNode> {
    const common = { SKALD_NATS_URL: this.nats.url, SKALD_NODE_ID: name, SKALD_PARTITIONS: '2', SKALD_OBJECT_STORE_URL: `file:${this.objects}`, SKALD_CLUSTER_LEASE_TTL: '3s' }
    const node = await startTestNode({ ...options, environment: { ...common, ...options.environment } })
    this.nodes.push(node)
    return node
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.remove()
    await this.nats.stop()
    await rm(this.objects, { recursive: true, force: true })
  }
}

/** Also while partitions still change hands. */
export const flushed = (node: TestNode): Promise<unknown> => until('a flush', async () => (await fetch(`${node.url}/flush`, { method: 'POST' })).status === 204, FLUSH_MS)
