/**
 * Watches the copies of a majority bucket as if they were one: tells of a write as soon as any copy has it, be it also a write that may yet fail, since whoever waits for a lease must not
 * overlook one. What lags behind what was told is passed over. Used by `kv-majority.ts`.
 */
import type { Clock } from './clock.ts'
import { type Accepted, decodeAcceptor, newestOf } from './kv-acceptor.ts'
import type { KvBucket, KvEvent, KvWatch } from './kv.ts'

/** What one copy has accepted, and when this was heard. */
interface Heard {
  readonly accepted: Accepted
  readonly heardMs: number
}

export interface MergedWatchParts {
  readonly buckets: ReadonlyArray<KvBucket>
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Of the buckets; 0: they keep everything. */
  readonly maxAgeMs: number
}

export class MergedWatch implements KvWatch {
  readonly #parts: MergedWatchParts
  readonly #watches: ReadonlyArray<KvWatch>
  readonly #on: (event: KvEvent) => void
  /** By key. */
  readonly #copies = new Map<string, Array<Heard | undefined>>()
  /** By key, the ballot that was told last; none for what is not there. */
  readonly #told = new Map<string, number>()

  /** `ready` runs when most of the copies are known: one of them has whatever was written before. */
  constructor(parts: MergedWatchParts, prefix: string, on: (event: KvEvent) => void, ready?: () => void) {
    const { buckets } = parts
    this.#parts = parts
    this.#on = on
    const needed = Math.floor(buckets.length / 2) + 1
    let known = 0
    this.#watches = buckets.map((bucket, at) =>
      bucket.watch(
        prefix,
        (event) => this.#heard(at, event),
        () => (++known === needed ? ready?.() : undefined),
      ),
    )
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop()
  }

  #heard(at: number, event: KvEvent): void {
    const key = event.kind === 'put' ? event.entry.key : event.key
    const copies = this.#present(key)
    const accepted = event.kind === 'put' ? decodeAcceptor(event.entry.value).accepted : undefined
    // From a replica that lags.
    if (accepted !== undefined && accepted.ballot < (copies[at]?.accepted.ballot ?? 0)) return
    copies[at] = accepted === undefined ? undefined : { accepted, heardMs: this.#parts.clock.monotonicMs() }
    if (copies.some((copy) => copy !== undefined)) this.#copies.set(key, copies)
    else this.#copies.delete(key)
    this.#tell(key, newestOf(copies.map((copy) => copy?.accepted)), event.kind === 'put' ? event.entry.createdMs : 0)
  }

  /** Buckets do not say when a key has gone by its age. Whoever writes it anew knows nothing of its ballots, and may have a clock that is behind them. */
  #present(key: string): Array<Heard | undefined> {
    const { buckets, clock, maxAgeMs } = this.#parts
    const sinceMs = maxAgeMs === 0 ? -Infinity : clock.monotonicMs() - maxAgeMs
    const copies = this.#copies.get(key)
    return buckets.map((_, at) => ((copies?.[at]?.heardMs ?? -Infinity) < sinceMs ? undefined : copies?.[at]))
  }

  #tell(key: string, { ballot, value }: Accepted, createdMs: number): void {
    const told = this.#told.get(key)
    if (value === null) {
      if (this.#told.delete(key)) this.#on({ kind: 'delete', key, revision: ballot })
    } else if (told !== ballot) {
      this.#told.set(key, ballot)
      this.#on({ kind: 'put', entry: { key, value, revision: ballot, createdMs } })
    }
  }
}
