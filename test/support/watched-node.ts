/**
 * A real node whose event loop is watched (`loop-watch.ts`): how long whatever a client does holds it up at most. For `event-loop.test.ts` and `npm run fuzz:node`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Stall } from './loop-watch.ts'
import { freePort } from './free-port.ts'
import { NodeProcess } from './node-process.ts'

const TREE = path.resolve(import.meta.dirname, '../..')
const TRIES = 3
const PUSHED_AT_ONCE = 500
/** Queries ask for the hour from here on, unless they say otherwise. */
const START_MS = Date.now() - 3_600_000

/** Unix ns as parameters and pushes have it. */
export const atNs = (ms: number): string => `${START_MS + ms}000000`

export interface PushedStream {
  readonly stream: Readonly<Record<string, string>>
  /** Time in ns, line, structured metadata. */
  readonly values: ReadonlyArray<readonly [ns: string, line: string, metadata?: Readonly<Record<string, string>>]>
}

export interface Asked {
  readonly status: number
  readonly text: string
}

export class WatchedNode {
  readonly #directory: string
  readonly #node: NodeProcess

  private constructor(directory: string, node: NodeProcess) {
    this.#directory = directory
    this.#node = node
  }

  static async start(): Promise<WatchedNode> {
    const directory = await mkdtemp(path.join(tmpdir(), 'skald-loop-'))
    await writeFile(path.join(directory, 'stalls'), '')
    const node = new NodeProcess({
      tree: TREE,
      dataDir: path.join(directory, 'data'),
      httpPort: await freePort(),
      natsPort: await freePort(),
      environment: {
        NODE_OPTIONS: `--import ${path.join(TREE, 'test/support/loop-watch.ts')}`,
        LOOP_WATCH_FILE: path.join(directory, 'stalls'),
        SKALD_LOG_LEVEL: 'error',
        SKALD_LIMITS_CONFIG_MAX_GLOBAL_STREAMS_PER_USER: '0',
        SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
        SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
        SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
        SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
      },
    })
    node.start()
    if (await node.ready(60_000)) return new WatchedNode(directory, node)
    throw new Error(node.log)
  }

  async stop(): Promise<void> {
    await this.#node.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }

  get url(): string {
    return this.#node.url
  }

  async push(streams: ReadonlyArray<PushedStream>, tenant = 'fake'): Promise<void> {
    for (let at = 0; at < streams.length; at += PUSHED_AT_ONCE) {
      const body = JSON.stringify({ streams: streams.slice(at, at + PUSHED_AT_ONCE) })
      const answer = await fetch(`${this.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-scope-orgid': tenant }, body })
      if (answer.status !== 204) throw new Error(`push: ${answer.status} ${await answer.text()}`)
    }
  }

  async ask(endpoint: string, parameters: Readonly<Record<string, string>>, tenant = 'fake'): Promise<Asked> {
    const body = new URLSearchParams({ start: atNs(0), end: atNs(3_600_000), limit: '5000', ...parameters })
    const answer = await fetch(`${this.url}/loki/api/v1/${endpoint}`, { method: 'POST', headers: { 'x-scope-orgid': tenant }, body })
    return { status: answer.status, text: await answer.text() }
  }

  /** While `run` runs and the node catches up; 0 for what is too short to be written down. */
  async longestStallMs(run: () => Promise<unknown>): Promise<number> {
    const before = (await this.#stalls()).length
    await run()
    // Its answer tells that ticks have gone by since.
    await fetch(`${this.url}/ready`)
    return Math.max(0, ...(await this.#stalls()).slice(before).map(({ cpuMs }) => cpuMs))
  }

  /** What V8 compiles or collects just then counts too, so `run` runs again, up to three times, until it holds the event loop for less. The longest stall of each try. */
  async stallsOfTries(lessMs: number, run: () => Promise<unknown>): Promise<number[]> {
    const tries: number[] = []
    while (tries.length < TRIES && !tries.some((ms) => ms < lessMs)) tries.push(await this.longestStallMs(run))
    return tries
  }

  async #stalls(): Promise<Stall[]> {
    const text = await readFile(path.join(this.#directory, 'stalls'), 'utf8')
    return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Stall)
  }
}
