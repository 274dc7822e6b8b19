/**
 * How many streams of a tenant are in use, against `max_streams_per_user` and `max_global_streams_per_user`, with Loki's text. Asked by the tenant's
 * admission for each push; a stream without a push for a while makes room. Streams are kept as hashes: memory follows the limit, not the labels.
 */
import type { Limits } from '../limits.ts'
import type { TenantId } from '../model.ts'
import { hashText } from '../routing.ts'
import { leaveOutStreams } from './leave-out.ts'
import type { PushVerdict } from './validate.ts'

/** The smaller of the two limits; 0 is none. */
export function activeStreamsMax(limits: Limits): number {
  const set = [limits.max_streams_per_user, limits.max_global_streams_per_user].filter((limit) => limit > 0)
  return set.length === 0 ? Infinity : Math.min(...set)
}

export class ActiveStreams {
  readonly #tenant: TenantId
  readonly #max: number
  readonly #idleMs: number
  /** Seen since the last turn, and in the turn before it: a stream counts until it was silent for one to two turns. */
  #young = new Set<number>()
  #old = new Set<number>()
  #turnedMs = -Infinity

  constructor(tenant: TenantId, limits: Limits, idleMs: number) {
    this.#tenant = tenant
    this.#max = activeStreamsMax(limits)
    this.#idleMs = idleMs
  }

  get count(): number {
    return this.#young.size + this.#old.size
  }

  /** The verdict without new streams that would be too many. */
  admit(verdict: PushVerdict, nowMs: number): PushVerdict {
    if (this.#max === Infinity) return verdict
    this.#forgetIdle(nowMs)
    return leaveOutStreams(verdict, 'stream_limit', (k) => {
      const { labelsText } = verdict.streams[k]!
      return this.#touch(labelsText) ? null : this.#text(labelsText)
    })
  }

  #touch(labelsText: string): boolean {
    const key = streamKey(labelsText)
    if (this.#young.has(key)) return true
    if (!this.#old.delete(key) && this.count >= this.#max) return false
    this.#young.add(key)
    return true
  }

  #forgetIdle(nowMs: number): void {
    if (nowMs - this.#turnedMs < this.#idleMs) return
    // After two turns without a push nothing of before counts.
    this.#old = nowMs - this.#turnedMs < 2 * this.#idleMs ? this.#young : new Set()
    this.#young = new Set()
    this.#turnedMs = nowMs
  }

  #text(labelsText: string): string {
    return `maximum active stream limit exceeded when trying to create stream ${labelsText}, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: '${this.#tenant}'`
  }
}

/** 53 bits of the stream's hash: two of 100,000 streams are alike once in a million tenants. */
function streamKey(labelsText: string): number {
  const { high, low } = hashText(labelsText)
  return high * 2 ** 21 + (low >>> 11)
}
