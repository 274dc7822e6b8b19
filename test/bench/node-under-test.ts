/** A node with its nats-server as processes of their own, for benchmarks: CPU and memory of both are read from /proc, so nothing goes uncounted. Linux only. */
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'

const TICKS_PER_SECOND = 100
const UNLIMITED = {
  SKALD_LOG_LEVEL: 'warn',
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '10000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '20000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '2GB',
  SKALD_LIMITS_CONFIG_REJECT_OLD_SAMPLES: 'false',
  SKALD_LIMITS_CONFIG_MAX_QUERY_LENGTH: '0s',
  SKALD_LIMITS_CONFIG_MAX_QUERY_SERIES: '100000',
  SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
}

export class NodeUnderTest {
  readonly node: NodeProcess
  private readonly folder: string

  private constructor(node: NodeProcess, folder: string) {
    this.node = node
    this.folder = folder
  }

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<NodeUnderTest> {
    const folder = await mkdtemp(path.join(tmpdir(), 'skald-bench-'))
    const node = new NodeProcess({ tree: path.resolve(import.meta.dirname, '../..'), dataDir: folder, httpPort: await freePort(), natsPort: await freePort(), environment: { ...UNLIMITED, ...environment } })
    node.start()
    if (!(await node.ready(30_000))) throw new Error(`the node did not become ready:\n${node.log}`)
    return new NodeUnderTest(node, folder)
  }

  get url(): string {
    return this.node.url
  }

  async restart(): Promise<void> {
    await this.node.stop()
    this.node.start()
    if (!(await this.node.ready(30_000))) throw new Error(`the node did not become ready again:\n${this.node.log}`)
  }

  async remove(): Promise<void> {
    await this.node.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** CPU seconds of node (all its threads) and nats-server since they started. */
  cpuSeconds(): number {
    return this.pids().reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
  }

  /** Peak resident memory of both, MB. */
  peakMb(): { readonly node: number; readonly nats: number } {
    const [node, nats] = this.pids().map(peakMbOf)
    return { node: node ?? 0, nats: nats ?? 0 }
  }

  async storedBytes(): Promise<{ readonly bytes: number; readonly objects: number }> {
    const names = (await readdir(path.join(this.folder, 'objects'), { recursive: true })).filter((name) => name.endsWith('.seg'))
    const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(this.folder, 'objects', name))).size))
    return { bytes: sizes.reduce((a, b) => a + b, 0), objects: names.length }
  }

  private pids(): number[] {
    return [this.node.pid, this.node.natsPid()].filter((pid) => pid !== undefined)
  }
}

function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

const peakMbOf = (pid: number): number => Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
