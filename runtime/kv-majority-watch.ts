/**
 * Watches the copies of a majority bucket as if they were one: tells of a write as soon as any copy has it, be it also a write that may yet fail, since whoever waits for a lease must not
 * overlook one. What lags behind what was told is passed over. Used by `kv-majority.ts`.
 */
import { type Accepted, decodeAcceptor, newestOf } from './kv-acceptor.ts'
import type { KvBucket, KvEvent, KvWatch } from './kv.ts'

export class MergedWatch implements KvWatch {
  readonly #watches: ReadonlyArray<KvWatch>
  readonly #on: (event: KvEvent) => void
  /** By key, what each copy has accepted. */
  readonly #copies = new Map<string, Array<Accepted | undefined>>()
  /** By key, the ballot that was told last; none for what is not there. */
  readonly #told = new Map<string, number>()

  /** `ready` runs when most of the copies are known: one of them has whatever was written before. */
  constructor(buckets: ReadonlyArray<KvBucket>, prefix: string, on: (event: KvEvent) => void, ready?: () => void) {
    this.#on = on
    const needed = Math.floor(buckets.length / 2) + 1
    let known = 0
    this.#watches = buckets.map((bucket, at) =>
      bucket.watch(
        prefix,
        (event) => this.#heard(at, event, buckets.length),
        () => (++known === needed ? ready?.() : undefined),
      ),
    )
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop()
  }

  #heard(at: number, event: KvEvent, count: number): void {
    const key = event.kind === 'put' ? event.entry.key : event.key
    const copies = this.#copies.get(key) ?? Array.from({ length: count }, () => undefined)
    const accepted = event.kind === 'put' ? decodeAcceptor(event.entry.value).accepted : undefined
    // From a replica that lags.
    if (accepted !== undefined && accepted.ballot < (copies[at]?.ballot ?? 0)) return
    copies[at] = accepted
    if (copies.some((copy) => copy !== undefined)) this.#copies.set(key, copies)
    else this.#copies.delete(key)
    this.#tell(key, newestOf(copies), event.kind === 'put' ? event.entry.createdMs : 0)
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
