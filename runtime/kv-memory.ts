/**
 * The key-value port inside one process. A `MemoryKvServer` stands for the JetStream cluster; each node connects a `MemoryKv`, which a
 * simulation can take offline. Revisions count over the whole bucket, as a JetStream sequence does.
 */
import type { Clock } from './clock.ts'
import { SkaldError } from './errors.ts'
import { assertKvKey } from './kv-key.ts'
import { ResumingWatch } from './kv-watch.ts'
import type { OpenWatch, WatchSink } from './kv-watch.ts'
import type { Kv, KvBucket, KvBucketOptions, KvEntry, KvEvent, KvWatch } from './kv.ts'
import type { Random } from './random.ts'

interface Watcher {
  readonly prefix: string
  readonly sink: WatchSink
}

/** One bucket's entries, seen by every connected node. */
class Store {
  readonly maxAgeMs: number
  readonly entries = new Map<string, KvEntry>()
  readonly watchers = new Set<Watcher>()
  revision = 0

  constructor(maxAgeMs: number) {
    this.maxAgeMs = maxAgeMs
  }

  put(key: string, value: Uint8Array, nowMs: number): number {
    const entry: KvEntry = { key, value: Buffer.from(value), revision: ++this.revision, createdMs: nowMs }
    this.entries.set(key, entry)
    for (const watcher of this.#watchersOf(key)) watcher.sink.put(entry)
    return entry.revision
  }

  delete(key: string): void {
    this.entries.delete(key)
    const revision = ++this.revision
    for (const watcher of this.#watchersOf(key)) watcher.sink.delete(key, revision)
  }

  get(key: string, nowMs: number): KvEntry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || this.maxAgeMs === 0 || nowMs - entry.createdMs < this.maxAgeMs) return entry
    // As on a real server: what is too old is gone, and watchers are not told.
    this.entries.delete(key)
    return undefined
  }

  /** Everything under the prefix, in order of revision. */
  under(prefix: string, nowMs: number): KvEntry[] {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(prefix))
    const entries = keys.map((key) => this.get(key, nowMs)).filter((entry) => entry !== undefined)
    return entries.sort((a, b) => a.revision - b.revision)
  }

  #watchersOf(key: string): Watcher[] {
    return [...this.watchers].filter((watcher) => key.startsWith(watcher.prefix))
  }
}

export class MemoryKvServer {
  readonly clock: Clock
  readonly random: Random
  readonly #stores = new Map<string, Store>()

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
  }

  connect(): MemoryKv {
    return new MemoryKv(this)
  }

  open(options: KvBucketOptions): Store {
    const store = this.#stores.get(options.name) ?? new Store(options.maxAgeMs ?? 0)
    this.#stores.set(options.name, store)
    return store
  }

  /** For simulations: the bucket is lost with all it held. */
  wipe(name: string): void {
    const store = this.#stores.get(name)
    if (store === undefined) return
    store.entries.clear()
    for (const watcher of store.watchers) watcher.sink.lost()
  }
}

export class MemoryKv implements Kv {
  readonly server: MemoryKvServer
  readonly #watches = new Set<KvWatch>()
  readonly #sinks = new Set<WatchSink>()
  #online = true

  constructor(server: MemoryKvServer) {
    this.server = server
  }

  async bucket(options: KvBucketOptions): Promise<KvBucket> {
    this.assertOnline()
    return new MemoryKvBucket(this, this.server.open(options))
  }

  async close(): Promise<void> {
    this.#online = false
    for (const watch of this.#watches) watch.stop()
  }

  /** For simulations: cuts this node off from the bucket, or brings it back; its watches resume by themselves. */
  setOnline(online: boolean): void {
    this.#online = online
    if (!online) for (const sink of this.#sinks) sink.lost()
  }

  assertOnline(): void {
    if (!this.#online) throw new SkaldError('storage_unavailable', 'KV is out of reach')
  }

  watch(store: Store, prefix: string, on: (event: KvEvent) => void, ready?: () => void): KvWatch {
    const watch = new ResumingWatch(this.server, (sink) => this.#open(store, prefix, sink), on, ready)
    this.#watches.add(watch)
    return {
      stop: () => {
        this.#watches.delete(watch)
        watch.stop()
      },
    }
  }

  async #open(store: Store, prefix: string, sink: WatchSink): Promise<OpenWatch> {
    this.assertOnline()
    const watcher: Watcher = { prefix, sink }
    store.watchers.add(watcher)
    this.#sinks.add(sink)
    for (const entry of store.under(prefix, this.server.clock.nowMs())) sink.put(entry)
    sink.current()
    return {
      close: () => {
        store.watchers.delete(watcher)
        this.#sinks.delete(sink)
      },
    }
  }
}

class MemoryKvBucket implements KvBucket {
  readonly #kv: MemoryKv
  readonly #store: Store

  constructor(kv: MemoryKv, store: Store) {
    this.#kv = kv
    this.#store = store
  }

  async get(key: string): Promise<KvEntry | null> {
    return this.#current(key) ?? null
  }

  async keys(prefix: string): Promise<ReadonlyArray<string>> {
    this.#kv.assertOnline()
    return this.#store.under(prefix, this.#nowMs()).map((entry) => entry.key)
  }

  async create(key: string, value: Uint8Array): Promise<number | null> {
    return this.#current(key) === undefined ? this.#store.put(key, value, this.#nowMs()) : null
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number | null> {
    return this.#current(key)?.revision === revision ? this.#store.put(key, value, this.#nowMs()) : null
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    this.#current(key)
    return this.#store.put(key, value, this.#nowMs())
  }

  async delete(key: string, revision?: number): Promise<boolean> {
    const current = this.#current(key)
    if (current === undefined || (revision !== undefined && current.revision !== revision)) return false
    this.#store.delete(key)
    return true
  }

  watch(prefix: string, on: (event: KvEvent) => void, ready?: () => void): KvWatch {
    return this.#kv.watch(this.#store, prefix, on, ready)
  }

  #current(key: string): KvEntry | undefined {
    this.#kv.assertOnline()
    assertKvKey(key)
    return this.#store.get(key, this.#nowMs())
  }

  /** The server's time, not a node's: a skewed node does not age entries. */
  #nowMs(): number {
    return this.#kv.server.clock.nowMs()
  }
}
