/**
 * Asks all the time while things die, mostly for a writer's newest lines, now and then for a count of all that it ever pushed: every answer must be complete and hold what was
 * acknowledged before the question, and nothing that was never pushed. A connection that breaks is taken to another node, as a load balancer would.
 */
import type { Loader } from '../../support/chaos/loader.ts'

export interface ProbeOptions {
  readonly urls: ReadonlyArray<string>
  readonly tenant: string
  readonly writers: number
  readonly loader: Loader
  /** Time of line 0. */
  readonly startNs: bigint
}

export interface ProbeResult {
  readonly queries: number
  /** What went wrong, with the time since the start. */
  readonly failedQueries: ReadonlyArray<string>
  readonly latenciesMs: ReadonlyArray<number>
  /** Of counts over everything: they grow with what is stored. */
  readonly countLatenciesMs: ReadonlyArray<number>
  /** Most nodes that one question was put to. */
  readonly triesMax: number
}

/** What Loki's clients wait. */
const QUERY_TIMEOUT_MS = 30_000
const COUNT_EVERY = 10
const NEWEST_LINES = 500
const PAUSE_MS = 50
/** Through all nodes. A query that waits for elections may see each of them die; one that came back is as good as any. */
const TURNS_MAX = 2

export class QueryProbe {
  private readonly options: ProbeOptions
  private readonly failed: string[] = []
  private readonly latenciesMs: number[] = []
  private readonly countLatenciesMs: number[] = []
  private triesMax = 0
  private readonly begun = performance.now()
  private isRunning = true
  private readonly done: Promise<void>

  constructor(options: ProbeOptions) {
    this.options = options
    this.done = this.run()
  }

  get failures(): number {
    return this.failed.length
  }

  async stop(): Promise<ProbeResult> {
    this.isRunning = false
    await this.done
    const { latenciesMs, countLatenciesMs, triesMax } = this
    return { queries: latenciesMs.length + countLatenciesMs.length, failedQueries: this.failed, latenciesMs, countLatenciesMs, triesMax }
  }

  private async run(): Promise<void> {
    for (let turn = 0; this.isRunning; turn++) {
      const begun = performance.now()
      const writer = turn % this.options.writers
      const isCount = turn % COUNT_EVERY === 0
      const wrong = await this.ask(turn, isCount ? this.countOf(writer) : this.newestOf(writer))
      const taken = isCount ? this.countLatenciesMs : this.latenciesMs
      taken.push(performance.now() - begun)
      if (wrong !== '') this.failed.push(`after ${((begun - this.begun) / 1000).toFixed(1)} s, for ${Math.round(performance.now() - begun)} ms: ${wrong}`)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  private async ask(turn: number, { path, check }: Question): Promise<string> {
    const { urls } = this.options
    let last = ''
    for (let attempt = 0; attempt < urls.length * TURNS_MAX; attempt++) {
      this.triesMax = Math.max(this.triesMax, attempt + 1)
      const answer = await this.get(urls[(turn + attempt) % urls.length]! + path)
      if (!('text' in answer)) return answer.warnings === undefined ? check(answer) : `warnings: ${answer.warnings.join('; ').slice(0, 300)}`
      if (!answer.isGone) return answer.text
      last = answer.text
    }
    return `no node answered: ${last}`
  }

  private countOf(writer: number): Question {
    const { loader } = this.options
    const atLeast = loader.countOf(writer)
    const query = new URLSearchParams({ query: `sum(count_over_time({job="crash", writer="${writer}"}[3h]))`, time: String(Math.floor(Date.now() / 1000)) })
    return {
      path: `/loki/api/v1/query?${query}`,
      check: ({ data }) => {
        const count = Number(data.result[0]?.value?.[1] ?? 0)
        const atMost = loader.triedOf(writer)
        return count >= atLeast && count <= atMost ? '' : `${count} lines of writer ${writer}, between ${atLeast} and ${atMost} expected`
      },
    }
  }

  private newestOf(writer: number): Question {
    const { loader, startNs } = this.options
    const to = loader.triedOf(writer)
    const from = Math.max(0, to - NEWEST_LINES)
    const expected = loader.acknowledgedIn(writer, from, to)
    const query = new URLSearchParams({ query: `{job="crash", writer="${writer}"}`, start: String(startNs + BigInt(from)), end: String(startNs + BigInt(to)), limit: String(2 * NEWEST_LINES) })
    return {
      path: `/loki/api/v1/query_range?${query}`,
      check: ({ data }) => {
        const shown = data.result.flatMap(({ values = [] }) => values.map(([timeNs]) => Number(BigInt(timeNs) - startNs)))
        const seen = new Set(shown)
        const missing = expected.filter((line) => !seen.has(line))
        if (missing.length > 0) return `${missing.length} of the newest lines of writer ${writer} are missing, line ${missing[0]} the first`
        return seen.size === shown.length ? '' : `${shown.length - seen.size} of the newest lines of writer ${writer} are there twice`
      },
    }
  }

  private async get(url: string): Promise<Answer | { isGone: boolean; text: string }> {
    try {
      const answer = await fetch(url, { headers: { 'X-Scope-OrgID': this.options.tenant }, signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) })
      const text = await answer.text()
      return answer.ok ? (JSON.parse(text) as Answer) : { isGone: answer.status === 503, text: `${answer.status} ${text.slice(0, 200)}` }
    } catch (error) {
      return { isGone: true, text: error instanceof Error ? `${error.name} ${String(error.cause ?? error.message)}` : String(error) }
    }
  }
}

interface Answer {
  readonly warnings?: ReadonlyArray<string>
  readonly data: { readonly result: ReadonlyArray<{ readonly value?: readonly [number, string]; readonly values?: ReadonlyArray<readonly [string, string]> }> }
}

interface Question {
  readonly path: string
  /** What is wrong with the answer; '' when nothing is. */
  readonly check: (answer: Answer) => string
}
