/**
 * The messaging port over a NATS connection, and the one place that makes such a connection. `kv-jetstream.ts` and the JetStream WAL reach
 * the raw connection through `natsConnectionOf`; everyone else sees the port. It never retries a request: the caller knows whether it may.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, credsAuthenticator, errors, headers as natsHeaders } from '@nats-io/transport-node'
import type { ConnectionOptions, Msg, MsgHdrs, NatsConnection, Subscription as NatsSubscription } from '@nats-io/transport-node'
import { Backoff } from './backoff.ts'
import { SkaldError } from './errors.ts'
import { parseNatsUrls } from './nats-url.ts'
import type { Random } from './random.ts'
import type { Headers, Message, SubscribeOptions, Subscription, Transport, TransportStatus } from './transport.ts'
import { withoutLogin } from './url-logins.ts'

export interface NatsTransportOptions {
  /** As `nats-url.ts` reads them, tried in random order. */
  readonly servers: string | ReadonlyArray<string>
  /** Shown in the server's connection list. */
  readonly name: string
  readonly random: Random
  /** Keep trying while no server answers, and tell why each time; absent: reject. */
  readonly onWait?: (reason: string) => void
  /** Ends that wait: rejects with its reason. */
  readonly signal?: AbortSignal
  readonly reconnectMinMs?: number
  readonly reconnectMaxMs?: number
  /** Path of a credentials file (a JWT and its seed), read at every connection, so that it may be renewed. Absent or '': none. */
  readonly credentials?: string
}

const CONNECT_TIMEOUT_MS = 5_000
const RECONNECT_DEFAULT = { minMs: 50, maxMs: 2_000 }
/** A silent connection is given up after two of these without an answer. */
const PING_INTERVAL_MS = 5_000
/** What the server takes unless it is configured otherwise; used until its INFO is in. */
const MAX_PAYLOAD_BYTES_DEFAULT = 1024 * 1024
const NO_HEADERS: Headers = Object.freeze({})

/** Connects, and reconnects for ever afterwards. Rejects with SkaldError `setup` without credentials or when they are refused, `internal` when no server answers (unless `onWait`). */
export async function connectTransport(options: NatsTransportOptions): Promise<NatsTransport> {
  const limits = { minMs: options.reconnectMinMs ?? RECONNECT_DEFAULT.minMs, maxMs: options.reconnectMaxMs ?? RECONNECT_DEFAULT.maxMs }
  const waits = new Backoff(limits, options.random)
  for (;;) {
    options.signal?.throwIfAborted()
    const backoff = new Backoff(limits, options.random)
    try {
      return new NatsTransport(await connect(connectionOptions(options, backoff)), backoff)
    } catch (error) {
      const refused = connectError(error, options)
      if (options.onWait === undefined || refused.code === 'setup') throw refused
      options.onWait(refused.message)
      await sleep(waits.nextMs(), undefined, { signal: options.signal })
    }
  }
}

function connectError(error: unknown, { servers }: NatsTransportOptions): SkaldError {
  if (error instanceof SkaldError) return error
  const at = withoutLogin([servers].flat().join(', '))
  if (!/violation/i.test(messageOf(error))) return new SkaldError('internal', `cannot connect to NATS at ${at}: ${messageOf(error)}`, { cause: error })
  return new SkaldError('setup', `NATS at ${at} refuses this node (${messageOf(error)}): nats.url may hold a login (nats://user:password@host, nats://token@host), nats.credentials a file of credentials`, { cause: error })
}

/** The raw connection, for JetStream and KV. Throws when the transport is not a NATS one. */
export function natsConnectionOf(transport: Transport): NatsConnection {
  if (transport instanceof NatsTransport) return transport.connection
  throw new Error('this transport has no NATS connection')
}

export class NatsTransport implements Transport {
  readonly connection: NatsConnection
  readonly #listeners = new Set<(status: TransportStatus) => void>()
  /** The client leaves a request to its timeout when the connection is lost; these fail it at once. */
  readonly #waiting = new Set<(error: Error) => void>()
  #status: TransportStatus = 'connected'

  constructor(connection: NatsConnection, backoff: Backoff) {
    this.connection = connection
    void this.#follow(backoff)
    void connection.closed().then(() => this.#become('closed'))
  }

  publish(subject: string, data: Uint8Array, headers?: Headers): void {
    this.#assertUsable()
    this.connection.publish(subject, data, withHeaders(headers))
  }

  async request(
    subject: string,
    data: Uint8Array,
    options: { readonly timeoutMs: number; readonly headers?: Headers; readonly signal?: AbortSignal },
  ): Promise<Message> {
    this.#assertUsable()
    options.signal?.throwIfAborted()
    const timeoutMs = Math.max(1, Math.ceil(options.timeoutMs))
    const asked = this.connection.request(subject, data, { timeout: timeoutMs, ...withHeaders(options.headers) })
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        this.#waiting.delete(fail)
        options.signal?.removeEventListener('abort', abort)
      }
      const fail = (error: Error): void => (settled(), reject(error))
      const abort = (): void => fail(options.signal?.reason as Error)
      this.#waiting.add(fail)
      options.signal?.addEventListener('abort', abort, { once: true })
      asked.then(
        (answer) => (settled(), resolve(new NatsMessage(answer))),
        (error: unknown) => fail(requestError(error, subject, timeoutMs)),
      )
    })
  }

  subscribe(subject: string, handle: (message: Message) => void, options?: SubscribeOptions): Subscription {
    const subscription = this.connection.subscribe(subject, {
      ...(options?.queue === undefined ? {} : { queue: options.queue }),
      callback: (error, message) => {
        if (error !== null) return
        try {
          handle(new NatsMessage(message))
        } catch (thrown) {
          crashProcess(thrown)
        }
      },
    })
    return { close: () => this.#closeSubscription(subscription) }
  }

  status(): TransportStatus {
    return this.#status
  }

  onStatus(listen: (status: TransportStatus) => void): () => void {
    this.#listeners.add(listen)
    return () => void this.#listeners.delete(listen)
  }

  maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? MAX_PAYLOAD_BYTES_DEFAULT
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return
    // Draining flushes what was published; without a server there is nobody to flush to.
    await (this.#status === 'connected' ? this.connection.drain() : this.connection.close()).catch(() => this.connection.close())
    this.#become('closed')
  }

  async #closeSubscription(subscription: NatsSubscription): Promise<void> {
    if (subscription.isClosed()) return
    if (this.#status !== 'connected') return subscription.unsubscribe()
    await subscription.drain().catch(() => undefined)
  }

  async #follow(backoff: Backoff): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#become('disconnected')
      if (status.type === 'reconnect') {
        backoff.reset()
        this.#become('connected')
      }
    }
  }

  #become(status: TransportStatus): void {
    if (this.#status === status || this.#status === 'closed') return
    this.#status = status
    if (status !== 'connected') for (const fail of this.#waiting) fail(unusable(status))
    for (const listen of this.#listeners) listen(status)
  }

  /** The client would keep what is sent while disconnected and send it later: a message that its sender has given up on. */
  #assertUsable(): void {
    if (this.#status !== 'connected') throw unusable(this.#status)
  }
}

class NatsMessage implements Message {
  readonly #message: Msg
  readonly data: Buffer
  #headers: Headers | undefined

  constructor(message: Msg) {
    this.#message = message
    this.data = Buffer.from(message.data.buffer as ArrayBuffer, message.data.byteOffset, message.data.byteLength)
  }

  get subject(): string {
    return this.#message.subject
  }

  get headers(): Headers {
    return (this.#headers ??= plainHeaders(this.#message.headers))
  }

  respond(data: Uint8Array, headers?: Headers): void {
    this.#message.respond(data, withHeaders(headers))
  }
}

function connectionOptions(options: NatsTransportOptions, backoff: Backoff): ConnectionOptions {
  const { servers, login, mustEncrypt } = parseNatsUrls([options.servers].flat())
  return {
    servers: [...servers],
    name: options.name,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => backoff.nextMs(),
    // Users may be taken away and come back; a connection that has given up would never.
    ignoreAuthErrorAbort: true,
    // The client would otherwise capture a stack for every request.
    noAsyncTraces: true,
    ...login,
    ...withCredentials(options.credentials ?? ''),
    ...(mustEncrypt ? { tls: {} } : {}),
  }
}

function withCredentials(file: string): Pick<ConnectionOptions, 'authenticator'> {
  if (file === '') return {}
  const read = (): Buffer => readFileSync(file)
  try {
    read()
  } catch (error) {
    throw new SkaldError('setup', `the credentials file ${file} (nats.credentials) cannot be read: ${messageOf(error)}`, { cause: error })
  }
  return { authenticator: credsAuthenticator(read) }
}

function withHeaders(headers: Headers | undefined): { headers?: MsgHdrs } {
  if (headers === undefined) return {}
  const built = natsHeaders()
  for (const name in headers) built.set(name, (headers[name] as string).replace(/[\r\n]+/g, ' '))
  return { headers: built }
}

function plainHeaders(headers: MsgHdrs | undefined): Headers {
  if (headers === undefined) return NO_HEADERS
  const plain: Record<string, string> = {}
  for (const [name, values] of headers) plain[name] = values[0] ?? ''
  return plain
}

function unusable(status: TransportStatus): SkaldError {
  return new SkaldError('internal', `NATS connection is ${status}`, { retryable: status === 'disconnected' })
}

function requestError(error: unknown, subject: string, timeoutMs: number): SkaldError {
  if (error instanceof errors.RequestError && error.isNoResponders()) return new SkaldError('not_found', `nobody listens on ${subject}`, { cause: error })
  if (error instanceof errors.NoRespondersError) return new SkaldError('not_found', `nobody listens on ${subject}`, { cause: error })
  if (error instanceof errors.TimeoutError) return new SkaldError('query_timeout', `no answer on ${subject} within ${timeoutMs} ms`, { cause: error })
  return new SkaldError('internal', `request on ${subject} failed: ${messageOf(error)}`, { cause: error, retryable: true })
}

/** What a subscriber's handler threw is a broken invariant. */
function crashProcess(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
