/** A whole node in the test's process, on free ports and its own data directory, with an embedded nats-server; and a small client for it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadSkaldConfig, type SkaldConfig } from '../../actors/config.ts'
import { startNode, type NodeOptions, type RunningNode } from '../../actors/root.ts'

export interface TestNode {
  readonly url: string
  readonly dataDir: string
  /** Stops the node; its data directory stays until `remove`. */
  stop(): Promise<void>
  /** Starts it again on the same data, with more or other `SKALD_…` variables. */
  restart(environment?: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

export interface TestNodeOptions extends NodeOptions {
  /** `SKALD_…` variables. */
  readonly environment?: Readonly<Record<string, string>>
}

const READY_MS = 30_000

/** Tests push as fast as they can; what is about rates and their limits sets its own. */
const AMPLE_RATES = {
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
}

export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'skald-node-'))
  const environment = { SKALD_DATA_DIR: dataDir, SKALD_HTTP_PORT: '0', SKALD_LOG_LEVEL: 'error', SKALD_INGESTER_FLUSH_CHECK_PERIOD: '100ms', SKALD_HTTP_SHUTDOWN_TIMEOUT: '100ms', ...AMPLE_RATES, ...options.environment }
  const { config } = loadSkaldConfig({ environment })
  let running = await startReady(config, options)
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) await running.stop()
    stopped = true
  }
  return {
    get url() {
      return running.url
    },
    dataDir,
    stop,
    async restart(more = {}) {
      await stop()
      running = await startReady(loadSkaldConfig({ environment: { ...environment, ...more } }).config, options)
      stopped = false
    },
    async remove() {
      await stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** A node listens before its partitions are placed; tests begin when they are. */
async function startReady(config: SkaldConfig, options: TestNodeOptions): Promise<RunningNode> {
  const running = await startNode(config, options)
  try {
    await until('the node is ready', async () => (await fetch(`${running.url}/ready`)).ok, READY_MS)
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}

export type Line = readonly [ns: string | bigint, line: string, metadata?: Readonly<Record<string, string>>]

export async function push(url: string, stream: Readonly<Record<string, string>>, values: ReadonlyArray<Line>, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const body = JSON.stringify({ streams: [{ stream, values: values.map(([ns, ...rest]) => [String(ns), ...rest]) }] })
  return fetch(`${url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
}

export interface StreamsAnswer {
  readonly warnings?: ReadonlyArray<string>
  readonly data: { readonly resultType: string; readonly result: ReadonlyArray<{ readonly stream: Record<string, string>; readonly values: ReadonlyArray<readonly [string, string]> }> }
}

export async function query(url: string, text: string, parameters: Readonly<Record<string, string>> = {}, headers: Readonly<Record<string, string>> = {}): Promise<StreamsAnswer> {
  const search = new URLSearchParams({ query: text, limit: '5000', ...parameters })
  const answer = await fetch(`${url}/loki/api/v1/query_range?${search}`, { headers })
  const body = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status}: ${body}`)
  return JSON.parse(body) as StreamsAnswer
}

export const linesOf = (answer: StreamsAnswer): string[] => answer.data.result.flatMap((stream) => stream.values.map(([, line]) => line)).sort()

/** Nanoseconds now, as text for a push. */
export const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n

export async function until<A>(what: string, check: () => Promise<A | false | undefined>, timeoutMs = 15_000): Promise<A> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await check()
      if (value !== false && value !== undefined) return value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`${what}: not within ${timeoutMs} ms${last === undefined ? '' : ` (${String(last)})`}`)
}
