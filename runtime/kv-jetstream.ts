/**
 * The key-value port on JetStream's KV. A bucket that is gone (wiped by an operator, or a new cluster) is made again by the next operation.
 * A write whose answer was lost may have happened: its caller gets `storage_unavailable` and reads again before it decides anything.
 */
import { JetStreamApiCodes, JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { JetStreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { KV } from '@nats-io/kv'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'
import { assertKvKey } from './kv-key.ts'
import { copyNames, MajorityBucket } from './kv-majority.ts'
import { type OpenWatch, ResumingWatch, type WatchSink } from './kv-watch.ts'
import type { Kv, KvBucket, KvBucketOptions, KvEntry, KvEvent, KvWatch } from './kv.ts'
import { openKvPoll } from './nats-kv-poll.ts'
import { type KvSource, openKvSource } from './nats-kv-watch.ts'
import { LeaderSpread } from './nats-leader-spread.ts'
import { majorityOf } from './majority-of.ts'
import type { Random } from './random.ts'
import { isUnanswered } from './nats-silence.ts'
import { askRepeatedly } from './repeated-ask.ts'
import { natsConnectionOf } from './transport-nats.ts'
import type { Transport } from './transport.ts'

export interface JetStreamKvPorts {
  readonly clock: Clock
  readonly random: Random
}

const NS_PER_MS = 1_000_000
/** A compare-and-delete without a revision is tried this often against writers that keep getting in between. */
const DELETE_ATTEMPTS_MAX = 10
const START_MS_MAX = 30_000
/** A stream's new leader publishes this under the stream's name (seen with nats-server 2.15). Without it watches are opened again all the same, up to 2.5 s later. */
const LEADER_ELECTED = '$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED'
const ELECTED_SPREAD_MS = 100
/** Of opening a watch: without a leader nobody answers, and it is better asked again soon. */
const OPEN_WATCH_MS = 800
const START_RETRY_MS = 250
/** A read that was sent to a server that has just died gets no answer. */
const READ_EVERY_MS = 500
const READ_ASKS_MAX = 6
/** Of a write or of one asking of a read. */
const ANSWER_MS = 2_000
/** Copies of a bucket from which on a server may die and leave a quorum: below it, three buckets are no better than one. */
const MAJORITY_REPLICAS_MIN = 3
/** JetStream says no for good, except while its servers are still finding each other: no leader (10008), too few peers (10005), made by another node a moment ago (10059). */
const PASSING: ReadonlySet<number> = new Set([10005, 10008, 10059])
const STREAM_MISSING = 10059
/** Too few peers (10005); servers that are no cluster (10074). */
const TOO_MANY_COPIES: ReadonlySet<number> = new Set([10005, 10074])
const LOST_RACE: ReadonlySet<number> = new Set([JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown])

export class JetStreamKv implements Kv {
  readonly #transport: Transport
  readonly #ports: JetStreamKvPorts
  readonly #buckets = new Set<JetStreamKvBucket>()
  readonly #spreads = new Set<LeaderSpread>()

  constructor(transport: Transport, ports: JetStreamKvPorts) {
    this.#transport = transport
    this.#ports = ports
  }

  /** Makes the bucket when it is missing and brings its replicas and age to what is asked. */
  async bucket(options: KvBucketOptions): Promise<KvBucket> {
    if (options.majority !== true || (options.replicas ?? 1) < MAJORITY_REPLICAS_MIN) {
      const bucket = this.#made(options, 'bucket')
      await bucket.ensureSoon()
      return bucket
    }
    const names = copyNames(options.name)
    const copies = names.map((name) => this.#made({ ...options, name }, 'copy'))
    // One may be on a server that is away.
    await majorityOf(copies.map((copy) => copy.ensureSoon().then(() => copy)))
    await this.#spread(names.map((name) => `KV_${name}`))
    return new MajorityBucket(copies, this.#ports, options.maxAgeMs)
  }

  #made(options: KvBucketOptions, role: BucketRole): JetStreamKvBucket {
    const bucket = new JetStreamKvBucket(this.#transport, this.#ports, options, role)
    this.#buckets.add(bucket)
    return bucket
  }

  async #spread(streams: ReadonlyArray<string>): Promise<void> {
    const nc = natsConnectionOf(this.#transport)
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: OPEN_WATCH_MS })
    this.#spreads.add(new LeaderSpread({ nc, jsm, ...this.#ports, streams, areCopies: true }))
  }

  /** Ends the watches; the connection belongs to whoever made the transport. */
  async close(): Promise<void> {
    for (const bucket of this.#buckets) bucket.close()
    this.#buckets.clear()
    for (const spread of this.#spreads) spread.close()
  }
}

/** `copy`: one of those that keep a majority bucket. How many servers have it is the spread's matter. */
type BucketRole = 'bucket' | 'copy'

interface OpenBucket {
  readonly kv: KV
  /** Of watches' consumers. */
  readonly manager: JetStreamManager
}

class JetStreamKvBucket implements KvBucket {
  readonly #transport: Transport
  readonly #connection: NatsConnection
  readonly #ports: JetStreamKvPorts
  readonly #options: KvBucketOptions
  readonly #role: BucketRole
  readonly #watches = new Set<ResumingWatch>()
  #elections: Subscription | undefined
  #opening: Promise<OpenBucket> | undefined
  #isClosed = false

  constructor(transport: Transport, ports: JetStreamKvPorts, options: KvBucketOptions, role: BucketRole) {
    this.#transport = transport
    this.#connection = natsConnectionOf(transport)
    this.#ports = ports
    this.#options = options
    this.#role = role
  }

  /** Servers that have just been started may not have elected who decides, for some seconds. */
  async ensureSoon(): Promise<void> {
    const { clock, random } = this.#ports
    const untilMs = clock.monotonicMs() + START_MS_MAX
    for (;;) {
      try {
        return await this.#run('open', async () => undefined)
      } catch (error) {
        if (this.#isClosed || clock.monotonicMs() >= untilMs || !mayPass(error)) throw tooManyCopies(error, this.#options.replicas ?? 1) ?? error
        await clock.sleep(START_RETRY_MS * (0.5 + random.next()))
      }
    }
  }

  get(key: string): Promise<KvEntry | null> {
    assertKvKey(key)
    return this.#run(`get ${key}`, async (kv) => {
      const { clock } = this.#ports
      const entry = await askRepeatedly({ clock, everyMs: READ_EVERY_MS, times: READ_ASKS_MAX, isSilence: isUnanswered }, () => kv.get(key))
      if (entry === null || entry.operation !== 'PUT') return null
      return { key, value: bufferOf(entry.value), revision: entry.revision, createdMs: entry.created.getTime() }
    })
  }

  keys(prefix: string): Promise<ReadonlyArray<string>> {
    return this.#run(`list ${prefix}`, async (kv) => {
      const keys: string[] = []
      for await (const key of await kv.keys(filterOf(prefix))) if (key.startsWith(prefix)) keys.push(key)
      return keys
    })
  }

  create(key: string, value: Uint8Array): Promise<number | null> {
    assertKvKey(key)
    return this.#run(`create ${key}`, (kv) => nullIfLost(kv.create(key, value)))
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number | null> {
    assertKvKey(key)
    return this.#run(`update ${key}`, (kv) => nullIfLost(kv.update(key, value, revision)))
  }

  put(key: string, value: Uint8Array): Promise<number> {
    assertKvKey(key)
    return this.#run(`put ${key}`, (kv) => kv.put(key, value))
  }

  delete(key: string, revision?: number): Promise<boolean> {
    assertKvKey(key)
    return this.#run(`delete ${key}`, async (kv) => {
      if (revision !== undefined) return this.#deleteAt(kv, key, revision)
      for (let attempt = 0; attempt < DELETE_ATTEMPTS_MAX; attempt++) {
        const entry = await kv.get(key)
        if (entry === null || entry.operation !== 'PUT') return false
        if (await this.#deleteAt(kv, key, entry.revision)) return true
      }
      throw new Error('other writers kept changing it')
    })
  }

  watch(prefix: string, on: (event: KvEvent) => void, ready?: () => void): KvWatch {
    const source = { connection: this.#connection, transport: this.#transport, clock: this.#ports.clock, bucket: this.#options.name, prefix, filter: filterOf(prefix) }
    const watch = new ResumingWatch(this.#ports, (sink) => this.#run('watch', (_kv, manager) => openWatch(source, manager, sink)), on, ready)
    this.#watches.add(watch)
    this.#elections ??= this.#connection.subscribe(`${LEADER_ELECTED}.KV_${this.#options.name}`, { callback: () => this.#elected() })
    return {
      stop: () => {
        this.#watches.delete(watch)
        watch.stop()
      },
    }
  }

  /** Who asked a bucket without a leader gets no answer, and would not ask again before that is clear. Not all nodes at once. */
  #elected(): void {
    const { clock, random } = this.#ports
    for (const watch of this.#watches) clock.after(random.next() * ELECTED_SPREAD_MS, () => watch.retryNow())
  }

  close(): void {
    this.#isClosed = true
    this.#elections?.unsubscribe()
    this.#elections = undefined
    for (const watch of this.#watches) watch.stop()
    this.#watches.clear()
  }

  async #deleteAt(kv: KV, key: string, revision: number): Promise<boolean> {
    const done = await nullIfLost(kv.delete(key, { previousSeq: revision }).then(() => 1))
    return done !== null
  }

  async #run<A>(what: string, operate: (kv: KV, manager: JetStreamManager) => Promise<A>): Promise<A> {
    const name = this.#options.name
    if (this.#transport.status() !== 'connected') throw new SkaldError('storage_unavailable', `KV ${name}: cannot ${what}: not connected to NATS`)
    try {
      const { kv, manager } = await this.#open()
      return await operate(kv, manager).catch((error: unknown) => {
        this.#forgetIfGone(manager)
        throw error
      })
    } catch (error) {
      throw new SkaldError('storage_unavailable', `KV ${name}: cannot ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }

  #open(): Promise<OpenBucket> {
    if (this.#opening !== undefined) return this.#opening
    const opening = this.#openBucket()
    this.#opening = opening
    opening.catch(() => this.#forget(opening))
    return opening
  }

  /** A bucket that was deleted is made again. One that has no leader is not: its servers could not say so now, and whoever waited for them would overlook that it has one. */
  #forgetIfGone(manager: JetStreamManager): void {
    const opening = this.#opening
    manager.streams.info(`KV_${this.#options.name}`).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && error.code === STREAM_MISSING) this.#forget(opening)
    })
  }

  #forget(opening: Promise<OpenBucket> | undefined): void {
    if (this.#opening === opening) this.#opening = undefined
  }

  async #openBucket(): Promise<OpenBucket> {
    const { name, replicas = 1, maxAgeMs = 0, history = 1 } = this.#options
    const kv = await new Kvm(jetstream(this.#connection, { timeout: ANSWER_MS })).create(name, { replicas, ttl: maxAgeMs, history })
    const manager = await jetstreamManager(this.#connection, { checkAPI: false })
    const watching = await jetstreamManager(this.#connection, { checkAPI: false, timeout: OPEN_WATCH_MS })
    const { config } = (await kv.status()).streamInfo
    const maxAgeNs = maxAgeMs * NS_PER_MS
    const copies = this.#role === 'copy' ? config.num_replicas : replicas
    if (config.num_replicas !== copies || config.max_age !== maxAgeNs) {
      // A window for duplicates that is longer than the age is refused.
      const window = maxAgeNs === 0 ? config.duplicate_window : Math.min(config.duplicate_window, maxAgeNs)
      await manager.streams.update(config.name, { ...config, num_replicas: copies, max_age: maxAgeNs, duplicate_window: window })
    }
    return { kv, manager: watching }
  }
}

/** Consumers are made by JetStream's own leader, which may be away as well. */
function openWatch(source: KvSource, manager: JetStreamManager, sink: WatchSink): Promise<OpenWatch> {
  return openKvSource(source, manager, sink).catch((error: unknown) => {
    if (isUnanswered(error)) return openKvPoll(source, manager, sink)
    throw error
  })
}

function mayPass(error: unknown): boolean {
  const cause = error instanceof SkaldError ? error.cause : error
  return cause instanceof JetStreamApiError ? PASSING.has(cause.code) : true
}

/** In the words of whoever set it. */
function tooManyCopies(error: unknown, replicas: number): SkaldError | undefined {
  const cause = error instanceof SkaldError ? error.cause : error
  if (!(cause instanceof JetStreamApiError) || !TOO_MANY_COPIES.has(cause.code)) return undefined
  return new SkaldError('setup', `nats.replicas is ${replicas}, and NATS has too few servers with JetStream for so many copies: ${cause.message}`, { cause })
}

async function nullIfLost(write: Promise<number>): Promise<number | null> {
  try {
    return await write
  } catch (error) {
    if (error instanceof JetStreamApiError && LOST_RACE.has(error.code)) return null
    throw error
  }
}

/** The narrowest subject filter that covers a key prefix; what it lets through in excess is filtered by the reader. */
function filterOf(prefix: string): string {
  const lastDot = prefix.lastIndexOf('.')
  return lastDot === -1 ? '>' : `${prefix.slice(0, lastDot)}.>`
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
}
