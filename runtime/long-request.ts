/**
 * Requests whose answers may be large or long in coming, over the transport: the other side accepts at once, shows every second that it is still at it, and
 * sends the answer compressed and in parts that fit a message. So a dead or paused node is noticed within seconds, however long the answer takes.
 * Reads of partitions on other nodes go through it. At most once; asking again is the caller's decision.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Clock, Timer } from './clock.ts'
import { ERROR_STATUS, SkaldError } from './errors.ts'
import type { ErrorCode } from './errors.ts'
import type { Random } from './random.ts'
import type { Headers, Message, SubscribeOptions, Subscription, Transport } from './transport.ts'

export interface LongRequestPorts {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

export type LongHandler = (request: Buffer, subject: string, signal: AbortSignal) => Promise<Uint8Array>

const HEADER = { inbox: 'Skald-Inbox', cancel: 'Skald-Cancel', kind: 'Skald-Kind', part: 'Skald-Part', code: 'Skald-Error', retryable: 'Skald-Retryable', encoding: 'Skald-Encoding' } as const
const CANCEL_SUFFIX = '.cancel'
const INBOX_PREFIX = 'skald.v1.inbox.'
/** Until the other side has accepted. */
const ACCEPT_MS = 1_500
const ALIVE_MS = 1_000
/** Neither a part nor a sign of life for this long: the other side is gone. */
const SILENCE_MS = 3_000
/** Smaller answers are sent as they are. */
const COMPRESS_FROM_BYTES = 4_096
/** Left free in a message for headers. */
const HEADERS_BYTES = 4_096
const PART_BYTES_MAX = 512 * 1024
const ANSWER_BYTES_MAX = 512 * 1024 * 1024

/** Answers long requests on a subject (wildcards allowed) until the subscription is closed. In a queue group one member gets each request, and all are told who has left. */
export function serveLong(ports: LongRequestPorts, subject: string, handle: LongHandler, options?: SubscribeOptions): Subscription {
  const running = new Map<string, AbortController>()
  const cancels = ports.transport.subscribe(subject + CANCEL_SUFFIX, ({ headers }) => {
    running.get(headers[HEADER.cancel] ?? '')?.abort(new SkaldError('query_cancelled', 'whoever asked has left'))
  })
  const requests = ports.transport.subscribe(subject, (message) => {
    const inbox = message.headers[HEADER.inbox] ?? ''
    if (!inbox.startsWith(INBOX_PREFIX)) return message.respond(Buffer.alloc(0), errorHeaders(new SkaldError('bad_request', 'no inbox was given')))
    const abort = new AbortController()
    running.set(inbox, abort)
    message.respond(Buffer.alloc(0))
    void answer(ports, inbox, () => handle(message.data, message.subject, abort.signal)).finally(() => running.delete(inbox))
  }, options)
  return { close: async () => void (await Promise.all([requests.close(), cancels.close()])) }
}

async function answer({ transport, clock }: LongRequestPorts, inbox: string, run: () => Promise<Uint8Array>): Promise<void> {
  const send = (body: Uint8Array, headers: Headers): void => {
    // Without a connection nobody waits any more.
    if (transport.status() === 'connected') transport.publish(inbox, body, headers)
  }
  let beat: Timer | undefined
  const live = (): void => {
    beat = clock.after(ALIVE_MS, () => (send(Buffer.alloc(0), { [HEADER.kind]: 'alive' }), live()))
  }
  live()
  try {
    const body = await run()
    const isSmall = body.byteLength < COMPRESS_FROM_BYTES
    sendParts(isSmall ? body : zstdCompressSync(body), isSmall ? 'none' : 'zstd', transport.maxPayloadBytes(), send)
  } catch (error) {
    send(Buffer.from(error instanceof Error ? error.message : String(error)), errorHeaders(error))
  } finally {
    beat?.cancel()
  }
}

function sendParts(body: Uint8Array, encoding: string, payloadBytesMax: number, send: (part: Uint8Array, headers: Headers) => void): void {
  const partBytes = Math.max(1, Math.min(PART_BYTES_MAX, payloadBytesMax - HEADERS_BYTES))
  const count = Math.max(1, Math.ceil(body.byteLength / partBytes))
  for (let part = 0; part < count; part++) {
    send(body.subarray(part * partBytes, (part + 1) * partBytes), { [HEADER.kind]: 'part', [HEADER.part]: `${part}/${count}`, [HEADER.encoding]: encoding })
  }
}

function errorHeaders(error: unknown): Headers {
  const known = error instanceof SkaldError ? error : new SkaldError('internal', String(error))
  return { [HEADER.kind]: 'error', [HEADER.code]: known.code, [HEADER.retryable]: String(known.retryable) }
}

/** The asking side; one a node. */
export class LongRequests {
  readonly #ports: LongRequestPorts
  readonly #prefix: string
  readonly #subscription: Subscription
  readonly #waiting = new Map<string, (message: Message) => void>()
  #count = 0

  constructor(ports: LongRequestPorts) {
    this.#ports = ports
    this.#prefix = `${INBOX_PREFIX}${ports.random.hex(16)}.`
    this.#subscription = ports.transport.subscribe(`${this.#prefix}*`, (message) => this.#waiting.get(message.subject)?.(message))
  }

  /** Rejects with the other side's SkaldError, `not_found` when nobody listens, `not_ready` when it has fallen silent. */
  async request(subject: string, body: Uint8Array, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted()
    const inbox = `${this.#prefix}${++this.#count}`
    const answer = this.#receive(inbox, subject)
    const cancel = (): void => this.#cancel(inbox, subject, answer, signal)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      // Whatever comes first: a refusal, or the answer itself.
      this.#ports.transport.request(subject, body, { timeoutMs: ACCEPT_MS, headers: { [HEADER.inbox]: inbox } }).then(
        (accepted) => (accepted.headers[HEADER.code] === undefined ? undefined : answer.fail(receivedError(accepted))),
        (error: unknown) => answer.fail(error),
      )
      return await answer.done
    } finally {
      signal.removeEventListener('abort', cancel)
      answer.end()
    }
  }

  async close(): Promise<void> {
    await this.#subscription.close()
  }

  #cancel(inbox: string, subject: string, answer: Receiving, signal: AbortSignal): void {
    const { transport } = this.#ports
    if (transport.status() === 'connected') transport.publish(subject + CANCEL_SUFFIX, Buffer.alloc(0), { [HEADER.cancel]: inbox })
    answer.fail(signal.reason)
  }

  #receive(inbox: string, subject: string): Receiving {
    const { clock } = this.#ports
    const { promise: done, resolve, reject } = Promise.withResolvers<Buffer>()
    const parts: Buffer[] = []
    let bytes = 0
    let silence: Timer | undefined
    const heard = (): void => {
      silence?.cancel()
      silence = clock.after(SILENCE_MS, () => reject(new SkaldError('not_ready', `no sign of life on ${subject} for ${SILENCE_MS} ms`)))
    }
    this.#waiting.set(inbox, (message) => {
      heard()
      const { [HEADER.kind]: kind, [HEADER.part]: part = '0/1' } = message.headers
      if (kind === 'error') return reject(receivedError(message))
      if (kind !== 'part') return
      const [at = 0, count = 1] = part.split('/').map(Number)
      bytes += message.data.length
      if (at !== parts.length) return reject(new SkaldError('not_ready', `a part of the answer on ${subject} was lost`))
      if (bytes > ANSWER_BYTES_MAX) return reject(new SkaldError('query_limit', `an answer of more than ${ANSWER_BYTES_MAX} bytes on ${subject}`))
      parts.push(message.data)
      if (parts.length === count) resolve(decoded(parts, message.headers[HEADER.encoding]))
    })
    heard()
    done.catch(() => undefined)
    return { done, fail: reject, end: () => (silence?.cancel(), void this.#waiting.delete(inbox)) }
  }
}

interface Receiving {
  readonly done: Promise<Buffer>
  fail(error: unknown): void
  end(): void
}

function decoded(parts: ReadonlyArray<Buffer>, encoding: string | undefined): Buffer {
  const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return encoding === 'zstd' ? zstdDecompressSync(whole, { maxOutputLength: ANSWER_BYTES_MAX }) : whole
}

function receivedError(answer: Message): SkaldError {
  const code = answer.headers[HEADER.code] ?? ''
  const known: ErrorCode = code in ERROR_STATUS ? (code as ErrorCode) : 'internal'
  return new SkaldError(known, answer.data.toString(), { retryable: answer.headers[HEADER.retryable] === 'true' })
}
