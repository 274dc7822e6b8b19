/**
 * Death watch across nodes. The watcher keeps one request open at the other node, which answers when the actor ends or when the hold time is
 * over; a node that does not answer for `GRACE_MS` counts as dead. Incarnations tell an actor from its successor at the same address.
 */
import type { ActorRef, ExitReason } from './actor.ts'
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'
import { HEADER } from './actor-remote-headers.ts'
import type { Random } from './random.ts'
import type { Message, Transport } from './transport.ts'

const HOLD_MS = 1_000
/** Added to the hold time before a request counts as unanswered. */
const ANSWER_MS = 1_000
/** Long enough for a reconnect, short enough for a failover. */
const GRACE_MS = 5_000
const RETRY_MS = 500
/** How an actor ended is remembered for watchers whose request was not open at that moment. */
const MEMORY_MS = 60_000
const HOLD_MS_MAX = 30_000

interface WatchAnswer {
  readonly incarnation?: string
  readonly ended?: ExitReason['kind']
  readonly error?: string
}

type Watchable = ActorRef<never> & { watchEnd(notify: (reason: ExitReason) => void): () => void }

export interface WatchPorts {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

/** The watcher's side: calls `notify` once. */
export class RemoteWatch {
  readonly #ports: WatchPorts
  readonly #address: string
  readonly #notify: (reason: ExitReason) => void
  readonly #abort = new AbortController()
  #incarnation = ''

  constructor(ports: WatchPorts, address: string, notify: (reason: ExitReason) => void) {
    this.#ports = ports
    this.#address = address
    this.#notify = notify
    void this.#run()
  }

  stop(): void {
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#ports
    const { signal } = this.#abort
    let heardMs = clock.monotonicMs()
    // After a failure the question is only whether somebody is there: it is answered at once.
    let holdMs = 0
    while (!signal.aborted) {
      try {
        const reason = await this.#poll(holdMs)
        if (signal.aborted) return
        if (reason !== undefined) return this.#notify(reason)
        heardMs = clock.monotonicMs()
        holdMs = HOLD_MS
      } catch (error) {
        if (signal.aborted) return
        const isGone = error instanceof SkaldError && error.code === 'not_found' && this.#incarnation === ''
        if (isGone || clock.monotonicMs() - heardMs > GRACE_MS) return this.#notify(unreachable(this.#address, error))
        holdMs = 0
        await clock.sleep(RETRY_MS * (0.5 + random.next()), signal).catch(() => undefined)
      }
    }
  }

  /** How it ended, or undefined when it lives. */
  async #poll(holdMs: number): Promise<ExitReason | undefined> {
    const headers = { [HEADER.watch]: this.#incarnation, [HEADER.hold]: String(holdMs) }
    const answer = await this.#ports.transport.request(this.#address, Buffer.alloc(0), { timeoutMs: holdMs + ANSWER_MS, headers, signal: this.#abort.signal })
    if (answer.headers[HEADER.error] !== undefined) throw new SkaldError('not_found', answer.data.toString())
    const { incarnation = '', ended, error } = JSON.parse(answer.data.toString()) as WatchAnswer
    this.#incarnation = incarnation
    if (ended === undefined) return undefined
    return ended === 'crashed' ? { kind: 'crashed', error: new Error(error ?? 'crashed') } : { kind: ended }
  }
}

/** The watched actors of this node. */
export class WatchedHere {
  readonly #clock: Clock
  readonly #random: Random
  readonly #incarnations = new WeakMap<Watchable, string>()
  /** Incarnation -> how it ended; undefined while it lives. */
  readonly #ends = new Map<string, WatchAnswer | undefined>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  receive(message: Message, actor: Watchable | undefined): void {
    const known = message.headers[HEADER.watch] ?? ''
    const answer = (body: WatchAnswer): void => message.respond(Buffer.from(JSON.stringify(body)))
    const end = this.#ends.get(known)
    if (end !== undefined) return answer(end)
    const incarnation = actor === undefined ? undefined : this.#incarnationOf(actor)
    if (actor === undefined || (known !== '' && known !== incarnation)) return answer({ ended: 'crashed', error: `no actor at ${message.subject}` })
    // The first request is answered at once, so that the watcher knows whom it watches.
    if (known === '') return answer({ incarnation: incarnation as string })
    this.#hold(message, actor, known, answer)
  }

  #hold(message: Message, actor: Watchable, incarnation: string, answer: (body: WatchAnswer) => void): void {
    const holdMs = Math.min(Number(message.headers[HEADER.hold]) || 0, HOLD_MS_MAX)
    const timer = this.#clock.after(holdMs, () => {
      unwatch()
      answer({ incarnation })
    })
    const unwatch = actor.watchEnd((reason) => {
      timer.cancel()
      answer(answerOf(incarnation, reason))
    })
  }

  #incarnationOf(actor: Watchable): string {
    const known = this.#incarnations.get(actor)
    if (known !== undefined) return known
    const incarnation = this.#random.hex(8)
    this.#incarnations.set(actor, incarnation)
    actor.watchEnd((reason) => {
      this.#ends.set(incarnation, answerOf(incarnation, reason))
      this.#clock.after(MEMORY_MS, () => this.#ends.delete(incarnation))
    })
    return incarnation
  }
}

function answerOf(incarnation: string, reason: ExitReason): WatchAnswer {
  if (reason.kind !== 'crashed') return { incarnation, ended: reason.kind }
  return { incarnation, ended: 'crashed', error: reason.error instanceof Error ? reason.error.message : String(reason.error) }
}

function unreachable(address: string, cause: unknown): ExitReason {
  return { kind: 'crashed', error: new SkaldError('not_found', `${address} is out of reach`, { cause }) }
}
