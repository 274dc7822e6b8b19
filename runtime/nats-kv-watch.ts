/**
 * One opening of a watch on a JetStream KV bucket: an ephemeral push consumer that starts with the last value of each key. It reports itself
 * lost on a gap, on silence longer than its heartbeats allow, and on a reconnect; `ResumingWatch` opens the next. Only `kv-jetstream.ts` uses it.
 */
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream'
import type { JetStreamManager } from '@nats-io/jetstream'
import { createInbox } from '@nats-io/transport-node'
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import type { Clock, Timer } from './clock.ts'
import type { OpenWatch, WatchSink } from './kv-watch.ts'
import type { Transport } from './transport.ts'

export interface KvSource {
  readonly connection: NatsConnection
  readonly transport: Transport
  readonly clock: Clock
  readonly bucket: string
  readonly prefix: string
  /** Subject filter within the bucket that covers the prefix. */
  readonly filter: string
}

const NS_PER_MS = 1_000_000
/** Short, because a dead consumer in a cluster shows only as silence, and ownership must move within 5 s of a death. */
const HEARTBEAT_MS = 1_000
const SILENCE_MS_MAX = 2.5 * HEARTBEAT_MS
/** The server removes what a crashed client left behind after this. */
const INACTIVE_MS = 30_000
const STATUS_CODE = 100

export async function openKvSource(source: KvSource, manager: JetStreamManager, sink: WatchSink): Promise<OpenWatch> {
  const delivery = new KvDelivery(source, sink)
  try {
    await delivery.start(manager)
    return delivery
  } catch (error) {
    delivery.close()
    throw error
  }
}

class KvDelivery implements OpenWatch {
  readonly #source: KvSource
  readonly #sink: WatchSink
  readonly #stream: string
  readonly #subjectPrefix: string
  readonly #inbox = createInbox()
  readonly #unlisten: () => void
  #unsubscribe: () => void = () => undefined
  #remove: () => void = () => undefined
  #silence: Timer | undefined
  #delivered = 0
  #closed = false

  constructor(source: KvSource, sink: WatchSink) {
    this.#source = source
    this.#sink = sink
    this.#stream = `KV_${source.bucket}`
    this.#subjectPrefix = `$KV.${source.bucket}.`
    this.#unlisten = source.transport.onStatus((status) => {
      if (status === 'connected') this.#lost()
    })
  }

  async start(manager: JetStreamManager): Promise<void> {
    const subscription = this.#source.connection.subscribe(this.#inbox, { callback: (error, message) => (error === null ? this.#take(message) : this.#lost()) })
    this.#unsubscribe = () => subscription.unsubscribe()
    const consumer = await manager.consumers.add(this.#stream, {
      deliver_subject: this.#inbox,
      deliver_policy: DeliverPolicy.LastPerSubject,
      ack_policy: AckPolicy.None,
      filter_subject: this.#subjectPrefix + this.#source.filter,
      flow_control: true,
      idle_heartbeat: HEARTBEAT_MS * NS_PER_MS,
      inactive_threshold: INACTIVE_MS * NS_PER_MS,
      mem_storage: true,
      num_replicas: 1,
    })
    this.#remove = () => void manager.consumers.delete(this.#stream, consumer.name).catch(() => undefined)
    if (this.#closed) return this.#remove()
    this.#heard()
    // `num_pending` counts what the consumer has yet to send; some of it may be here already.
    if (consumer.num_pending === 0 && this.#delivered === 0) this.#sink.current()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#silence?.cancel()
    this.#unlisten()
    if (this.#source.connection.isClosed()) return
    this.#unsubscribe()
    if (this.#source.transport.status() === 'connected') this.#remove()
  }

  #take(message: Msg): void {
    if (this.#closed) return
    this.#heard()
    if (message.headers?.code === STATUS_CODE) return this.#takeStatus(message)
    const delivery = parseDelivery(message.reply)
    if (delivery === undefined || delivery.consumerSequence !== this.#delivered + 1) return this.#lost()
    this.#delivered++
    this.#takeEntry(message, delivery)
    if (delivery.pendingCount === 0) this.#sink.current()
  }

  #takeEntry(message: Msg, delivery: Delivery): void {
    const key = message.subject.slice(this.#subjectPrefix.length)
    if (!key.startsWith(this.#source.prefix)) return
    if (isDeletion(message.headers)) return this.#sink.delete(key, delivery.revision)
    const value = Buffer.from(message.data.buffer as ArrayBuffer, message.data.byteOffset, message.data.byteLength)
    this.#sink.put({ key, value, revision: delivery.revision, createdMs: delivery.createdMs })
  }

  /** Heartbeats say that nothing is on its way, so a snapshot whose rest has expired is complete; flow-control requests want an answer. */
  #takeStatus(message: Msg): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled')
    if (stalled !== undefined && stalled !== '') this.#source.connection.publish(stalled)
    if (message.reply !== undefined && message.reply !== '') return void message.respond()
    const last = Number(message.headers?.get('Nats-Last-Consumer') ?? '')
    if (last > this.#delivered) return this.#lost()
    this.#sink.current()
  }

  #heard(): void {
    this.#silence?.cancel()
    this.#silence = this.#source.clock.after(SILENCE_MS_MAX, () => this.#lost())
  }

  #lost(): void {
    if (!this.#closed) this.#sink.lost()
  }
}

interface Delivery {
  readonly revision: number
  readonly consumerSequence: number
  readonly createdMs: number
  readonly pendingCount: number
}

/**
 * The reply subject of a delivered message, by NATS ADR-15: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>`,
 * in newer servers with domain and account hash before the stream and a token at the end.
 */
function parseDelivery(reply: string | undefined): Delivery | undefined {
  const tokens = reply?.split('.') ?? []
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined
  const [revision, consumerSequence, ns, pendingCount] = tokens.slice(tokens.length === 9 ? 5 : 7)
  return {
    revision: Number(revision),
    consumerSequence: Number(consumerSequence),
    createdMs: Math.floor(Number(ns) / NS_PER_MS),
    pendingCount: Number(pendingCount),
  }
}

/** By the headers of a bucket's message. */
export function isDeletion(headers: MsgHdrs | undefined): boolean {
  const operation = headers?.get('KV-Operation') ?? ''
  // Servers from 2.11 leave a marker of their own when a limit removed the last value.
  return operation === 'DEL' || operation === 'PURGE' || (headers?.get('Nats-Marker-Reason') ?? '') !== ''
}
