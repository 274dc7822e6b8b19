/**
 * Which node answers for which partition, as every node sees it: a new owner announces itself once it has started, under its lease's epoch. Whoever reads
 * asks the announced node; the one before goes on answering until the next is announced, so a hand-over leaves no gap. It grants nothing: leases do.
 */
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { portsContext } from '../../runtime/effect-ports.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { KvBucket, KvEvent, KvWatch } from '../../runtime/kv.ts'
import type { Random } from '../../runtime/random.ts'

export interface Announcement {
  readonly node: string
  /** Of the lease under which it serves; later ones win. */
  readonly epoch: number
}

export interface OwnerMapOptions {
  readonly bucket: KvBucket
  readonly clock: Clock
  readonly random: Random
}

type Listener = (partition: number) => void

const PREFIX = 'serving.'
/** Give or take a half. Nobody else would write an announcement again: copies of the bucket that were away when it was made, or were lost since, get it so. */
const REPEAT_MS = 60_000
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 2_000
const backoff = Schedule.jittered(Schedule.min([Schedule.exponential(RETRY_MIN_MS), Schedule.spaced(RETRY_MAX_MS)]))

export class OwnerMap {
  readonly ready: Promise<void>
  readonly #options: OwnerMapOptions
  readonly #watch: KvWatch
  readonly #known = new Map<number, Announcement>()
  readonly #listeners = new Set<Listener>()
  /** What this node has announced, as long as it stands. */
  readonly #own = new Map<number, Announcement>()
  #repeat: Timer | undefined
  #isClosed = false

  constructor(options: OwnerMapOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#watch = options.bucket.watch(PREFIX, (event) => this.#heard(event), resolve)
    this.#repeatLater()
  }

  /** One more than the highest partition that was ever announced. */
  get count(): number {
    return 1 + Math.max(-1, ...this.#known.keys())
  }

  ownerOf(partition: number): Announcement | undefined {
    return this.#known.get(partition)
  }

  /** Announced nodes by partition, for the placement. */
  nodes(count: number): Array<string | undefined> {
    return Array.from({ length: count }, (_, partition) => this.#known.get(partition)?.node)
  }

  /** Returns what ends it. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Repeated until it is written, or another announcement of a later epoch stands. */
  announce(partition: number, announcement: Announcement): Promise<void> {
    this.#own.set(partition, announcement)
    const write = Effect.tryPromise({ try: () => this.#write(partition, announcement), catch: (error) => error }).pipe(
      Effect.retry({ schedule: backoff, while: () => !this.#isClosed }),
      Effect.ignore,
    )
    return Effect.runPromiseWith(portsContext(this.#options.clock, this.#options.random))(write)
  }

  close(): void {
    this.#isClosed = true
    this.#repeat?.cancel()
    this.#watch.stop()
    this.#listeners.clear()
  }

  async #write(partition: number, announcement: Announcement, isRepeated = false): Promise<void> {
    if (this.#isClosed) return
    const { bucket } = this.#options
    const key = PREFIX + String(partition)
    const value = Buffer.from(JSON.stringify(announcement))
    const present = await bucket.get(key)
    const standing = present === null ? undefined : parseAnnouncement(present.value)
    const isOurs = standing?.epoch === announcement.epoch && standing.node === announcement.node
    if (standing !== undefined && standing.epoch >= announcement.epoch && !(isOurs && isRepeated)) return this.#adopt(partition, standing)
    const written = await (present === null ? bucket.create(key, value) : bucket.update(key, value, present.revision))
    if (written === null) throw new SkaldError('storage_unavailable', `the announcement for partition ${partition} was overtaken by another`)
    this.#adopt(partition, announcement)
  }

  #repeatLater(): void {
    const { clock, random } = this.#options
    this.#repeat = clock.after(REPEAT_MS * (0.5 + random.next()), () => {
      // What fails now is repeated the next time.
      for (const [partition, announcement] of this.#own) void this.#write(partition, announcement, true).catch(() => undefined)
      this.#repeatLater()
    })
  }

  /** Whoever waited for the watch would announce itself over and over meanwhile. */
  #adopt(partition: number, announcement: Announcement): void {
    if ((this.#known.get(partition)?.epoch ?? 0) < announcement.epoch) this.#become(partition, announcement)
  }

  #heard(event: KvEvent): void {
    const key = event.kind === 'put' ? event.entry.key : event.key
    const partition = Number(key.slice(PREFIX.length))
    if (Number.isInteger(partition)) this.#become(partition, event.kind === 'put' ? parseAnnouncement(event.entry.value) : undefined)
  }

  #become(partition: number, announcement: Announcement | undefined): void {
    if ((this.#own.get(partition)?.epoch ?? Infinity) < (announcement?.epoch ?? 0)) this.#own.delete(partition)
    const known = this.#known.get(partition)
    if (known?.epoch === announcement?.epoch && known?.node === announcement?.node) return
    if (announcement === undefined) this.#known.delete(partition)
    else this.#known.set(partition, announcement)
    for (const listener of this.#listeners) listener(partition)
  }
}

/** Undefined for what no node of this version wrote. */
function parseAnnouncement(value: Buffer): Announcement | undefined {
  try {
    const { node, epoch } = JSON.parse(value.toString()) as Partial<Announcement>
    return typeof node === 'string' && Number.isSafeInteger(epoch) ? { node, epoch: epoch as number } : undefined
  } catch {
    return undefined
  }
}
