/**
 * Splits a stream that is faster than one partition should carry: its entries are dealt over `__stream_shard__="0" … "n-1"`, as Loki does.
 *
 * Rates are measured where pushes arrive, per stream, in whole seconds; the first second of a stream is never split. Time is an argument.
 */
import { TextCache } from '../label-cache.ts'
import { formatLabels } from '../labels.ts'
import type { Limits } from '../limits.ts'
import type { Labels } from '../model.ts'
import type { PushBatch } from './batch.ts'
import { decodePushRequest } from './decode-protobuf.ts'
import { PushEncoder } from './encode-protobuf.ts'
import type { CheckedStream } from './stream-check.ts'
import type { PushVerdict } from './validate.ts'

const SHARD_LABEL = '__stream_shard__'
/** More shards than this help nobody. */
const SHARDS_MAX = 256
/** Weight of the second just gone in the running rate. */
const NEWEST_WEIGHT = 0.4

/** Bytes and pushes of one stream in the second that is running, and the rates before it. */
export interface StreamPace {
  readonly second: number
  readonly bytes: number
  readonly pushes: number
  /** Running bytes a second; 0 while the first second has not passed. */
  readonly bytesPerS: number
  readonly pushesPerS: number
}

export const NEW_STREAM: StreamPace = { second: -1, bytes: 0, pushes: 0, bytesPerS: 0, pushesPerS: 0 }

/** The pace after a push of `bytes` at `nowMs`. Seconds in which nothing came count as 0. */
export function paceAfter(pace: StreamPace, bytes: number, nowMs: number): StreamPace {
  const second = Math.floor(nowMs / 1000)
  if (second <= pace.second) return { ...pace, bytes: pace.bytes + bytes, pushes: pace.pushes + 1 }
  if (pace.second === -1) return { ...NEW_STREAM, second, bytes, pushes: 1 }
  const decay = (1 - NEWEST_WEIGHT) ** (second - pace.second - 1)
  const running = (before: number, newest: number): number => (before === 0 ? newest : before * (1 - NEWEST_WEIGHT) + newest * NEWEST_WEIGHT) * decay
  return { second, bytes, pushes: 1, bytesPerS: running(pace.bytesPerS, pace.bytes), pushesPerS: running(pace.pushesPerS, pace.pushes) }
}

/** Shards for a push of `bytes` to a stream of this pace: what it would then carry a second, over what one shard should. */
export function shardCount(pace: StreamPace, bytes: number, desiredBytesPerS: number): number {
  if (pace.bytesPerS === 0 || desiredBytesPerS <= 0) return 1
  return Math.min(SHARDS_MAX, Math.max(1, Math.ceil((pace.bytesPerS + bytes * pace.pushesPerS) / desiredBytesPerS)))
}

/** Paces of a tenant's streams. */
export class StreamShards {
  readonly #limits: Limits['shard_streams']
  readonly #paces: TextCache<{ pace: StreamPace }>

  constructor(limits: Limits) {
    this.#limits = limits.shard_streams
    this.#paces = new TextCache(() => ({ pace: NEW_STREAM }))
  }

  /** How many shards this push's entries of the stream go to; 1 leaves the stream as it is. Counts the push. */
  shardsOf(labelsText: string, bytes: number, nowMs: number): number {
    if (!this.#limits.enabled) return 1
    const state = this.#paces.get(labelsText)
    state.pace = paceAfter(state.pace, bytes, nowMs)
    return shardCount(state.pace, bytes, this.#limits.desired_rate)
  }

  /** The same for every stream of a verdict. */
  countsOf({ batch, streams }: PushVerdict, nowMs: number): ReadonlyArray<number> {
    if (batch === null || !this.#limits.enabled) return []
    return batch.streams.map((stream, k) => (stream.rowTo === stream.rowFrom ? 1 : this.shardsOf(streams[k]!.labelsText, stream.lineBytes + stream.metadataBytes, nowMs)))
  }
}

/** The verdict with its hot streams dealt over their shards; itself when no stream is hot. */
export function splitHotStreams(verdict: PushVerdict, shardCounts: ReadonlyArray<number>): PushVerdict {
  const { batch, streams } = verdict
  if (batch === null || shardCounts.every((count) => count === 1)) return verdict
  const encoder = new PushEncoder()
  const written: CheckedStream[] = []
  batch.streams.forEach((stream, k) => {
    const checked = streams[k]!
    if (shardCounts[k]! > 1) {
      for (const labels of encodeShards(encoder, batch, k, checked.labels, shardCounts[k]!)) written.push({ labels, labelsText: formatLabels(labels), refusal: null })
    } else {
      encoder.streamField(batch.body, stream.byteFrom, stream.byteTo)
      written.push(checked)
    }
  })
  return { ...verdict, batch: decodePushRequest(encoder.finish()), streams: written }
}

/** The labels of one shard. */
export function shardLabels(labels: Labels, shard: number): Labels {
  const at = labels.findIndex(([name]) => name > SHARD_LABEL)
  return labels.toSpliced(at === -1 ? labels.length : at, 0, [SHARD_LABEL, String(shard)])
}

/** Deals the rows of stream `k` over the shards, into streams of the encoder; a shard that gets none is left out. Returns the labels of those written. */
export function encodeShards(encoder: PushEncoder, batch: PushBatch, k: number, labels: Labels, shards: number): Labels[] {
  const stream = batch.streams[k]!
  const written: Labels[] = []
  for (let shard = 0; shard < shards; shard++) {
    for (let row = stream.rowFrom + shard; row < stream.rowTo; row += shards) encoder.row(batch, row)
    if (encoder.streamIsEmpty) break
    const own = shardLabels(labels, shard)
    encoder.endStream(formatLabels(own))
    written.push(own)
  }
  return written
}
