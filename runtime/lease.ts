/**
 * Leases over a KV bucket: partition ownership and leadership. One watch serves all leases of a keeper. The decisions are `lease-state.ts`;
 * this file only carries them out. A lease tells when it is held and lost; it never decides what its owner does about that.
 */
import { SkaldError } from './errors.ts'
import type { Clock, Timer } from './clock.ts'
import type { KvBucket, KvEvent, KvWatch } from './kv.ts'
import { LEASE_START, holdsAt, leaseStep } from './lease-state.ts'
import type { LeaseEffect, LeaseEvent, LeaseRecord, LeaseState, LeaseTerms, LostReason } from './lease-state.ts'
import type { Random } from './random.ts'
import { wholeMs } from './whole-ms.ts'

export interface LeaseKeeperOptions {
  readonly bucket: KvBucket
  readonly clock: Clock
  readonly random: Random
  /** This node, the same after a restart: it takes its own leases back at once. Only one process may use it. */
  readonly holder: string
  readonly ttlMs: number
  /** Keys of all leases of this keeper begin with it. */
  readonly prefix: string
}

export interface LeaseListener {
  held(epoch: number): void
  /** The owner must have stopped acting before this returns, as far as it can; the epoch fences the rest. */
  lost(epoch: number, reason: LostReason): void
}

export interface Lease {
  readonly name: string
  /** The fencing epoch while the lease may be relied on, by this node's clock at this moment; undefined otherwise. */
  epoch(): number | undefined
  /** Who has it, as last seen; empty: nobody, as far as is known. */
  holder(): string
  /** Gives it up, so that others can take it at once. Resolves when that is written or has failed. */
  release(): Promise<void>
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #leases = new Map<string, ManagedLease>()
  /** With when each was first seen: a lease that is wanted only once its holder is missed has been silent for a while already. */
  readonly #records = new Map<string, { revision: number; record: LeaseRecord | null; seenMs: number }>()
  readonly #watch: KvWatch
  #isReady = false

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#watch = options.bucket.watch(
      options.prefix,
      (event) => this.#changed(event),
      () => this.#ready(),
    )
  }

  /** Wants the lease from now on: acquires it when it is free, keeps it, and tries again whenever it is lost. */
  acquire(name: string, listener: LeaseListener, epochFloor = 0): Lease {
    if (this.#leases.has(name)) throw new Error(`lease ${name} is wanted already`)
    const lease = new ManagedLease(this.#options, name, listener, () => this.#leases.delete(name))
    this.#leases.set(name, lease)
    lease.step({ kind: 'want', epochFloor })
    if (this.#isReady) lease.step({ kind: 'seen', ...(this.#records.get(name) ?? NO_RECORD) })
    return lease
  }

  /** Every lease under the prefix, as last seen: name -> holder and epoch. */
  view(): ReadonlyMap<string, LeaseRecord> {
    const view = new Map<string, LeaseRecord>()
    for (const [name, { record }] of this.#records) if (record !== null) view.set(name, record)
    return view
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#leases.values()].map((lease) => lease.release()))
  }

  /** Stops renewing and watching without a release, as a crash would; after `releaseAll` this is a clean end. */
  close(): void {
    this.#watch.stop()
    for (const lease of this.#leases.values()) lease.abandon()
    this.#leases.clear()
  }

  #changed(event: KvEvent): void {
    const key = event.kind === 'put' ? event.entry.key : event.key
    const name = key.slice(this.#options.prefix.length)
    const seen = event.kind === 'put' ? { revision: event.entry.revision, record: parseRecord(event.entry.value) } : NO_RECORD
    this.#records.set(name, { ...seen, seenMs: this.#options.clock.monotonicMs() })
    this.#leases.get(name)?.step({ kind: 'seen', ...seen })
  }

  #ready(): void {
    this.#isReady = true
    for (const [name, lease] of this.#leases) if (!this.#records.has(name)) lease.step({ kind: 'seen', ...NO_RECORD })
  }
}

const NO_RECORD = { revision: 0, record: null } as const

class ManagedLease implements Lease {
  readonly name: string
  readonly #options: LeaseKeeperOptions
  readonly #terms: LeaseTerms
  readonly #listener: LeaseListener
  readonly #ended: () => void
  #state: LeaseState = LEASE_START
  #timer: Timer | undefined
  #isAbandoned = false
  #released: (() => void) | undefined

  constructor(options: LeaseKeeperOptions, name: string, listener: LeaseListener, ended: () => void) {
    this.name = name
    this.#options = options
    this.#terms = { holder: options.holder, ttlMs: options.ttlMs }
    this.#listener = listener
    this.#ended = ended
  }

  epoch(): number | undefined {
    return holdsAt(this.#state, this.#options.clock.monotonicMs()) ? this.#state.held?.epoch : undefined
  }

  holder(): string {
    return this.#state.seen?.record?.holder ?? ''
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      this.#released = resolve
      this.step({ kind: 'unwant' })
    })
  }

  abandon(): void {
    this.#isAbandoned = true
    this.#timer?.cancel()
  }

  step(event: LeaseEvent): void {
    if (this.#isAbandoned) return
    const step = leaseStep(this.#state, event, this.#options.clock.monotonicMs(), this.#terms, this.#options.random.next())
    this.#state = step.state
    this.#wake(step.wakeAtMs)
    for (const effect of step.effects) this.#carryOut(effect)
    this.#endWhenIdle()
  }

  #wake(atMs: number | undefined): void {
    this.#timer?.cancel()
    const { clock } = this.#options
    this.#timer = atMs === undefined ? undefined : clock.after(wholeMs(atMs - clock.monotonicMs()), () => this.step({ kind: 'tick' }))
  }

  #carryOut(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'held':
        return this.#listener.held(effect.epoch)
      case 'lost':
        return this.#listener.lost(effect.epoch, effect.reason)
      case 'write':
        return void this.#write(effect.record, effect.revision)
      case 'read':
        return void this.#read()
    }
  }

  async #write(record: LeaseRecord, revision: number): Promise<void> {
    const { bucket } = this.#options
    const value = Buffer.from(JSON.stringify(record))
    try {
      const written = await (revision === 0 ? bucket.create(this.#key, value) : bucket.update(this.#key, value, revision))
      this.step(written === null ? { kind: 'outrun' } : { kind: 'wrote', revision: written })
    } catch (error) {
      if (!(error instanceof SkaldError)) throw error
      this.step({ kind: 'failed' })
    }
  }

  async #read(): Promise<void> {
    try {
      const entry = await this.#options.bucket.get(this.#key)
      this.step({ kind: 'seen', ...(entry === null ? NO_RECORD : { revision: entry.revision, record: parseRecord(entry.value) }) })
    } catch (error) {
      if (!(error instanceof SkaldError)) throw error
      this.step({ kind: 'read_failed' })
    }
  }

  #endWhenIdle(): void {
    if (this.#released === undefined || this.#state.writing !== undefined || this.#state.held !== undefined) return
    this.#timer?.cancel()
    this.#ended()
    this.#released()
    this.#released = undefined
  }

  get #key(): string {
    return this.#options.prefix + this.name
  }
}

/** A record that cannot be read is nobody's: it is replaced by the next claim, at its revision. */
function parseRecord(value: Buffer): LeaseRecord {
  try {
    const { holder, epoch, ttlMs } = JSON.parse(value.toString()) as Partial<LeaseRecord>
    if (typeof holder === 'string' && Number.isSafeInteger(epoch) && typeof ttlMs === 'number') return { holder, epoch: epoch as number, ttlMs }
  } catch {
    // Falls through to the same answer.
  }
  return { holder: '', epoch: 0, ttlMs: 0 }
}
