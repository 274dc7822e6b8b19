/**
 * A node in a process of its own under load, for tests that take something away from it: pushes numbered lines all the while, notes what a prober was
 * answered and how much memory the node took, and counts every line at the end (W1).
 */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Loader } from './chaos/loader.ts'
import { verify, type Verdict } from './chaos/verify.ts'
import { freePort } from './free-port.ts'
import { NodeProcess } from './node-process.ts'
import { startTestNats, type TestNats } from './nats.ts'
import { linesOf, query, until } from './node.ts'

export interface Probe {
  readonly line: string
  readonly status: number
  readonly retryAfterS: number | null
  readonly text: string
  readonly tookMs: number
}

export interface OutageOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** Default: a server of the test's own, which it can keep down. */
  readonly log?: 'external' | 'embedded'
  readonly dataDir?: string
}

const TENANT = 'outage'
const READY_MS = 30_000
const ENVIRONMENT = {
  SKALD_INGESTER_MAX_CHUNK_AGE: '1s',
  SKALD_INGESTER_FLUSH_CHECK_PERIOD: '100ms',
  SKALD_WAL_APPEND_TIMEOUT: '1500ms',
  SKALD_HTTP_SHUTDOWN_TIMEOUT: '100ms',
  SKALD_LOG_LEVEL: 'warn',
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
}

export class Outage {
  readonly node: NodeProcess
  /** The external log server; null: the node runs its own, in `<dataDir>/nats`. */
  readonly external: TestNats | null
  readonly dataDir: string
  readonly probes: Probe[] = []
  readonly #loader: Loader
  readonly #startNs = BigInt(Date.now() - 3_600_000) * 1_000_000n
  readonly #restMib: number
  #mostMib = 0

  private constructor(node: NodeProcess, external: TestNats | null, dataDir: string) {
    this.node = node
    this.external = external
    this.dataDir = dataDir
    this.#restMib = this.#memoryMib()
    this.#loader = new Loader({ urls: [node.url], natsUrl: external?.url ?? `nats://127.0.0.1:${node.options.natsPort}`, tenant: TENANT, writers: 4, linesPerPush: 5, startNs: this.#startNs, timeoutMs: 3_000 })
  }

  static async start({ environment = {}, log = 'external', dataDir: given }: OutageOptions = {}): Promise<Outage> {
    const dataDir = given ?? (await mkdtemp(path.join(tmpdir(), 'skald-outage-')))
    await mkdir(dataDir, { recursive: true })
    const external = log === 'external' ? await startTestNats({ dataDir: path.join(dataDir, 'log') }) : null
    const node = new NodeProcess({
      tree: path.resolve(import.meta.dirname, '../..'),
      dataDir,
      httpPort: await freePort(),
      natsPort: await freePort(),
      environment: { ...ENVIRONMENT, ...(external === null ? {} : { SKALD_NATS_URL: external.url }), ...environment },
    })
    node.start()
    if (!(await node.ready(READY_MS))) throw new Error(`the node did not become ready:\n${node.log}`)
    const outage = new Outage(node, external, dataDir)
    await outage.#loader.start()
    await outage.recovers(READY_MS)
    return outage
  }

  get acknowledgedLines(): number {
    return this.#loader.count
  }

  /** MiB that the node grew by at most since it was at rest. */
  get grownMib(): number {
    return this.#mostMib - this.#restMib
  }

  /** One push, answered or not. */
  async probe(bytes = 0): Promise<Probe> {
    const line = `probe ${this.probes.length} ${incompressible(bytes)}`
    const startedMs = performance.now()
    const body = JSON.stringify({ streams: [{ stream: { job: 'probe' }, values: [[String(BigInt(Date.now()) * 1_000_000n + BigInt(this.probes.length)), line]] }] })
    const headers = { 'content-type': 'application/json', 'X-Scope-OrgID': TENANT }
    const answer = await fetch(`${this.node.url}/loki/api/v1/push`, { method: 'POST', headers, body, signal: AbortSignal.timeout(20_000) })
    const retryAfter = answer.headers.get('retry-after')
    const probe = { line, status: answer.status, retryAfterS: retryAfter === null ? null : Number(retryAfter), text: await answer.text(), tookMs: performance.now() - startedMs }
    this.probes.push(probe)
    this.#mostMib = Math.max(this.#mostMib, this.#memoryMib())
    return probe
  }

  /** Pushes one after another until one is answered as wanted. */
  probeUntil(what: string, wanted: (probe: Probe) => boolean, timeoutMs: number, bytes = 0): Promise<Probe> {
    return until(what, async () => {
      const probe = await this.probe(bytes)
      return wanted(probe) ? probe : false
    }, timeoutMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; last: ${JSON.stringify({ ...this.probes.at(-1), line: '' })}\n${this.node.log.slice(-1_500)}`)
    })
  }

  /** The load is acknowledged again, by the same process. */
  async recovers(timeoutMs: number): Promise<void> {
    const { pid } = this.node
    const before = this.#loader.count
    await this.probeUntil('a push is acknowledged', ({ status }) => status === 204, timeoutMs)
    await until('the load goes on', async () => this.#loader.count > before, timeoutMs)
    if (this.node.pid !== pid) throw new Error('the node was restarted')
  }

  /** Ends the load and counts: every acknowledged line once, probes included. */
  async verdict(): Promise<Verdict> {
    const tally = await this.#loader.stop()
    const found = await verify(this.node.url, TENANT, tally, this.#startNs)
    const counts = new Map<string, number>()
    for (const line of linesOf(await query(this.node.url, '{job="probe"}', { limit: '5000' }, { 'X-Scope-OrgID': TENANT }))) counts.set(line, (counts.get(line) ?? 0) + 1)
    const acknowledged = this.probes.filter(({ status }) => status === 204)
    return {
      ...found,
      lost: [...found.lost, ...acknowledged.flatMap(({ line }) => (counts.has(line) ? [] : [line.slice(0, 20)]))],
      doubled: [...found.doubled, ...[...counts].flatMap(([line, count]) => (count > 1 ? [line.slice(0, 20)] : []))],
    }
  }

  async end(): Promise<void> {
    await this.#loader.stop()
    await this.node.stop()
    await this.external?.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }

  #memoryMib(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.node.pid}/status`, 'utf8'))![1]) / 1024
  }
}

/** Text that takes its size on a disk. */
function incompressible(bytes: number): string {
  let text = ''
  while (text.length < bytes) text += Math.random().toString(36).slice(2)
  return text.slice(0, bytes)
}
