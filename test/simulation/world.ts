/**
 * What all nodes of a simulated cluster share: time, the network, KV, the log and the bucket, and the books of what happened. Everything random comes from one
 * seed, and everything that happens runs on one clock, so a seed names one history; `trace` hashes it.
 */
import { createHash } from 'node:crypto'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../runtime/transport-memory.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { SlabPool } from '../../storage/slab-pool.ts'
import { MemoryWal } from '../../storage/wal-memory.ts'
import { SimulatedDetour } from './detour.ts'
import { Invariants } from './invariants.ts'

export interface WorldOptions {
  readonly seed: number
  readonly partitions: number
  readonly lossRatio: number
  /** Leases and members are kept in three buckets each, as with three servers; default one. */
  readonly hasMajorities?: boolean
  /** The log's own limit, a partition; default none. */
  readonly walBytesMax?: number
  /** Told every line of the history. */
  readonly onTrace?: (line: string) => void
}

const LATENCY_MAX_MS = 4
const SLABS_KEPT_BYTES = 256 * 1024 * 1024

export class World {
  readonly clock = new ManualClock()
  readonly random: SeededRandom
  readonly partitions: number
  readonly broker: MemoryBroker
  readonly kv: MemoryKvServer
  readonly wal: MemoryWal
  readonly detour = new SimulatedDetour()
  /** A full log refuses, and nothing takes a detour around that. */
  readonly hasDetours: boolean
  readonly hasMajorities: boolean
  readonly objects: MemoryObjectStore
  readonly slabs = new SlabPool(SLABS_KEPT_BYTES)
  readonly invariants = new Invariants()
  readonly counts = { kv: 0, kvEvents: 0, messages: 0, wal: 0, objects: 0 }
  readonly #hash = createHash('sha256')
  readonly #onTrace: ((line: string) => void) | undefined

  constructor(options: WorldOptions) {
    this.random = new SeededRandom(options.seed)
    this.partitions = options.partitions
    this.wal = new MemoryWal(options.walBytesMax === undefined ? {} : { bytesMax: options.walBytesMax })
    this.hasDetours = options.walBytesMax === undefined
    this.hasMajorities = options.hasMajorities ?? false
    this.#onTrace = options.onTrace
    this.broker = new MemoryBroker({ clock: this.clock, random: this.random.fork(), latencyMaxMs: LATENCY_MAX_MS, lossRatio: options.lossRatio })
    this.kv = new MemoryKvServer(this.clock, this.random.fork())
    this.objects = new MemoryObjectStore(this.clock)
  }

  trace(what: string): void {
    const line = `${this.clock.monotonicMs().toFixed(3)} ${what}`
    this.#hash.update(line).update('\n')
    this.#onTrace?.(line)
  }

  /** Of the whole history so far. */
  traceHash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }

  /** Runs the world until a promise settles. Fails when it has not within the time. */
  async until<A>(promise: Promise<A>, timeoutMs: number, what: string): Promise<A> {
    let outcome: { readonly value: A } | { readonly error: unknown } | undefined
    promise.then(
      (value) => (outcome = { value }),
      (error: unknown) => (outcome = { error }),
    )
    for (const endMs = this.clock.monotonicMs() + timeoutMs; outcome === undefined && this.clock.monotonicMs() < endMs; ) await this.clock.run(STEP_MS)
    if (outcome === undefined) throw new Error(`${what}: not within ${timeoutMs} ms of simulated time`)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }
}

const STEP_MS = 50
