/**
 * Scans of segments spread over the nodes: what is more than this node's threads can do at once is offered to a queue group of all nodes that answer queries. A node whose own
 * threads are busy refuses (back-pressure), and then, or when the other is gone or slow, the scan is made here after all: a scan of a segment gives the same answer
 * anywhere. Used by the querier in place of this node's own work; nothing but segments goes through it.
 */
import { deserialize, serialize } from 'node:v8'
import { type LongRequests, serveLong } from '../../runtime/long-request.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Subscription } from '../../runtime/transport.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { ScanAnswer, SegmentWork } from '../segments/segment-work.ts'
import { isSmallRead } from '../segments/small-tasks.ts'
import { firstAnswer } from './first-answer.ts'
import type { Services } from '../services.ts'

export interface SegmentSpreadParts {
  readonly services: Pick<Services, 'transport' | 'clock' | 'random' | 'work'>
  readonly requests: LongRequests
  /** Whether there is any other node to ask. */
  readonly hasHelpers: () => boolean
}

interface ScanCall {
  readonly tenant: string
  readonly plan: ScanPlan
  readonly segments: ReadonlyArray<SegmentEntry>
  readonly nowMs: number
}

const SUBJECT = 'skald.v1.segments.scan'
const QUEUE = 'skald-scans'
/** Scans under way here a thread, from which on others are asked, and from which on others are refused. */
const OWN_PER_THREAD = 2
const TAKEN_PER_THREAD = 1
/** A scan elsewhere that takes longer is begun here as well; whichever ends first counts. */
const HEDGE_MS = 2_000

export class SegmentSpread {
  /** This node's work, but for scans of segments. */
  readonly work: SegmentWork
  readonly #parts: SegmentSpreadParts
  #running = 0

  constructor(parts: SegmentSpreadParts) {
    this.#parts = parts
    this.work = {
      ...parts.services.work,
      scanSegments: (tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) => {
        const call: ScanCall = { tenant, plan, segments, nowMs }
        const isOwn = signal === undefined || isSmallRead(readBytesMax) || this.#running < parts.services.work.threads * OWN_PER_THREAD || !parts.hasHelpers()
        return isOwn ? this.#own(call, signal, readBytesMax) : this.#elsewhere(call, signal, readBytesMax)
      },
    }
  }

  /** Takes other nodes' scans while threads are free. */
  serve(): Subscription {
    const { services } = this.#parts
    const handle = async (body: Buffer, _subject: string, signal: AbortSignal): Promise<Uint8Array> => {
      if (this.#running >= services.work.threads * TAKEN_PER_THREAD) throw new SkaldError('too_many_requests', 'the threads of this node are busy')
      return serialize(await this.#own(deserialize(body) as ScanCall, signal))
    }
    return serveLong(services, SUBJECT, handle, { queue: QUEUE })
  }

  async #own({ tenant, plan, segments, nowMs }: ScanCall, signal: AbortSignal | undefined, readBytesMax?: number): Promise<ScanAnswer> {
    this.#running++
    try {
      return await this.#parts.services.work.scanSegments(tenant, plan, segments, nowMs, signal, readBytesMax)
    } finally {
      this.#running--
    }
  }

  /** The first whole answer, of another node or (when that refuses, fails or is slow) of this one; the other is cancelled. */
  #elsewhere(call: ScanCall, signal: AbortSignal, readBytesMax: number): Promise<ScanAnswer> {
    const there = (either: AbortSignal): Promise<ScanAnswer> => this.#there(call, either)
    const here = (either: AbortSignal): Promise<ScanAnswer> => this.#own(call, either, readBytesMax)
    return firstAnswer([there, here], { clock: this.#parts.services.clock, hedgeMs: HEDGE_MS, signal, isFinal: (error) => !(error instanceof NotMadeThere) })
  }

  async #there(call: ScanCall, signal: AbortSignal): Promise<ScanAnswer> {
    const body = await this.#parts.requests.request(SUBJECT, serialize(call), signal).catch((error: unknown) => {
      throw new NotMadeThere('no other node made the scan', { cause: error })
    })
    const answer = deserialize(body) as ScanAnswer
    // What could not be read there may be readable here.
    if (answer.warnings.length > 0) throw new NotMadeThere(answer.warnings.join('; '))
    return answer
  }
}

class NotMadeThere extends Error {}
