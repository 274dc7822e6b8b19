/**
 * A watch that survives what it watches through: it opens a source, and when the source is lost opens it again after back-off with jitter.
 * Every opening starts with a snapshot; the difference to what the watcher was told before is reported, so changes, deletions and expiries
 * that happened while nobody listened are not missed, and a bucket that was wiped reads as deletions. Both KV implementations use it.
 */
import type { BackoffLimits } from './backoff.ts'
import { Backoff } from './backoff.ts'
import type { Clock, Timer } from './clock.ts'
import type { KvEntry, KvEvent, KvWatch } from './kv.ts'
import type { Random } from './random.ts'

/** What a source calls. After `lost` it must call nothing more. */
export interface WatchSink {
  put(entry: KvEntry): void
  delete(key: string, revision: number): void
  /** The snapshot is complete; what follows are changes. Later calls are ignored. */
  current(): void
  lost(): void
}

export interface OpenWatch {
  close(): void
}

export interface WatchPorts {
  readonly clock: Clock
  readonly random: Random
}

/** Whoever does not hear the others cannot miss them: ownership must move within 5 s of a death also just after an election. */
const RESUME: BackoffLimits = { minMs: 100, maxMs: 1_000 }

export class ResumingWatch implements KvWatch {
  readonly #open: (sink: WatchSink) => Promise<OpenWatch>
  readonly #on: (event: KvEvent) => void
  readonly #ready: (() => void) | undefined
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #known = new Map<string, number>()
  /** Keys in the snapshot that is coming in; undefined once it is complete. */
  #snapshot: Set<string> | undefined
  #source: OpenWatch | undefined
  #timer: Timer | undefined
  #generation = 0
  #wasReady = false
  #stopped = false

  constructor(ports: WatchPorts, open: (sink: WatchSink) => Promise<OpenWatch>, on: (event: KvEvent) => void, ready?: () => void) {
    this.#open = open
    this.#on = on
    this.#ready = ready
    this.#clock = ports.clock
    this.#backoff = new Backoff(RESUME, ports.random)
    void this.#start()
  }

  /** What it watches through may be there again: an opening that waits for its turn, or for an answer, is begun anew. */
  retryNow(): void {
    if (this.#stopped || this.#source !== undefined) return
    this.#timer?.cancel()
    void this.#start()
  }

  stop(): void {
    this.#stopped = true
    this.#generation++
    this.#timer?.cancel()
    this.#source?.close()
    this.#source = undefined
  }

  async #start(): Promise<void> {
    const generation = ++this.#generation
    this.#snapshot = new Set()
    try {
      const source = await this.#open(this.#sink(generation))
      if (generation === this.#generation) this.#source = source
      else source.close()
    } catch {
      this.#lost(generation)
    }
  }

  /** Calls from a source that has been given up are ignored. */
  #sink(generation: number): WatchSink {
    const live = (run: () => void): void => {
      if (generation === this.#generation) run()
    }
    return {
      put: (entry) => live(() => this.#put(entry)),
      delete: (key, revision) => live(() => this.#delete(key, revision)),
      current: () => live(() => this.#current()),
      lost: () => this.#lost(generation),
    }
  }

  #put(entry: KvEntry): void {
    this.#snapshot?.add(entry.key)
    if (this.#known.get(entry.key) === entry.revision) return
    this.#known.set(entry.key, entry.revision)
    this.#on({ kind: 'put', entry })
  }

  #delete(key: string, revision: number): void {
    this.#snapshot?.delete(key)
    if (this.#known.delete(key)) this.#on({ kind: 'delete', key, revision })
  }

  #current(): void {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return
    this.#snapshot = undefined
    this.#backoff.reset()
    for (const [key, revision] of this.#known) if (!snapshot.has(key)) this.#delete(key, revision)
    if (this.#wasReady) return
    this.#wasReady = true
    this.#ready?.()
  }

  #lost(generation: number): void {
    if (this.#stopped || generation !== this.#generation) return
    this.#generation++
    this.#source?.close()
    this.#source = undefined
    this.#timer = this.#clock.after(this.#backoff.nextMs(), () => void this.#start())
  }
}
