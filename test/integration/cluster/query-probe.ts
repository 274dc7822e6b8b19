/**
 * Asks for counts all the time while things die: every answer must be complete and hold what was acknowledged before the question, and nothing that was never
 * pushed. A connection that breaks is taken to another node, as a load balancer would.
 */
import type { Loader } from '../../support/chaos/loader.ts'

export interface ProbeOptions {
  readonly urls: ReadonlyArray<string>
  readonly tenant: string
  readonly writers: number
  readonly loader: Loader
}

export interface ProbeResult {
  readonly queries: number
  /** What went wrong, with the time since the start. */
  readonly failedQueries: ReadonlyArray<string>
  readonly latenciesMs: ReadonlyArray<number>
}

/** More than `querier.catch_up_timeout`: a query waits for elections, perhaps two of them. */
const QUERY_TIMEOUT_MS = 45_000
const PAUSE_MS = 50
/** Through all nodes. A query that waits for elections may see each of them die; one that came back is as good as any. */
const TURNS_MAX = 2

export class QueryProbe {
  private readonly options: ProbeOptions
  private readonly failed: string[] = []
  private readonly latenciesMs: number[] = []
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
    return { queries: this.latenciesMs.length, failedQueries: this.failed, latenciesMs: this.latenciesMs }
  }

  private async run(): Promise<void> {
    for (let turn = 0; this.isRunning; turn++) {
      const begun = performance.now()
      const wrong = await this.ask(turn, turn % this.options.writers)
      this.latenciesMs.push(performance.now() - begun)
      if (wrong !== '') this.failed.push(`after ${((begun - this.begun) / 1000).toFixed(1)} s, for ${Math.round(performance.now() - begun)} ms: ${wrong}`)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  private async ask(turn: number, writer: number): Promise<string> {
    const { urls, loader } = this.options
    const atLeast = loader.countOf(writer)
    let last = ''
    for (let attempt = 0; attempt < urls.length * TURNS_MAX; attempt++) {
      const answer = await this.count(urls[(turn + attempt) % urls.length]!, writer)
      if (typeof answer === 'number') {
        const atMost = loader.triedOf(writer)
        return answer >= atLeast && answer <= atMost ? '' : `${answer} lines of writer ${writer}, between ${atLeast} and ${atMost} expected`
      }
      if (!answer.isGone) return answer.text
      last = answer.text
    }
    return `no node answered: ${last}`
  }

  private async count(url: string, writer: number): Promise<number | { isGone: boolean; text: string }> {
    const query = new URLSearchParams({ query: `sum(count_over_time({job="crash", writer="${writer}"}[3h]))`, time: String(Math.floor(Date.now() / 1000)) })
    try {
      const answer = await fetch(`${url}/loki/api/v1/query?${query}`, { headers: { 'X-Scope-OrgID': this.options.tenant }, signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) })
      const text = await answer.text()
      if (!answer.ok) return { isGone: answer.status === 503, text: `${answer.status} ${text.slice(0, 200)}` }
      const body = JSON.parse(text) as { warnings?: string[]; data: { result: Array<{ value: [number, string] }> } }
      if (body.warnings !== undefined) return { isGone: false, text: `warnings: ${body.warnings.join('; ').slice(0, 300)}` }
      return Number(body.data.result[0]?.value[1] ?? 0)
    } catch (error) {
      return { isGone: true, text: error instanceof Error ? `${error.name} ${String(error.cause ?? error.message)}` : String(error) }
    }
  }
}
