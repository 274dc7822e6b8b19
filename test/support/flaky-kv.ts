/** A bucket with the failures of a network: delays, requests that never arrive, and answers that are lost after the write happened. */
import type { Clock } from '../../runtime/clock.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { KvBucket } from '../../runtime/kv.ts'
import type { SeededRandom } from '../../runtime/random-seeded.ts'

export interface Flakiness {
  /** Chance of each kind of failure for an operation, in [0, 1]; may change during a test. */
  lossRatio: number
  delayMaxMs: number
}

export function flakyBucket(bucket: KvBucket, clock: Clock, random: SeededRandom, flakiness: Flakiness): KvBucket {
  const lost = (): boolean => random.next() < flakiness.lossRatio
  const over = async <A>(operate: () => Promise<A>): Promise<A> => {
    await clock.sleep(random.next() * flakiness.delayMaxMs)
    if (lost()) throw new SkaldError('storage_unavailable', 'the request was lost')
    const result = await operate()
    await clock.sleep(random.next() * flakiness.delayMaxMs)
    if (lost()) throw new SkaldError('storage_unavailable', 'the answer was lost')
    return result
  }
  return {
    get: (key) => over(() => bucket.get(key)),
    keys: (prefix) => over(() => bucket.keys(prefix)),
    create: (key, value) => over(() => bucket.create(key, value)),
    update: (key, value, revision) => over(() => bucket.update(key, value, revision)),
    put: (key, value) => over(() => bucket.put(key, value)),
    delete: (key, revision) => over(() => bucket.delete(key, revision)),
    watch: (prefix, on, ready) => {
      // Late, but in order, as a subscription is.
      let arrivesMs = 0
      const late = (run: () => void): void => {
        arrivesMs = Math.max(arrivesMs, clock.monotonicMs() + random.next() * flakiness.delayMaxMs)
        clock.after(arrivesMs - clock.monotonicMs(), run)
      }
      return bucket.watch(
        prefix,
        (event) => late(() => on(event)),
        () => late(() => ready?.()),
      )
    },
  }
}
