/**
 * Finds and removes segment objects that no catalog names: puts of owners that crashed or were fenced before their commit. Run by the owner of
 * partition 0 (`orphan-sweeps.ts`). Careful by construction: an object goes only when the partition's checkpoint
 * has passed it (so no commit of it can follow) and it has been nobody's for the whole grace period, seen by this process (K1).
 */
import type { Clock } from '../runtime/clock.ts'
import type { Catalog } from './catalog.ts'
import type { ObjectStore } from './object-store.ts'

const SEGMENT_KEY = /^segments\/p(\d+)\/(\d+)-(\d+)\.seg$/
const DELETE_BATCH = 500

export interface OrphanSweep {
  /** Objects that nobody names, those in their grace period included. */
  readonly orphanCount: number
  readonly orphanBytes: number
  readonly deleted: ReadonlyArray<string>
}

export class OrphanCollector {
  readonly #store: ObjectStore
  readonly #catalog: Catalog
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #graceMs: number
  /** When each orphan was first seen. A catalog that is empty or behind finds none. */
  #since = new Map<string, number>()

  constructor(store: ObjectStore, catalog: Catalog, clock: Pick<Clock, 'monotonicMs'>, graceMs: number) {
    this.#store = store
    this.#catalog = catalog
    this.#clock = clock
    this.#graceMs = graceMs
  }

  /** One pass over the bucket. Rejects `storage_unavailable`; passes can be repeated. */
  async sweep(signal?: AbortSignal): Promise<OrphanSweep> {
    const nowMs = this.#clock.monotonicMs()
    const named = new Map<number, ReadonlySet<string>>()
    const since = new Map<string, number>()
    let orphanBytes = 0
    for await (const { key, sizeBytes } of this.#store.list('segments/', signal)) {
      if (!this.#isOrphan(key, named)) continue
      since.set(key, this.#since.get(key) ?? nowMs)
      orphanBytes += sizeBytes
    }
    this.#since = since
    const due = [...since].filter(([, seenMs]) => nowMs - seenMs >= this.#graceMs).map(([key]) => key)
    return { orphanCount: since.size, orphanBytes, deleted: await this.#remove(due, signal) }
  }

  async #remove(due: ReadonlyArray<string>, signal: AbortSignal | undefined): Promise<string[]> {
    const deleted: string[] = []
    for (let at = 0; at < due.length; at += DELETE_BATCH) {
      // Asked again just before: the catalog may have been rebuilt in the meantime.
      const batch = due.slice(at, at + DELETE_BATCH).filter((key) => this.#isOrphan(key, new Map()))
      await this.#store.delete(batch, signal)
      for (const key of batch) this.#since.delete(key)
      deleted.push(...batch)
    }
    return deleted
  }

  #isOrphan(key: string, named: Map<number, ReadonlySet<string>>): boolean {
    const match = SEGMENT_KEY.exec(key)
    if (match === null) return false
    const [partition, last] = [Number(match[1]), Number(match[3])]
    const { checkpoint, segments } = this.#catalog.current(partition)
    if (last > checkpoint) return false
    let keys = named.get(partition)
    if (keys === undefined) named.set(partition, (keys = new Set(segments.map((segment) => segment.key))))
    return !keys.has(key)
  }
}
