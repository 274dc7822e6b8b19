/**
 * A bucket that no election stops: each key is kept in three buckets, each on a server of its own, and is read and written by majority. A bucket of JetStream's is silent for 4 to
 * 9 s when the server that leads it dies, and leases cannot wait so long. To its callers it is a bucket like any other: the copies of a key are the acceptors of CASPaxos
 * (`kv-acceptor.ts`), so a compare-and-set is won by one writer, whatever is lost, late or done twice. A revision is the ballot of a write.
 */
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'
import { accept, type Accepted, type Acceptor, decodeAcceptor, encodeAcceptor, NEW_ACCEPTOR, newestOf, promise } from './kv-acceptor.ts'
import { assertKvKey } from './kv-key.ts'
import { MergedWatch } from './kv-majority-watch.ts'
import type { KvBucket, KvEntry, KvEvent, KvWatch } from './kv.ts'
import { majorityOf } from './majority-of.ts'
import type { Random } from './random.ts'

export interface MajorityPorts {
  readonly clock: Clock
  readonly random: Random
}

/** One bucket's copy of a key, as last known. */
interface Copy {
  readonly state: Acceptor
  /** In that bucket; 0: the key is not there. */
  readonly revision: number
  readonly createdMs: number
}

/** A majority has promised the ballot; what it had accepted is what the key holds. */
interface Turn {
  readonly ballot: number
  readonly now: Accepted
  readonly copies: ReadonlyArray<Copy | undefined>
}

/** The value to write (null: delete it); undefined: none. */
type Decide = (now: Accepted) => Buffer | null | undefined

/** Tries of a write against writers that keep getting in between, and of a step on one copy against a replica that lags. */
const TRIES_MAX = 50
const STEP_TRIES_MAX = 10
const RETRY_MS_MAX = 50

/** Names of the buckets that keep one. */
export const copyNames = (name: string): ReadonlyArray<string> => [1, 2, 3].map((copy) => `${name}_${copy}`)

export class MajorityBucket implements KvBucket {
  readonly #buckets: ReadonlyArray<KvBucket>
  readonly #ports: MajorityPorts
  readonly #maxAgeMs: number
  /** Promised with the last write of this node: its next write of the key needs no round before. */
  readonly #turns = new Map<string, Turn>()

  /** `maxAgeMs`: of the buckets; 0: they keep everything. */
  constructor(buckets: ReadonlyArray<KvBucket>, ports: MajorityPorts, maxAgeMs = 0) {
    this.#buckets = buckets
    this.#ports = ports
    this.#maxAgeMs = maxAgeMs
  }

  async get(key: string): Promise<KvEntry | null> {
    assertKvKey(key)
    const copies = (await this.#ofMost((at) => this.#read(at, key))) ?? []
    const { ballot, value } = newestOf(copies.map((copy) => copy?.state.accepted))
    if (value === null) return null
    return { key, value, revision: ballot, createdMs: copies.find((copy) => copy?.state.accepted.ballot === ballot)?.createdMs ?? 0 }
  }

  async keys(prefix: string): Promise<ReadonlyArray<string>> {
    const lists = (await this.#ofMost((at) => this.#buckets[at]!.keys(prefix))) ?? []
    const keys = [...new Set(lists.flatMap((list) => list ?? []))]
    const entries = await Promise.all(keys.map((key) => this.get(key)))
    return keys.filter((_, i) => entries[i] !== null)
  }

  create(key: string, value: Uint8Array): Promise<number | null> {
    return this.#change(key, (now) => (now.value === null ? Buffer.from(value) : undefined))
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number | null> {
    return this.#change(key, (now) => (now.value !== null && now.ballot === revision ? Buffer.from(value) : undefined))
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    return (await this.#change(key, () => Buffer.from(value))) ?? 0
  }

  async delete(key: string, revision?: number): Promise<boolean> {
    const deleted = await this.#change(key, (now) => (now.value === null || (revision !== undefined && now.ballot !== revision) ? undefined : null))
    return deleted !== null
  }

  watch(prefix: string, on: (event: KvEvent) => void, ready?: () => void): KvWatch {
    return new MergedWatch({ buckets: this.#buckets, clock: this.#ports.clock, maxAgeMs: this.#maxAgeMs }, prefix, on, ready)
  }

  /** The ballot under which it was written; null: `decide` did not want to. Rejects `storage_unavailable` when it may or may not have happened. */
  async #change(key: string, decide: Decide): Promise<number | null> {
    assertKvKey(key)
    /** Ballots under which this call has tried. */
    const tried = new Set<number>()
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const kept = this.#turns.get(key)
      this.#turns.delete(key)
      const turn = kept ?? (await this.#prepare(key))
      // What an earlier try left with a minority is carried on.
      const value = turn === null ? undefined : tried.has(turn.now.ballot) ? turn.now.value : decide(turn.now)
      if (turn !== null && value !== undefined) {
        tried.add(turn.ballot)
        if (await this.#accept(key, turn, value)) return turn.ballot
      } else if (turn !== null && kept === undefined) {
        if (tried.size === 0) return null
        throw new SkaldError('storage_unavailable', `KV key ${key}: others wrote it meanwhile, and it is not known whether this write came first`)
      }
      if (kept === undefined) await this.#pause(tries)
    }
    throw new SkaldError('storage_unavailable', `KV key ${key}: ${TRIES_MAX} writes in a row were overtaken by others`)
  }

  /** null: another writer is ahead. Ballots follow the clock, so that a key that vanished from some copies and not from others does not fall behind what it was. */
  async #prepare(key: string): Promise<Turn | null> {
    const known = await this.#ofMost((at) => this.#read(at, key))
    if (known === null) return null
    const ballot = Math.max(Math.floor(this.#ports.clock.nowMs()), ...known.map((copy) => (copy?.state.promised ?? 0) + 1))
    const copies = await this.#ofMost((at) => this.#step(at, key, known[at], (state) => promise(state, ballot)))
    return copies === null ? null : { ballot, now: newestOf(copies.map((copy) => copy?.state.accepted)), copies }
  }

  async #accept(key: string, { ballot, copies }: Turn, value: Buffer | null): Promise<boolean> {
    const now = { ballot, value }
    const written = await this.#ofMost((at) => this.#step(at, key, copies[at], (state) => accept(state, now)))
    if (written !== null) this.#turns.set(key, { ballot: ballot + 1, now, copies: written })
    return written !== null
  }

  /** Changes one copy by compare-and-set; null: it refuses. */
  async #step(at: number, key: string, known: Copy | undefined, change: (state: Acceptor) => Acceptor | null): Promise<Copy | null> {
    const bucket = this.#buckets[at]!
    let copy = known
    for (let tries = 0; tries < STEP_TRIES_MAX; tries++) {
      copy ??= await this.#read(at, key)
      const state = change(copy.state)
      if (state === null) return null
      if (state === copy.state) return copy
      const revision = await (copy.revision === 0 ? bucket.create(key, encodeAcceptor(state)) : bucket.update(key, encodeAcceptor(state), copy.revision))
      if (revision !== null) return { state, revision, createdMs: this.#ports.clock.nowMs() }
      copy = undefined
      await this.#pause(tries)
    }
    throw new SkaldError('storage_unavailable', `KV key ${key}: ${STEP_TRIES_MAX} writes in a row were overtaken by others`)
  }

  async #read(at: number, key: string): Promise<Copy> {
    const entry = await this.#buckets[at]!.get(key)
    return entry === null ? ABSENT : { state: decodeAcceptor(entry.value), revision: entry.revision, createdMs: entry.createdMs }
  }

  #ofMost<A>(ask: (at: number) => Promise<A | null>): Promise<Array<A | undefined> | null> {
    return majorityOf(this.#buckets.map((_, at) => ask(at)))
  }

  #pause(tries: number): Promise<void> {
    return this.#ports.clock.sleep(this.#ports.random.next() * Math.min(RETRY_MS_MAX, 2 ** (tries + 1)))
  }
}

const ABSENT: Copy = { state: NEW_ACCEPTOR, revision: 0, createdMs: 0 }
