/**
 * Clients of a simulated cluster: writers that push numbered lines through any node (half of them retry under a push id until they are told yes, half never
 * retry), and readers that hold every answer against what was acknowledged before they asked (Q1, Q2). At the end every line is read back (W1).
 */
import type { SeededRandom } from '../../runtime/random-seeded.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery } from '../../protocols/logql/plan.ts'
import type { LogScanPlan } from '../../protocols/logql/scan.ts'
import type { TenantId } from '../../protocols/model.ts'
import { scannedLines } from '../support/scanned-lines.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

export interface LoadOptions {
  readonly writers: number
  readonly linesPerPush: number
  /** Between two pushes of a writer, and two queries of a reader. */
  readonly pauseMsMax: number
  readonly readers: number
  /** Nodes that could be asked at this moment. */
  readonly nodes: () => ReadonlyArray<SimulatedNode>
}

interface Writer {
  tried: number
  readonly acknowledged: Set<number>
}

export interface Read {
  readonly lines: ReadonlyArray<number>
  readonly warnings: ReadonlyArray<string>
}

const TENANT = 'simulated' as TenantId
/** Streams of a writer: they spread over partitions. */
const STREAMS = 8
const CLIENT_TIMEOUT_MS = 15_000
const QUERY_TIMEOUT_MS = 40_000
/** A query looks at so many of the newest lines. */
const WINDOW_LINES = 400
const LIMIT = 20_000

export class Load {
  readonly counts = { pushes: 0, refused: 0, lines: 0, queries: 0, warned: 0, failed: 0 }
  readonly #world: World
  readonly #options: LoadOptions
  readonly #random: SeededRandom
  readonly #writers: Writer[]
  readonly #startNs: bigint
  #isRunning = true

  constructor(world: World, options: LoadOptions) {
    this.#world = world
    this.#options = options
    this.#random = world.random.fork()
    this.#writers = Array.from({ length: options.writers }, () => ({ tried: 0, acknowledged: new Set() }))
    this.#startNs = BigInt(world.clock.nowMs()) * 1_000_000n
  }

  /** Resolves when everybody has ended after `stop`. */
  async run(): Promise<void> {
    await Promise.all([...this.#writers.map((writer, number) => this.#write(writer, number)), ...Array.from({ length: this.#options.readers }, () => this.#read())])
  }

  stop(): void {
    this.#isRunning = false
  }

  /** Every line of every writer, from one node: acknowledged ones exactly once, others at most once. False: it warned, so ask again. */
  async verify(node: SimulatedNode): Promise<boolean> {
    for (const [number, writer] of this.#writers.entries()) {
      const read = await this.query(node, number, 0, writer.tried)
      if (read === null || read.warnings.length > 0) {
        this.#world.trace(`verify of ${number} on ${node.name}: ${read === null ? 'failed' : read.warnings.join('; ')}`)
        return false
      }
      this.#compare(`at the end, on ${node.name}`, number, writer.acknowledged, read.lines)
    }
    return true
  }

  /** Lines [from, to) of a writer; null when the node did not answer. */
  async query(node: SimulatedNode, writer: number, from: number, to: number): Promise<Read | null> {
    const { querier } = node
    if (querier === undefined) return null
    const abort = new AbortController()
    const { clock } = this.#world
    const plan = this.#plan(writer, from, to)
    const scan = querier.scan({ tenant: TENANT, plan, signal: abort.signal, cached: true })
    const answer = scan.then(
      (parts) => ({ lines: scannedLines(plan, parts).map((line) => Number(line.slice(line.lastIndexOf(' ') + 1))), warnings: parts.warnings }),
      (error: unknown) => (this.#world.trace(`query failed ${String(error)}`), null),
    )
    const timer = Promise.withResolvers<null>()
    const late = clock.after(QUERY_TIMEOUT_MS, () => timer.resolve(null))
    const read = await Promise.race([answer, timer.promise, node.process.ended.then(() => null)])
    late.cancel()
    if (read === null) abort.abort()
    return read
  }

  async #write(writer: Writer, number: number): Promise<void> {
    const isRetried = number % 2 === 0
    for (let push = 0; this.#isRunning; push++) {
      await this.#pause()
      const from = writer.tried
      writer.tried += this.#options.linesPerPush
      const body = this.#body(number, from, writer.tried)
      do {
        this.counts.pushes++
        if (await this.#push(body, isRetried ? `w${number}-${push}` : '')) {
          for (let line = from; line < writer.tried; line++) writer.acknowledged.add(line)
          this.counts.lines += writer.tried - from
          break
        }
        this.counts.refused++
        await this.#pause()
      } while (isRetried)
    }
  }

  async #push(body: Buffer, pushId: string): Promise<boolean> {
    const node = this.#anyNode()
    if (node?.gateway === undefined) return false
    const { gateway } = node
    const timer = Promise.withResolvers<number>()
    const late = this.#world.clock.after(CLIENT_TIMEOUT_MS, () => timer.resolve(0))
    const pushed = gateway.push({ tenant: TENANT, kind: 'loki', content: { contentType: 'application/json', contentEncoding: undefined, body }, pushId, traceParent: '' })
    const status = await Promise.race([pushed.then((answer) => answer.status), timer.promise, node.process.ended.then(() => 0)])
    late.cancel()
    // An answer of a node that has died meanwhile is not heard.
    const isHeard = node.process.state === 'running'
    this.#world.trace(`push ${pushId} to ${node.name}: ${status}`)
    return status === 204 && isHeard
  }

  async #read(): Promise<void> {
    while (this.#isRunning) {
      await this.#pause()
      const node = this.#anyNode()
      const number = Math.floor(this.#random.next() * this.#writers.length)
      const writer = this.#writers[number]!
      if (node === undefined || writer.tried === 0) continue
      const to = writer.tried
      const from = Math.max(0, to - WINDOW_LINES)
      const before = new Set([...writer.acknowledged].filter((line) => line >= from && line < to))
      this.counts.queries++
      const read = await this.query(node, number, from, to)
      if (read === null) this.counts.failed++
      else if (read.warnings.length > 0) this.counts.warned++
      this.#world.trace(`query of ${number} on ${node.name}: ${read === null ? 'failed' : `${read.lines.length} lines, ${read.warnings.length} warnings`}`)
      if (read !== null) this.#compare(`during the run, on ${node.name}#${node.options.incarnation}`, number, read.warnings.length > 0 ? new Set() : before, read.lines)
    }
  }

  #compare(when: string, writer: number, expected: ReadonlySet<number>, lines: ReadonlyArray<number>): void {
    const { invariants } = this.#world
    const found = new Set(lines)
    const missing = [...expected].filter((line) => !found.has(line))
    if (missing.length > 0) invariants.violated(when.startsWith('at') ? 'W1' : 'Q2', `${when}: ${missing.length} acknowledged lines of writer ${writer} are missing, first ${missing[0]}`)
    if (found.size < lines.length) {
      const doubled = lines.filter((line, i) => lines.indexOf(line) !== i)
      invariants.violated('Q1', `${when}: ${doubled.length} lines of writer ${writer} are there twice, first ${doubled[0]}`)
    }
  }

  #body(writer: number, from: number, to: number): Buffer {
    const streams = Array.from({ length: Math.min(STREAMS, to - from) }, (_, stream) => ({
      stream: { job: 'simulated', writer: String(writer), stream: String(stream) },
      values: Array.from({ length: to - from }, (_line, i) => from + i)
        .filter((line) => line % STREAMS === stream)
        .map((line) => [String(this.#startNs + BigInt(line)), `line ${line}`]),
    }))
    return Buffer.from(JSON.stringify({ streams: streams.filter(({ values }) => values.length > 0) }))
  }

  #plan(writer: number, from: number, to: number): LogScanPlan {
    const parameters = {
      kind: 'range', startNs: this.#startNs + BigInt(from), endNs: this.#startNs + BigInt(to), stepNs: 1_000_000_000n, limit: LIMIT, direction: 'forward', intervalNs: 0n, limits: { seriesMax: 1_000 },
    } as const
    return planQuery(parse(`{job="simulated", writer="${writer}"}`), parameters).scans[0] as LogScanPlan
  }

  #anyNode(): SimulatedNode | undefined {
    const nodes = this.#options.nodes()
    return nodes[Math.floor(this.#random.next() * nodes.length)]
  }

  #pause(): Promise<void> {
    return this.#world.clock.sleep(this.#random.next() * this.#options.pauseMsMax)
  }
}
