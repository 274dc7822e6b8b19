/**
 * Reads records of a partition's stream by sequence, without keeping anything on the server: batched direct gets (server 2.11 and newer), or
 * a consumer that lives for one read. Both are bounded by bytes: by count they would overrun the server's 64 MiB of pending data and stall.
 * Ids alone are read through such a consumer, too: only it can leave the bytes out.
 */
import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream'
import { type Msg, type NatsConnection, createInbox } from '@nats-io/transport-node'
import type { Clock } from '../runtime/clock.ts'
import type { Sequence } from '../protocols/model.ts'
import { streamName, walSubject } from './wal-jetstream-stream.ts'
import type { LoggedId, WalRecord } from './wal.ts'

/** Of one answer, whatever the caller asked for. */
export const READ_BYTES_MAX = 32 * 1024 * 1024
/** Records of one answer. */
const READ_RECORDS_MAX = 16_384
/** No record, and no end of the answer, for this long: the answer was lost. */
const SILENCE_MS = 5_000
/** What node reads at most from a socket at a time. */
const SOCKET_READ_BYTES_MAX = 64 * 1024
const CONSUMER_IDLE_NS = 30_000_000_000

/** Of a message in an answer of many, and of the status at its end: the message that was sent before it; the first one has 0. Servers send on while a connection is made anew, so one between may be lost. */
const BEFORE_HEADER = 'Nats-Last-Sequence'

/** A record carries its trace as any NATS message does. */
export const TRACE_HEADER = 'traceparent'

/** The id that a record was published under. */
export const MESSAGE_ID = 'Nats-Msg-Id'

export type WalReader = (partition: number, from: Sequence, bytesMax: number) => Promise<WalRecord[]>
export type WalIdReader = (partition: number, from: Sequence, through: Sequence) => Promise<LoggedId[]>

/** Skips purged sequences (`next_by_subj`); sends until `max_bytes` is reached, then a message with a status. */
export function directReader(nc: NatsConnection, clock: Pick<Clock, 'after'>): WalReader {
  return (partition, from, bytesMax) => {
    const query = { seq: from, next_by_subj: walSubject(partition), batch: READ_RECORDS_MAX, max_bytes: Math.min(bytesMax, READ_BYTES_MAX) }
    return askMessages(nc, clock, `$JS.API.DIRECT.GET.${streamName(partition)}`, query, (m) => recordOf(m, sequenceOf(m)))
  }
}

/** For servers before 2.11: at least the first record, however large; then as many as fit. */
export function consumerReader(nc: NatsConnection, jsm: JetStreamManager, clock: Pick<Clock, 'after'>): WalReader {
  return (partition, from, bytesMax) =>
    withConsumer(jsm, partition, { opt_start_seq: from }, async (next) => {
      const first = await askMessages(nc, clock, next, { batch: 1, no_wait: true }, deliveredRecord)
      const leftBytes = Math.min(bytesMax, READ_BYTES_MAX) - (first[0]?.bytes.length ?? 0)
      if (first.length === 0 || leftBytes <= 0) return first
      const rest: BatchQuery = { batch: READ_RECORDS_MAX, max_bytes: leftBytes, no_wait: true }
      return first.concat(await askMessages(nc, clock, next, rest, deliveredRecord))
    })
}

export function idReader(nc: NatsConnection, jsm: JetStreamManager, clock: Pick<Clock, 'after'>): WalIdReader {
  return (partition, from, through) =>
    withConsumer(jsm, partition, { opt_start_seq: from, headers_only: true }, async (next) => {
      const ids: LoggedId[] = []
      for (let at = from; at <= through; at = ids.at(-1)!.sequence + 1) {
        const some = await askMessages(nc, clock, next, { batch: Math.min(through + 1 - at, READ_RECORDS_MAX), no_wait: true }, deliveredId)
        if (some.length === 0) break
        ids.push(...some)
      }
      return ids.filter(({ sequence }) => sequence <= through)
    })
}

/** `use` is given the subject to ask for messages at. */
async function withConsumer<A>(jsm: JetStreamManager, partition: number, config: Partial<ConsumerConfig>, use: (next: string) => Promise<A>): Promise<A> {
  const stream = streamName(partition)
  const consumer = await jsm.consumers.add(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    ack_policy: AckPolicy.None,
    inactive_threshold: CONSUMER_IDLE_NS,
    mem_storage: true,
    num_replicas: 1,
    ...config,
  })
  try {
    return await use(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer.name}`)
  } finally {
    await jsm.consumers.delete(stream, consumer.name).catch(() => undefined)
  }
}

/** Nobody answered on the stream's subject: it is gone, or has no leader. */
export class StreamSilent extends Error {
  constructor() {
    super('nobody serves the stream')
    this.name = 'StreamSilent'
  }
}

/**
 * One question, many messages, until one of them is only a status. The client's own `getBatch` and `fetch` watch for lost connections less
 * closely (a read would wait for ever), and make an object with accessors a record; hence the protocol by hand.
 */
export function askMessages<A>(nc: NatsConnection, clock: Pick<Clock, 'after'>, subject: string, query: BatchQuery, take: (message: Msg) => A): Promise<A[]> {
  return new Promise((resolve, reject) => {
    const records: A[] = []
    const inbox = createInbox()
    let lastSequence = 0
    let heardCount = 0
    let silence = clock.after(SILENCE_MS, checkSilence)
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) return end(() => reject(error))
        const before = message.headers?.get(BEFORE_HEADER) ?? ''
        if (before !== '' && Number(before) !== lastSequence) return end(() => reject(new Error('a part of the answer was lost')))
        lastSequence = sequenceOf(message)
        const status = message.headers?.code ?? 0
        if (status !== 0) return end(() => finish(status, message.headers?.description ?? ''))
        records.push(take(message))
        if (records.length === query.batch) return end(() => resolve(records))
      },
    })
    nc.publish(subject, JSON.stringify(query), { reply: inbox })

    function end(settle: () => void): void {
      silence.cancel()
      subscription.unsubscribe()
      settle()
    }
    function checkSilence(): void {
      if (records.length <= heardCount) return end(() => reject(new Error('no answer from the stream')))
      heardCount = records.length
      silence = clock.after(SILENCE_MS, checkSilence)
    }
    function finish(status: number, description: string): void {
      if (END_STATUSES.has(status)) resolve(records)
      else reject(status === 503 ? new StreamSilent() : new Error(description))
    }
  })
}

export interface BatchQuery {
  readonly batch: number
  readonly max_bytes?: number
  readonly no_wait?: true
  readonly seq?: Sequence
  readonly next_by_subj?: string
}

/** End of batch, nothing (more) there, request over, byte limit reached. */
const END_STATUSES: ReadonlySet<number> = new Set([204, 404, 408, 409])

/** Of an answer to a direct get; 0: it does not say. */
export const sequenceOf = ({ headers }: Msg): Sequence => Number(headers?.get('Nats-Sequence') ?? 0)

/** A delivered message's reply subject is `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.…`; behind a domain two more parts stand in front. */
function deliveredSequence({ reply = '' }: Msg): Sequence {
  const parts = reply.split('.')
  return Number(parts.length > 9 ? parts[7] : parts[5])
}

const deliveredRecord = (message: Msg): WalRecord => recordOf(message, deliveredSequence(message))
const deliveredId = (message: Msg): LoggedId => ({ sequence: deliveredSequence(message), id: message.headers?.get(MESSAGE_ID) ?? '' })

function recordOf(message: Msg, sequence: Sequence): WalRecord {
  const traceParent = message.headers?.get(TRACE_HEADER) ?? ''
  const bytes = viewOf(message.data)
  return { sequence, bytes, ...(traceParent === '' ? {} : { traceParent }), ...releaseOf(bytes) }
}

/** A message within one read of the socket is a view of that; one that came in several was put together by the client, in memory of its own. */
function releaseOf({ buffer }: Buffer): Pick<WalRecord, 'release'> {
  return buffer instanceof ArrayBuffer && buffer.byteLength > SOCKET_READ_BYTES_MAX ? { release: () => void buffer.transfer(0) } : {}
}

const viewOf = (data: Uint8Array): Buffer => Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
