/**
 * What of a push may be stored, all things considered: validation, equal times, hot streams, the tenant's rate, each stream's rate, the number of
 * streams, in Loki's order. One tenant's state; the tenant actor makes a new one when the tenant's limits change. Pure: time is an argument.
 */
import type { Limits } from '../limits.ts'
import type { TenantId } from '../model.ts'
import { ActiveStreams } from './active-streams.ts'
import type { PushBatch } from './batch.ts'
import { spreadDuplicateTimes } from './duplicate-times.ts'
import { PushRates } from './rate.ts'
import { StreamShards, splitHotStreams } from './stream-shard.ts'
import { PushValidator, type PushVerdict } from './validate.ts'

export interface AdmissionSettings {
  readonly partitions: number
  /** A stream without a push for this long no longer counts. */
  readonly streamIdleMs: number
}

export class PushAdmission {
  readonly #limits: Limits
  readonly #partitions: number
  readonly #validator: PushValidator
  readonly #shards: StreamShards
  readonly #rates: PushRates
  readonly #streams: ActiveStreams

  constructor(tenant: TenantId, limits: Limits, { partitions, streamIdleMs }: AdmissionSettings) {
    this.#limits = limits
    this.#partitions = partitions
    this.#validator = new PushValidator(tenant, limits)
    this.#shards = new StreamShards(limits)
    this.#rates = new PushRates(tenant, limits)
    this.#streams = new ActiveStreams(tenant, limits, streamIdleMs)
  }

  /**
   * `nodeCount`: nodes that the tenant's pushes are spread over. `nowMs` is what entries' times are compared with; rates go by `steadyMs`, of a clock that is never set
   * back. Throws what validation throws, and `rate_limited`: then nothing is stored.
   */
  admit(batch: PushBatch, nodeCount: number, nowMs: number, steadyMs = nowMs): PushVerdict {
    const verdict = this.#spread(this.#validator.validate(batch, nowMs))
    const shardCounts = this.#shards.countsOf(verdict, steadyMs)
    // One partition has nothing to spread over: then a hot stream only gets the rate that its shards would have.
    if (this.#partitions === 1) return this.#streams.admit(this.#rates.admit(verdict, nodeCount, steadyMs, shardCounts), steadyMs)
    return this.#streams.admit(this.#rates.admit(splitHotStreams(verdict, shardCounts), nodeCount, steadyMs), steadyMs)
  }

  #spread(verdict: PushVerdict): PushVerdict {
    if (!this.#limits.increment_duplicate_timestamp || verdict.batch === null) return verdict
    return { ...verdict, batch: spreadDuplicateTimes(verdict.batch) }
  }
}
