/**
 * How fast a tenant and each of its streams may push: token buckets under Loki's limits, with Loki's texts.
 *
 * The tenant actor asks after validation. A tenant over its rate has the whole push refused; a stream over its rate is refused alone (W3). Time is
 * an argument; buckets of streams that are forgotten start full again.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { TextCache } from '../label-cache.ts'
import type { Limits } from '../limits.ts'
import type { TenantId } from '../model.ts'
import type { PushBatch } from './batch.ts'
import { leaveOutStreams } from './leave-out.ts'
import type { CheckedStream } from './stream-check.ts'
import type { PushVerdict } from './validate.ts'

const MIB = 1_048_576

export interface Rate {
  readonly bytesPerS: number
  readonly burstBytes: number
}

/** What a bucket held, and when. */
export interface Bucket {
  readonly bytes: number
  readonly atMs: number
}

export const fullBucket = (rate: Rate, nowMs: number): Bucket => ({ bytes: rate.burstBytes, atMs: nowMs })

/** The bucket now, after taking `cost` if it holds that much; `taken` says whether. A clock that went back adds nothing. */
export function take(bucket: Bucket, rate: Rate, cost: number, nowMs: number): { readonly bucket: Bucket; readonly taken: boolean } {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs)
  const bytes = Math.min(rate.burstBytes, bucket.bytes + (elapsedMs * rate.bytesPerS) / 1000)
  const taken = cost <= bytes
  return { bucket: { bytes: taken ? bytes - cost : bytes, atMs: Math.max(nowMs, bucket.atMs) }, taken }
}

/** The tenant's share of one node: with the global strategy the rate is divided by the nodes, the burst is not. */
function tenantRate(limits: Limits, nodeCount: number): Rate {
  const share = limits.ingestion_rate_strategy === 'global' ? Math.max(1, nodeCount) : 1
  return { bytesPerS: (limits.ingestion_rate_mb * MIB) / share, burstBytes: limits.ingestion_burst_size_mb * MIB }
}

const streamRate = (limits: Limits): Rate => ({ bytesPerS: limits.per_stream_rate_limit, burstBytes: limits.per_stream_rate_limit_burst })

export class PushRates {
  readonly #tenant: TenantId
  readonly #limits: Limits
  readonly #streamRate: Rate
  readonly #streams: TextCache<{ bucket: Bucket | null }>
  #bucket: Bucket | null = null

  constructor(tenant: TenantId, limits: Limits) {
    this.#tenant = tenant
    this.#limits = limits
    this.#streamRate = streamRate(limits)
    this.#streams = new TextCache(() => ({ bucket: null }))
  }

  /**
   * What of a valid push the rates let through: the verdict itself, or one without the streams that are too fast, their refusal told.
   * `shardCounts[k]`: stream k may be as fast as that many. Throws `rate_limited` when the tenant is over its rate.
   */
  admit(verdict: PushVerdict, nodeCount: number, nowMs: number, shardCounts?: ReadonlyArray<number>): PushVerdict {
    const { batch, streams } = verdict
    if (batch === null) return verdict
    this.#takeForTenant(batch, nodeCount, nowMs)
    return leaveOutStreams(verdict, 'per_stream_rate_limit', (k) => {
      const { lineBytes, metadataBytes, rowFrom, rowTo } = batch.streams[k]!
      const bytes = lineBytes + metadataBytes
      return this.#takeForStream(streams[k]!, bytes / (shardCounts?.[k] ?? 1), nowMs) ? null : this.#streamText(streams[k]!.labelsText, bytes, rowTo - rowFrom)
    })
  }

  #takeForTenant(batch: PushBatch, nodeCount: number, nowMs: number): void {
    const rate = tenantRate(this.#limits, nodeCount)
    const bytes = batch.streams.reduce((sum, s) => sum + s.lineBytes + s.metadataBytes, 0)
    const { bucket, taken } = take(this.#bucket ?? fullBucket(rate, nowMs), rate, bytes, nowMs)
    this.#bucket = bucket
    if (taken) return
    const limit = Math.floor(rate.bytesPerS)
    throw new SkaldError(
      'rate_limited',
      `ingestion rate limit exceeded for user ${this.#tenant} (limit: ${limit} bytes/sec) while attempting to ingest '${batch.rowCount}' lines totaling '${bytes}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased`,
      { retryAfterS: Math.max(1, Math.ceil((Math.min(bytes, rate.burstBytes) - bucket.bytes) / Math.max(1, rate.bytesPerS))) },
    )
  }

  #takeForStream({ labelsText }: CheckedStream, bytes: number, nowMs: number): boolean {
    const state = this.#streams.get(labelsText)
    const { bucket, taken } = take(state.bucket ?? fullBucket(this.#streamRate, nowMs), this.#streamRate, bytes, nowMs)
    state.bucket = bucket
    return taken
  }

  /** Loki's ingester answers per stream, with the total behind. */
  #streamText(labelsText: string, bytes: number, entryCount: number): string {
    const reason = `Per stream rate limit exceeded (limit: ${byteSize(this.#streamRate.bytesPerS)}/sec) while attempting to ingest for stream '${labelsText}' totaling ${byteSize(bytes)}, consider splitting a stream via additional labels or contact your Loki administrator to see if the limit can be increased`
    return `${reason}\nuser '${this.#tenant}', total ignored: ${entryCount} out of ${entryCount} for stream: ${labelsText}`
  }
}

/** The largest binary unit that divides the size, as Loki prints it: `3MB`, `1044B`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  let left = bytes
  while (left > 0 && left % 1024 === 0 && unit < units.length - 1) {
    left /= 1024
    unit++
  }
  return `${left}${units[unit]}`
}
