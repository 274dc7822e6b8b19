/**
 * The messaging port inside one process: a `MemoryBroker` stands for the NATS cluster, each node connects a `MemoryTransport`. Simulations
 * use it with delays, losses and cut links under a seed; without those, messages arrive in order in the next microtask.
 */
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'
import type { Random } from './random.ts'
import { hasWildcard, subjectMatches } from './subject.ts'
import type { Headers, Message, SubscribeOptions, Subscription, Transport, TransportStatus } from './transport.ts'

export interface MemoryNetwork {
  readonly clock: Clock
  readonly random: Random
  /** Each message takes between these; both 0 or absent: the next microtask. Messages between two nodes stay in order, as over TCP. */
  readonly latencyMinMs?: number
  readonly latencyMaxMs?: number
  /** Chance that a message is lost, in [0, 1]. */
  readonly lossRatio?: number
  readonly maxPayloadBytes?: number
}

interface Listener {
  readonly pattern: string
  readonly queue: string | undefined
  readonly owner: MemoryTransport
  readonly deliver: (message: Message) => void
  open: boolean
}

const NO_HEADERS: Headers = Object.freeze({})
const MAX_PAYLOAD_BYTES_DEFAULT = 1024 * 1024

export class MemoryBroker {
  readonly network: MemoryNetwork
  readonly #exact = new Map<string, Set<Listener>>()
  readonly #wild = new Set<Listener>()
  /** When the last message from a sender to a receiver arrives: later ones may not overtake it. */
  readonly #arrivesMs = new WeakMap<MemoryTransport, WeakMap<MemoryTransport, number>>()
  #cut: (from: string, to: string) => boolean = () => false

  constructor(network: MemoryNetwork) {
    this.network = network
  }

  connect(name: string): MemoryTransport {
    return new MemoryTransport(this, name)
  }

  /** Messages from one node to another vanish while this says so; one way cuts are possible. */
  cutLinks(isCut: (from: string, to: string) => boolean): void {
    this.#cut = isCut
  }

  add(listener: Listener): void {
    if (hasWildcard(listener.pattern)) return void this.#wild.add(listener)
    const same = this.#exact.get(listener.pattern)
    if (same === undefined) this.#exact.set(listener.pattern, new Set([listener]))
    else same.add(listener)
  }

  remove(listener: Listener): void {
    this.#wild.delete(listener)
    const same = this.#exact.get(listener.pattern)
    same?.delete(listener)
    if (same?.size === 0) this.#exact.delete(listener.pattern)
  }

  /** Sends to every plain subscriber and to one member of each queue group; false when nobody listens. */
  route(from: MemoryTransport, subject: string, make: (receiver: MemoryTransport) => Message): boolean {
    const groups = new Map<string, Listener[]>()
    let heard = false
    for (const listener of this.#listenersOf(subject)) {
      heard = true
      if (listener.queue === undefined) this.#send(from, listener, make(listener.owner))
      else groups.set(listener.queue, [...(groups.get(listener.queue) ?? []), listener])
    }
    for (const members of groups.values()) {
      const chosen = members[Math.floor(this.network.random.next() * members.length)] as Listener
      this.#send(from, chosen, make(chosen.owner))
    }
    return heard
  }

  /** Runs `deliver` as if it had crossed the network between the two nodes. */
  carry(from: MemoryTransport, to: MemoryTransport, deliver: () => void): void {
    if (this.#cut(from.name, to.name) || (from !== to && this.network.random.next() < (this.network.lossRatio ?? 0))) return
    const delayMs = this.#delayMs(from, to)
    if (delayMs === 0) queueMicrotask(deliver)
    else this.network.clock.after(delayMs, deliver)
  }

  #send(from: MemoryTransport, listener: Listener, message: Message): void {
    this.carry(from, listener.owner, () => {
      if (listener.open && listener.owner.status() === 'connected') listener.deliver(message)
    })
  }

  #delayMs(from: MemoryTransport, to: MemoryTransport): number {
    const { latencyMinMs = 0, latencyMaxMs = 0, clock, random } = this.network
    if (latencyMaxMs === 0) return 0
    const links = this.#arrivesMs.get(from) ?? new WeakMap<MemoryTransport, number>()
    this.#arrivesMs.set(from, links)
    const nowMs = clock.monotonicMs()
    const arrivesMs = Math.max(nowMs + latencyMinMs + random.next() * (latencyMaxMs - latencyMinMs), links.get(to) ?? 0)
    links.set(to, arrivesMs)
    return Math.max(arrivesMs - nowMs, Number.MIN_VALUE)
  }

  *#listenersOf(subject: string): Generator<Listener> {
    yield* this.#exact.get(subject) ?? []
    for (const listener of this.#wild) if (subjectMatches(listener.pattern, subject)) yield listener
  }
}

export class MemoryTransport implements Transport {
  readonly name: string
  readonly #broker: MemoryBroker
  readonly #listeners = new Set<Listener>()
  readonly #statusListeners = new Set<(status: TransportStatus) => void>()
  readonly #waiting = new Set<(error: SkaldError) => void>()
  #status: TransportStatus = 'connected'

  constructor(broker: MemoryBroker, name: string) {
    this.#broker = broker
    this.name = name
  }

  publish(subject: string, data: Uint8Array, headers?: Headers): void {
    this.#assertUsable()
    this.#assertFits(data)
    this.#broker.route(this, subject, () => message(subject, data, headers, () => undefined))
  }

  request(
    subject: string,
    data: Uint8Array,
    options: { readonly timeoutMs: number; readonly headers?: Headers; readonly signal?: AbortSignal },
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#assertUsable()
      this.#assertFits(data)
      options.signal?.throwIfAborted()
      const settle = <A>(then: (value: A) => void) => (value: A): void => {
        timer.cancel()
        this.#waiting.delete(fail)
        options.signal?.removeEventListener('abort', abort)
        then(value)
      }
      const fail = settle<Error>(reject)
      const done = settle<Message>(resolve)
      const abort = (): void => fail(options.signal?.reason as Error)
      const timer = this.#broker.network.clock.after(options.timeoutMs, () =>
        fail(new SkaldError('query_timeout', `no answer on ${subject} within ${options.timeoutMs} ms`)),
      )
      options.signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(fail)
      const answerFrom = (by: MemoryTransport): Message['respond'] => (body, headers) => {
        const answer = message(subject, body, headers, () => undefined)
        this.#broker.carry(by, this, () => done(answer))
      }
      if (!this.#broker.route(this, subject, (by) => message(subject, data, options.headers, answerFrom(by)))) fail(new SkaldError('not_found', `nobody listens on ${subject}`))
    })
  }

  subscribe(subject: string, handle: (message: Message) => void, options?: SubscribeOptions): Subscription {
    const listener: Listener = { pattern: subject, queue: options?.queue, owner: this, deliver: handle, open: true }
    this.#listeners.add(listener)
    this.#broker.add(listener)
    return {
      close: async () => {
        listener.open = false
        this.#listeners.delete(listener)
        this.#broker.remove(listener)
      },
    }
  }

  status(): TransportStatus {
    return this.#status
  }

  onStatus(listen: (status: TransportStatus) => void): () => void {
    this.#statusListeners.add(listen)
    return () => void this.#statusListeners.delete(listen)
  }

  maxPayloadBytes(): number {
    return this.#broker.network.maxPayloadBytes ?? MAX_PAYLOAD_BYTES_DEFAULT
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) this.#broker.remove(listener)
    this.#listeners.clear()
    this.#become('closed')
  }

  /** For simulations: the node loses, or regains, its server. */
  setConnected(connected: boolean): void {
    this.#become(connected ? 'connected' : 'disconnected')
  }

  #become(status: TransportStatus): void {
    if (this.#status === status || this.#status === 'closed') return
    this.#status = status
    if (status !== 'connected') for (const fail of this.#waiting) fail(lost(status))
    for (const listen of this.#statusListeners) listen(status)
  }

  #assertUsable(): void {
    if (this.#status !== 'connected') throw lost(this.#status)
  }

  #assertFits(data: Uint8Array): void {
    if (data.byteLength > this.maxPayloadBytes()) throw new SkaldError('internal', `message of ${data.byteLength} bytes is over the server's limit of ${this.maxPayloadBytes()}`)
  }
}

function lost(status: TransportStatus): SkaldError {
  return new SkaldError('internal', `connection is ${status}`, { retryable: status === 'disconnected' })
}

function message(subject: string, data: Uint8Array, headers: Headers | undefined, respond: Message['respond']): Message {
  // A copy, as over a wire: a sender that reuses its buffer must not change what was sent.
  return { subject, data: Buffer.from(data), headers: headers === undefined ? NO_HEADERS : oneLine(headers), respond }
}

function oneLine(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(/[\r\n]+/g, ' ')]))
}
