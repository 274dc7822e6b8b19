/**
 * The write-ahead log on JetStream: one file-backed stream a partition. An append is acknowledged by the server's PubAck and by nothing else
 * (W1). Whatever is ambiguous (no answer, lost connection, no leader) is published again under the same record id, which the server stores
 * once within its duplicate window; so calls outlast reconnects, restarted servers and wiped streams. How durable an acknowledged record is
 * depends on the server's `sync_interval` and the replicas (W2).
 */
import { type JetStreamClient, type JetStreamManager, type StreamInfo, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../runtime/clock.ts'
import { SkaldError } from '../runtime/errors.ts'
import { isUnanswered } from '../runtime/nats-silence.ts'
import type { Random } from '../runtime/random.ts'
import { askRepeatedly } from '../runtime/repeated-ask.ts'
import type { Sequence } from '../protocols/model.ts'
import { AppendSilence } from './append-silence.ts'
import { AppendWindow, type WindowLimits } from './append-window.ts'
import { classifyAppendFailure, isNoResponder, walFull, walRecordTooLarge, walUnavailable } from './wal-jetstream-errors.ts'
import { type DetouredRecord, WalDetour } from './wal-jetstream-detour.ts'
import { NatsLink } from './wal-jetstream-link.ts'
import { StreamSilent, TRACE_HEADER, type WalIdReader, type WalReader, consumerReader, directReader, idReader } from './wal-jetstream-read.ts'
import { type StreamSettings, ensureStream, isStreamMissing, streamName, walSubject } from './wal-jetstream-stream.ts'
import type { LoggedId, Wal, WalRecord, WalState } from './wal.ts'

/** One try of a publish; then the same record is sent again. */
const TRY_MS_MAX = 3_000
const RETRY_MS_MIN = 20
const RETRY_MS_MAX = 1_000
const API_MS = 5_000
/** A stream without a leader does not answer: its last sequence is asked for again soon. */
const STATE_MS = 1_000
const ASK_EVERY_MS = 250
const STATE_ASKS_MAX = 8
/** A new owner waits for an election rather than fail and try again. */
const OPEN_ASKS_MAX = 40
/** Of one record that took a detour into the log. */
const MOVE_MS = 3_000
/** Reads and administration wait this long for a lost connection to return. */
const RECONNECT_MS = 1_000
const WINDOW_DEFAULT: WindowLimits = { recordsMax: 64, bytesMax: 32 * 1024 * 1024 }
const SILENCE_MS = 8_000
/** Where there is a detour, a try that was not answered for so long is doubted: does the log have a leader? */
const DOUBT_MS = 700
/** A leader that is there says so in this time. */
const PROBE_MS = 400
/** Copies of the log from which on a server may die and leave a quorum. */
const DETOUR_REPLICAS_MIN = 3
/** First server version with batched direct gets. */
const BATCH_DIRECT_FROM = [2, 11] as const

export interface JetStreamWalOptions extends Partial<StreamSettings> {
  readonly clock: Clock
  readonly random: Random
  /** The partition's checkpoint in the catalog, as far as known: a lost stream is made again beyond it. Default 0. */
  readonly storedThrough?: (partition: number) => Sequence
  readonly window?: WindowLimits
  /** The connection is up, but the server has acknowledged nothing of the partition for this long (default 8 s): it may need a restart. */
  readonly onSilence?: (partition: number) => void
  readonly silenceMs?: number
  /** For tests: read as from an old server. */
  readonly directReads?: boolean
}

/** Connects nothing: the connection belongs to the transport and outlives the log. */
export async function openJetStreamWal(nc: NatsConnection, options: JetStreamWalOptions): Promise<Wal> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_MS })
  const states = await jetstreamManager(nc, { checkAPI: false, timeout: STATE_MS })
  const probes = await jetstreamManager(nc, { checkAPI: false, timeout: PROBE_MS })
  return new JetStreamWal(nc, { jsm, states, probes }, jetstream(nc, { timeout: API_MS }), options)
}

class JetStreamWal implements Wal {
  readonly #jsm: JetStreamManager
  readonly #states: JetStreamManager
  readonly #probes: JetStreamManager
  readonly #js: JetStreamClient
  readonly #nc: NatsConnection
  readonly #link: NatsLink
  readonly #options: JetStreamWalOptions
  readonly #settings: StreamSettings
  readonly #window: AppendWindow
  readonly #silence: AppendSilence
  readonly #direct: WalReader
  readonly #fetch: WalReader
  readonly #ids: WalIdReader
  /** Up to where each partition's log was stored when it was opened. */
  readonly #stored = new Map<number, Sequence>()
  /** Highest sequence known of each partition: given to `open`, or seen in an acknowledgement, a read or a state. */
  readonly #seen = new Map<number, Sequence>()
  /** One repair of a stream at a time. */
  readonly #opening = new Map<number, Promise<void>>()
  /** Only where a server may die without taking the log with it. */
  readonly #detour: WalDetour | undefined

  constructor(nc: NatsConnection, { jsm, states, probes }: Managers, js: JetStreamClient, options: JetStreamWalOptions) {
    this.#nc = nc
    this.#jsm = jsm
    this.#states = states
    this.#probes = probes
    this.#js = js
    this.#options = options
    this.#settings = {
      replicas: options.replicas ?? 1,
      bytesMax: options.bytesMax ?? -1,
      duplicateWindowMs: options.duplicateWindowMs ?? 120_000,
    }
    this.#window = new AppendWindow(options.window ?? WINDOW_DEFAULT, options.clock)
    this.#silence = new AppendSilence(options.silenceMs ?? SILENCE_MS)
    this.#link = new NatsLink(nc)
    this.#direct = directReader(nc, options.clock)
    this.#fetch = consumerReader(nc, jsm, options.clock)
    this.#ids = idReader(nc, jsm, options.clock)
    const { clock, random } = options
    const { replicas, duplicateWindowMs } = this.#settings
    if (replicas >= DETOUR_REPLICAS_MIN && hasBatchDirect(nc.info?.version ?? '')) this.#detour = new WalDetour({ nc, link: this.#link, js, jsm: states, clock, random, replicas, duplicateWindowMs })
  }

  async open(partition: number, after: Sequence): Promise<void> {
    this.#stored.set(partition, after)
    await this.#call(partition, 'open', () => this.#ensure(partition))
    // Also without it the log does what it promises.
    await this.#detour?.open().catch(() => undefined)
  }

  async append(partition: number, recordId: string, record: Uint8Array, deadlineMs: number, traceParent = ''): Promise<Sequence | null> {
    const untilMs = this.#options.clock.monotonicMs() + deadlineMs
    if (!(await this.#window.enter(record.length, deadlineMs))) {
      throw walUnavailable(partition, 'append', new Error(`no room among the records in flight for ${deadlineMs} ms`))
    }
    try {
      return await this.#publishUntil(partition, { recordId, record, ...traceHeaders(traceParent) }, untilMs, this.#detour)
    } finally {
      this.#window.leave(record.length)
    }
  }

  async settle(partition: number): Promise<void> {
    if (this.#detour === undefined) return
    const { clock } = this.#options
    try {
      await this.#link.whenConnected(RECONNECT_MS, clock)
      await this.#detour.settle(partition, (record) => this.#publishUntil(partition, record, clock.monotonicMs() + MOVE_MS, undefined))
    } catch (error) {
      throw error instanceof SkaldError ? error : walUnavailable(partition, 'settle', error)
    }
  }

  async state(partition: number): Promise<WalState> {
    return this.#call(partition, 'state', async () => {
      const { state } = await this.#info(partition, STATE_ASKS_MAX)
      this.#notice(partition, state.last_seq)
      return { first: state.messages === 0 ? state.last_seq + 1 : state.first_seq, last: state.last_seq, sizeBytes: state.bytes }
    })
  }

  async read(partition: number, from: Sequence, maxBytes: number): Promise<ReadonlyArray<WalRecord>> {
    const records = await this.#call(partition, 'read', () => this.#reader()(partition, Math.max(1, from), maxBytes))
    const last = records.at(-1)
    if (last !== undefined) this.#notice(partition, last.sequence)
    return records
  }

  recordIds(partition: number, from: Sequence, through: Sequence): Promise<ReadonlyArray<LoggedId>> {
    return this.#call(partition, 'reading ids', () => this.#ids(partition, Math.max(1, from), through))
  }

  keeper(): string | null {
    const { info } = this.#nc
    return this.#link.isUp && info?.jetstream === true && info.cluster === undefined ? info.server_id : null
  }

  async purge(partition: number, through: Sequence): Promise<void> {
    if (through < 1) return
    await this.#call(partition, 'purge', async () => void (await this.#jsm.streams.purge(streamName(partition), { seq: through + 1 })))
  }

  async close(): Promise<void> {
    this.#detour?.close()
    this.#link.close()
  }

  /** Publishes again and again under one id until the server has said yes or no, or time is up; null: it is in the detour. */
  async #publishUntil(partition: number, publish: DetouredRecord, untilMs: number, detour: WalDetour | undefined): Promise<Sequence | null> {
    const { clock } = this.#options
    for (let tries = 0; ; tries++) {
      const leftMs = untilMs - clock.monotonicMs()
      try {
        await this.#link.whenConnected(Math.max(1, leftMs), clock)
        const answer = this.#publish(partition, publish, Math.max(1, Math.min(TRY_MS_MAX, untilMs - clock.monotonicMs())))
        return await (detour === undefined ? answer : this.#unlessLeaderless(partition, answer))
      } catch (error) {
        this.#throwFinal(partition, publish.record, error)
        // A leader that was moved in order is back within a try.
        const isFirst = detour !== undefined && tries === 0
        const isLeaderless = error instanceof NoLeader || (!isFirst && classifyAppendFailure(error) === 'no-stream')
        if (isLeaderless && (await detour?.append(partition, publish)) === true) return null
        if (!isFirst) await this.#repair(partition, error)
        const waitMs = this.#retryMs(tries)
        if (clock.monotonicMs() + waitMs >= untilMs) throw walUnavailable(partition, 'append', error)
        await clock.sleep(waitMs)
      }
    }
  }

  async #publish(partition: number, { recordId, record, ...more }: DetouredRecord, tryMs: number): Promise<Sequence> {
    const startedMs = this.#options.clock.monotonicMs()
    try {
      const ack = await this.#link.orLost(this.#js.publish(walSubject(partition), record, { msgID: recordId, timeout: Math.ceil(tryMs), ...more }))
      this.#silence.acknowledged(partition)
      this.#notice(partition, ack.seq)
      return ack.seq
    } catch (error) {
      if (isUnanswered(error) && this.#silence.unanswered(partition, startedMs, this.#options.clock.monotonicMs())) this.#options.onSilence?.(partition)
      throw error
    }
  }

  /** The answer, or `NoLeader` as soon as it is late and the log has nobody who could give it. */
  #unlessLeaderless(partition: number, answer: Promise<Sequence>): Promise<Sequence> {
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      let isSettled = false
      const doubt = (): void => {
        if (isSettled) return
        this.#link.orLost(this.#probes.streams.info(streamName(partition))).then(
          ({ cluster }) => (cluster?.leader === undefined ? reject(new NoLeader()) : (timer = clock.after(DOUBT_MS, doubt))),
          () => reject(new NoLeader()),
        )
      }
      let timer = clock.after(DOUBT_MS, doubt)
      answer.then(resolve, reject).finally(() => {
        isSettled = true
        timer.cancel()
      })
    })
  }

  /** Throws when trying again is pointless. */
  #throwFinal(partition: number, record: Uint8Array, error: unknown): void {
    const failure = classifyAppendFailure(error)
    if (failure === 'full') throw walFull(partition, this.#settings.bytesMax, error)
    if (failure === 'too-large') throw walRecordTooLarge(partition, record.length, this.#nc.info?.max_payload ?? 0)
    if (this.#nc.isClosed()) throw walUnavailable(partition, 'append', error)
  }

  async #repair(partition: number, error: unknown): Promise<void> {
    if (classifyAppendFailure(error) === 'no-stream') await this.#ensureIfMissing(partition)
  }

  /** Nobody listens on its subject: the stream is gone, or (much more often) is electing a leader, which is not worth waiting for here. */
  async #ensureIfMissing(partition: number): Promise<void> {
    try {
      await this.#states.streams.info(streamName(partition))
    } catch (error) {
      if (isStreamMissing(error)) await this.#ensure(partition).catch(() => undefined)
    }
  }

  /** Full jitter, so that many waiting records do not come back at once. */
  #retryMs(tries: number): number {
    return RETRY_MS_MIN + this.#options.random.next() * Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(tries, 10))
  }

  /** Runs a request; makes the stream and tries once more when it is not there. */
  async #call<A>(partition: number, doing: string, request: () => Promise<A>): Promise<A> {
    try {
      await this.#link.whenConnected(RECONNECT_MS, this.#options.clock)
      return await this.#link.orLost(request()).catch(async (error: unknown) => {
        if (!isStreamMissing(error) && !isNoResponder(error) && !(error instanceof StreamSilent)) throw error
        await this.#ensure(partition)
        return this.#link.orLost(request())
      })
    } catch (error) {
      throw error instanceof SkaldError ? error : walUnavailable(partition, doing, error)
    }
  }

  #ensure(partition: number): Promise<void> {
    const running = this.#opening.get(partition)
    if (running !== undefined) return running
    const stored = Math.max(this.#stored.get(partition) ?? 0, this.#options.storedThrough?.(partition) ?? 0)
    const known = { stored, seen: Math.max(stored, this.#seen.get(partition) ?? 0) }
    const opening = ensureStream(this.#jsm, () => this.#info(partition, OPEN_ASKS_MAX), partition, this.#settings, known).finally(() => this.#opening.delete(partition))
    this.#opening.set(partition, opening)
    return opening
  }

  #info(partition: number, asksMax: number): Promise<StreamInfo> {
    return askRepeatedly({ clock: this.#options.clock, everyMs: ASK_EVERY_MS, times: asksMax, isSilence: isUnanswered }, () => this.#states.streams.info(streamName(partition)))
  }

  #notice(partition: number, sequence: Sequence): void {
    if (sequence > (this.#seen.get(partition) ?? 0)) this.#seen.set(partition, sequence)
  }

  #reader(): WalReader {
    return (this.#options.directReads ?? hasBatchDirect(this.#nc.info?.version ?? '')) ? this.#direct : this.#fetch
  }
}

interface Managers {
  readonly jsm: JetStreamManager
  /** Whose requests end sooner. */
  readonly states: JetStreamManager
  readonly probes: JetStreamManager
}

class NoLeader extends Error {
  constructor() {
    super('the log has no leader')
    this.name = 'NoLeader'
  }
}

function traceHeaders(traceParent: string): { headers?: MsgHdrs } {
  if (traceParent === '') return {}
  const carried = headers()
  carried.set(TRACE_HEADER, traceParent)
  return { headers: carried }
}

function hasBatchDirect(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > BATCH_DIRECT_FROM[0] || (major === BATCH_DIRECT_FROM[0] && minor >= BATCH_DIRECT_FROM[1])
}
