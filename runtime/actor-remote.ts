/**
 * Actors at a distance: tell, ask and death watch over the transport, for actors whose paths were exposed with a codec. At most once; an ask
 * carries what is left of its deadline (never a wall-clock time) and the trace context. Nodes ask one another for reports of their partitions by it;
 * reads of partitions and scans of segments go by `long-request.ts`, which can be cancelled and sends large answers.
 */
import { parseAddress } from './actor-address.ts'
import { ask } from './actor-ask.ts'
import type { RemotelyAsked } from './actor-ask.ts'
import type { WatchableRef } from './actor-cell.ts'
import type { ActorCodec } from './actor-codec.ts'
import { HEADER } from './actor-remote-headers.ts'
import { RemoteWatch, WatchedHere } from './actor-remote-watch.ts'
import { ADDRESS_PREFIX } from './actor-system.ts'
import type { LocalActorSystem, RemoteActors } from './actor-system.ts'
import type { ActorRef, Address, Delivery, ExitReason, Reply, TellOptions } from './actor.ts'
import { ERROR_STATUS, SkaldError } from './errors.ts'
import type { ErrorCode } from './errors.ts'
import type { Random } from './random.ts'
import { subjectMatches, subjectToken } from './subject.ts'
import type { Headers, Message, Subscription, Transport } from './transport.ts'

/** Carries the trace context; telemetry provides it. */
export interface TraceCarrier {
  inject(): Headers
  within<A>(headers: Headers, run: () => A): A
}

export interface RemoteActorsOptions {
  readonly system: LocalActorSystem
  readonly transport: Transport
  readonly random: Random
  readonly trace?: TraceCarrier
}

interface Exposed {
  readonly pattern: string
  readonly codec: ActorCodec<unknown>
}

/** The network's share of an ask's deadline: the far side gives up this much earlier, so that its reason still arrives. */
const NETWORK_MS = 20
const UNTRACED: TraceCarrier = { inject: () => ({}), within: (_headers, run) => run() }

export class ActorsOverTransport implements RemoteActors {
  readonly #options: RemoteActorsOptions
  readonly #trace: TraceCarrier
  readonly #exposed: Exposed[] = []
  readonly #subscription: Subscription
  readonly #watched: WatchedHere

  constructor(options: RemoteActorsOptions) {
    this.#options = options
    this.#trace = options.trace ?? UNTRACED
    this.#watched = new WatchedHere(options.system.clock, options.random)
    this.#subscription = options.transport.subscribe(`${ADDRESS_PREFIX}${subjectToken(options.system.node)}.>`, (message) => this.#receive(message))
    options.system.connectRemote(this)
  }

  /** Lets other nodes reach actors whose path below the node matches (`partition.*`), and this node theirs. */
  expose<M>(pattern: string, codec: ActorCodec<M>): void {
    this.#exposed.push({ pattern, codec: codec as ActorCodec<unknown> })
  }

  ref<M>(address: string): ActorRef<M> {
    parseAddress(address)
    const codec = this.#codecOf(address)
    if (codec === undefined) throw new Error(`no codec was given for ${address}`)
    return new RemoteRef<M>(address, codec as ActorCodec<M>, this.#options, this.#trace)
  }

  async close(): Promise<void> {
    await this.#subscription.close()
  }

  #codecOf(address: string): ActorCodec<unknown> | undefined {
    const path = address.slice(ADDRESS_PREFIX.length).split('.').slice(1).join('.')
    return this.#exposed.find(({ pattern }) => subjectMatches(pattern, path))?.codec
  }

  #receive(message: Message): void {
    const codec = this.#codecOf(message.subject)
    const { system } = this.#options
    if (codec === undefined) return refuse(message, new SkaldError('not_found', `${message.subject} is not open to other nodes`))
    if (message.headers[HEADER.watch] !== undefined) return this.#watched.receive(message, system.find(parseAddress(message.subject).path))
    this.#trace.within(message.headers, () => {
      if (message.headers[HEADER.timeout] === undefined) this.#tell(message, codec)
      else void this.#ask(message, codec)
    })
  }

  #tell(message: Message, codec: ActorCodec<unknown>): void {
    const { system } = this.#options
    try {
      system.ref(message.subject).tell(codec.decode(message.data, NOBODY), optionsOf(message))
    } catch {
      system.counters.deadLetters++
    }
  }

  async #ask(message: Message, codec: ActorCodec<unknown>): Promise<void> {
    const { system } = this.#options
    try {
      const timeoutMs = Math.max(1, Number(message.headers[HEADER.timeout]) || 1)
      const answer = await ask(system.clock, system.ref<unknown>(message.subject), (reply) => decoded(codec, message, reply), timeoutMs, optionsOf(message))
      const body = codec.encodeAnswer(answer)
      if (body.byteLength > this.#options.transport.maxPayloadBytes()) throw new SkaldError('internal', `answer of ${body.byteLength} bytes is too large to send`, { retryable: false })
      message.respond(body)
    } catch (error) {
      refuse(message, error)
    }
  }
}

class RemoteRef<M> implements ActorRef<M>, RemotelyAsked<M>, WatchableRef {
  readonly address: Address
  readonly #codec: ActorCodec<M>
  readonly #options: RemoteActorsOptions
  readonly #trace: TraceCarrier

  constructor(address: string, codec: ActorCodec<M>, options: RemoteActorsOptions, trace: TraceCarrier) {
    this.address = address as Address
    this.#codec = codec
    this.#options = options
    this.#trace = trace
  }

  /** `delivered` means handed to the network: whether it arrives, only an answer tells. */
  tell(message: M, options?: TellOptions): Delivery {
    const { transport, system } = this.#options
    const body = this.#codec.encode(message)
    if (body.byteLength > transport.maxPayloadBytes()) return (system.counters.refused++, 'full')
    if (transport.status() !== 'connected') return (system.counters.deadLetters++, 'dead')
    transport.publish(this.address, body, { ...this.#trace.inject(), ...priorityHeader(options) })
    return 'delivered'
  }

  async askRemotely<A>(make: (reply: Reply<A>) => M, timeoutMs: number, options?: TellOptions): Promise<A> {
    const body = this.#codec.encode(make(NOBODY))
    const farMs = Math.max(1, timeoutMs - NETWORK_MS)
    const headers = { ...this.#trace.inject(), ...priorityHeader(options), [HEADER.timeout]: String(farMs) }
    const answer = await this.#options.transport.request(this.address, body, { timeoutMs, headers })
    if (answer.headers[HEADER.error] !== undefined) throw receivedError(answer)
    return this.#codec.decodeAnswer(answer.data) as A
  }

  watchEnd(notify: (reason: ExitReason) => void): () => void {
    const { transport, system, random } = this.#options
    const watch = new RemoteWatch({ transport, clock: system.clock, random }, this.address, notify)
    return () => watch.stop()
  }
}

/** Stands in a message on its way out: the far side has the real one. */
const NOBODY: Reply<unknown> = { succeed: () => undefined, fail: () => undefined }

function decoded(codec: ActorCodec<unknown>, message: Message, reply: Reply<unknown>): unknown {
  try {
    return codec.decode(message.data, reply)
  } catch (error) {
    throw new SkaldError('bad_request', `malformed message for ${message.subject}`, { cause: error })
  }
}

function optionsOf(message: Message): TellOptions {
  return { bytes: message.data.byteLength, priority: message.headers[HEADER.priority] === 'high' ? 'high' : 'normal' }
}

function priorityHeader(options: TellOptions | undefined): Headers {
  return options?.priority === 'high' ? { [HEADER.priority]: 'high' } : {}
}

function refuse(message: Message, error: unknown): void {
  const known = error instanceof SkaldError ? error : new SkaldError('internal', error instanceof Error ? error.message : String(error))
  message.respond(Buffer.from(known.message), { [HEADER.error]: known.code, [HEADER.retryable]: String(known.retryable) })
}

function receivedError(answer: Message): SkaldError {
  const code = answer.headers[HEADER.error] ?? ''
  const known: ErrorCode = code in ERROR_STATUS ? (code as ErrorCode) : 'internal'
  return new SkaldError(known, answer.data.toString(), { retryable: answer.headers[HEADER.retryable] === 'true' })
}
