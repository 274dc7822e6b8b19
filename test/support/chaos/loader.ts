/**
 * Pushes numbered lines over HTTP and over NATS and remembers what was acknowledged. Half of the writers retry a push until it is acknowledged, with a
 * push id, as agents do; the other half never retry, so that what was not acknowledged must be there at most once.
 */
import { connect, headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node'

export interface LoaderOptions {
  /** Nodes; a push that failed is tried again at the next one. */
  readonly urls: ReadonlyArray<string>
  /** Servers, separated by commas. */
  readonly natsUrl: string
  readonly tenant: string
  readonly writers: number
  readonly linesPerPush: number
  readonly startNs: bigint
  /** Between two pushes of a writer; default none. */
  readonly pauseMs?: number
  /** After this a push without an answer counts as not acknowledged. */
  readonly timeoutMs?: number
}

export interface Tally {
  /** Line numbers acknowledged, by writer. */
  readonly acknowledged: ReadonlyArray<Set<number>>
  /** Highest line number tried, by writer. */
  readonly tried: ReadonlyArray<number>
  readonly pushes: number
  readonly refused: number
  /** Most tries that a push took which was acknowledged in the end. */
  readonly triesMax: number
  /** From the first try to the acknowledgement, of those that were acknowledged, in no order. */
  readonly latenciesMs: ReadonlyArray<number>
  /** Of these, pushed over HTTP: a request over NATS whose server dies with it is lost, and waits for its own timeout. */
  readonly httpLatenciesMs: ReadonlyArray<number>
}

const PUSH_TIMEOUT_MS_DEFAULT = 15_000

export class Loader {
  private readonly options: LoaderOptions
  private readonly acknowledged: Set<number>[]
  private readonly tried: number[]
  private running = true
  private pushes = 0
  private refused = 0
  private triesMax = 0
  private readonly latenciesMs: number[] = []
  private readonly httpLatenciesMs: number[] = []
  private done: Promise<unknown> = Promise.resolve()
  private nats: NatsConnection | null = null
  /** Of requests whose server is gone: the client would leave them to their timeout. */
  private readonly waiting = new Set<() => void>()

  constructor(options: LoaderOptions) {
    this.options = options
    this.acknowledged = Array.from({ length: options.writers }, () => new Set())
    this.tried = Array.from({ length: options.writers }, () => 0)
  }

  async start(): Promise<void> {
    this.nats = await connect({ servers: this.options.natsUrl.split(','), maxReconnectAttempts: -1, reconnectTimeWait: 100, reconnectJitter: 50 })
    void this.giveUpWhenDisconnected(this.nats)
    this.done = Promise.all(Array.from({ length: this.options.writers }, (_, writer) => this.write(writer)))
  }

  private get timeoutMs(): number {
    return this.options.timeoutMs ?? PUSH_TIMEOUT_MS_DEFAULT
  }

  get writers(): number {
    return this.options.writers
  }

  get count(): number {
    return this.acknowledged.reduce((sum, set) => sum + set.size, 0)
  }

  /** Acknowledged lines of one writer. */
  countOf(writer: number): number {
    return this.acknowledged[writer]!.size
  }

  /** Acknowledged lines of one writer from `from` to before `to`. */
  acknowledgedIn(writer: number, from: number, to: number): number[] {
    return Array.from({ length: to - from }, (_, i) => from + i).filter((line) => this.acknowledged[writer]!.has(line))
  }

  /** Lines of one writer that may be there. */
  triedOf(writer: number): number {
    return this.tried[writer]!
  }

  async stop(): Promise<Tally> {
    this.running = false
    await this.done
    await this.nats?.close()
    return { acknowledged: this.acknowledged, tried: this.tried, pushes: this.pushes, refused: this.refused, triesMax: this.triesMax, latenciesMs: this.latenciesMs, httpLatenciesMs: this.httpLatenciesMs }
  }

  private async write(writer: number): Promise<void> {
    const retries = writer % 2 === 0
    const overNats = writer % 4 >= 2
    for (let push = 0; this.running; push++) {
      if (push > 0 && this.options.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, this.options.pauseMs))
      const from = this.tried[writer]!
      const to = from + this.options.linesPerPush
      this.tried[writer] = to
      const body = this.body(writer, from, to)
      const id = retries ? `w${writer}-${push}` : ''
      const begun = performance.now()
      for (let attempt = writer; ; attempt++) {
        this.pushes++
        if (await (overNats ? this.pushNats(body, id) : this.pushHttp(body, id, this.options.urls[(attempt + push) % this.options.urls.length]!))) {
          this.latenciesMs.push(performance.now() - begun)
          this.triesMax = Math.max(this.triesMax, attempt - writer + 1)
          if (!overNats) this.httpLatenciesMs.push(performance.now() - begun)
          for (let line = from; line < to; line++) this.acknowledged[writer]!.add(line)
          break
        }
        this.refused++
        await new Promise((resolve) => setTimeout(resolve, 50))
        // A last retry loop still runs to its end after stop: its push may be stored already.
        if (!retries) break
      }
    }
  }

  private body(writer: number, from: number, to: number): string {
    const values = Array.from({ length: to - from }, (_, i) => [String(this.options.startNs + BigInt(from + i)), `line ${from + i} of writer ${writer}`])
    return JSON.stringify({ streams: [{ stream: { job: 'crash', writer: String(writer) }, values }] })
  }

  private async pushHttp(body: string, id: string, url: string): Promise<boolean> {
    try {
      const headers = { 'content-type': 'application/json', 'X-Scope-OrgID': this.options.tenant, ...(id === '' ? {} : { 'X-Skald-Push-Id': id }) }
      const answer = await fetch(`${url}/loki/api/v1/push`, { method: 'POST', headers, body, signal: AbortSignal.timeout(this.timeoutMs) })
      await answer.arrayBuffer()
      return answer.status === 204
    } catch {
      return false
    }
  }

  private async pushNats(body: string, id: string): Promise<boolean> {
    const sent = natsHeaders()
    sent.set('Content-Type', 'application/json')
    if (id !== '') sent.set('Nats-Msg-Id', id)
    try {
      const answer = await this.orGivenUp(this.nats!.request(`skald.push.${this.options.tenant}`, body, { timeout: this.timeoutMs, headers: sent }))
      return answer.headers?.get('Status') === '204'
    } catch {
      return false
    }
  }

  private orGivenUp<A>(request: Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new Error('the server is gone'))
      this.waiting.add(giveUp)
      request.then(resolve, reject).finally(() => this.waiting.delete(giveUp))
    })
  }

  private async giveUpWhenDisconnected(nats: NatsConnection): Promise<void> {
    for await (const { type } of nats.status()) if (type === 'disconnect') for (const giveUp of this.waiting) giveUp()
  }
}
