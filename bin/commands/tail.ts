/**
 * `skald tail`: follows a selector by asking for what is newer, every second. Lines that arrive later with an older time than the last one shown are not seen. It waits for a
 * node that refuses for now (429) or is away; what asking again cannot help ends it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { backoffMs } from '../../runtime/backoff.ts'
import { type Command, EXIT_OK, UsageError } from '../command.ts'
import { ClientError, TARGET_OPTIONS, type Target, getJson, targetFrom } from '../http-client.ts'
import { oneOf } from '../option-values.ts'
import { type LogLine, logLines, parseAnswer, renderLine } from '../query-result.ts'
import { durationMs, parseTimeNs } from '../query-time.ts'

const POLL_MS = 1_000
/** Between questions that fail, unless the server says how long to wait. */
const BACKOFF = { minMs: 1_000, maxMs: 5_000 }
const PAGE_LINES = 1_000
/** The server's clock and a pusher's may be ahead of ours. */
const AHEAD_NS = 600_000_000_000n

export const tail: Command = {
  usage: `usage: skald tail SELECTOR [--since DURATION] [--output default|raw|jsonl] [--tenant ID] [--url URL]

  --since DURATION   begin this far back (default 0s: what comes from now on)`,

  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { ...TARGET_OPTIONS, since: { type: 'string', default: '0s' }, output: { type: 'string', default: 'default' } } })
    const [expression] = positionals
    if (expression === undefined || positionals.length !== 1) throw new UsageError('tail takes one LogQL expression')
    const form = oneOf(['default', 'raw', 'jsonl'], values.output, 'output')
    const sinceNs = parseTimeNs('now', Date.now() - durationMs(values.since))
    const follower = new Follower(targetFrom(values, io.environment), expression, sinceNs, (reason) => io.stderr.write(`skald: ${reason}; trying again\n`))
    while (!io.signal?.aborted) {
      const { lines, waitMs } = await follower.next(io.signal)
      for (const line of lines) io.stdout.write(renderLine(line, form))
      if (waitMs > 0) await sleep(waitMs, undefined, io.signal === undefined ? {} : { signal: io.signal }).catch(() => {})
    }
    return EXIT_OK
  },
}

interface Step {
  readonly lines: ReadonlyArray<LogLine>
  /** Before the next question. */
  readonly waitMs: number
}

/** Remembers the newest time and what was shown of it, so that a line of the same nanosecond is neither missed nor repeated. */
class Follower {
  readonly #target: Target
  readonly #expression: string
  #sinceNs: bigint
  #shownAtSince = new Set<string>()
  readonly #onWait: (reason: string) => void
  #connected = false
  /** In a row. */
  #failures = 0

  /** `onWait`: told once when questions begin to fail. */
  constructor(target: Target, expression: string, sinceNs: bigint, onWait: (reason: string) => void) {
    this.#target = target
    this.#expression = expression
    this.#sinceNs = sinceNs
    this.#onWait = onWait
  }

  async next(signal?: AbortSignal): Promise<Step> {
    try {
      const lines = this.#fresh(await this.#ask(signal))
      this.#connected = true
      this.#failures = 0
      return { lines, waitMs: lines.length < PAGE_LINES ? POLL_MS : 0 }
    } catch (error) {
      if (signal?.aborted) return { lines: [], waitMs: 0 }
      if (!(error instanceof ClientError) || !this.#mayPass(error)) throw error
      const failures = this.#failures++
      if (failures === 0) this.#onWait(error.message)
      return { lines: [], waitMs: Math.max(POLL_MS, error.retryAfterMs ?? backoffMs(failures, BACKOFF, Math.random())) }
    }
  }

  /** A node that was never there may be the wrong address. */
  #mayPass({ status }: ClientError): boolean {
    return status === 429 || (this.#connected && (status === undefined || status >= 500))
  }

  async #ask(signal?: AbortSignal): Promise<LogLine[]> {
    const end = parseTimeNs('now', Date.now()) + AHEAD_NS
    const parameters = new URLSearchParams({ query: this.#expression, start: String(this.#sinceNs), end: String(end), limit: String(PAGE_LINES), direction: 'forward' })
    const { data } = parseAnswer(await getJson(this.#target, `/loki/api/v1/query_range?${parameters}`, signal))
    if (data.resultType !== 'streams') throw new UsageError('tail takes a log query, not a metric query')
    return logLines(data, 'forward')
  }

  #fresh(lines: ReadonlyArray<LogLine>): LogLine[] {
    const fresh = lines.filter((line) => line.ns > this.#sinceNs || !this.#shownAtSince.has(identity(line)))
    const newest = fresh.at(-1)?.ns
    if (newest === undefined) {
      // A full page of one nanosecond, all of it shown: the only way on is past it.
      if (lines.length === PAGE_LINES) this.#sinceNs++
      return []
    }
    if (newest > this.#sinceNs) this.#shownAtSince = new Set()
    this.#sinceNs = newest
    for (const line of fresh) if (line.ns === newest) this.#shownAtSince.add(identity(line))
    return fresh
  }
}

function identity(line: LogLine): string {
  return `${JSON.stringify(line.labels)} ${line.line}`
}
