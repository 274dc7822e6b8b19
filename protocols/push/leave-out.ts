/**
 * Takes single streams out of a push that is otherwise valid, and tells the client why: what rates and stream limits do to a verdict (W3).
 * Pure; it decides nothing.
 */
import { decodePushRequest } from './decode-protobuf.ts'
import { encodeStreams } from './encode-protobuf.ts'
import { type DiscardReason, Refusals, mergeDiscards } from './refusals.ts'
import type { PushVerdict } from './validate.ts'

const TOO_MANY_REQUESTS = 429

/**
 * The verdict without the streams that `textOf` has a refusal for; the verdict itself when there is none. Trying again can help here, so this
 * refusal is answered before one for entries that are wrong: after a 400 an agent would drop what it should send again.
 */
export function leaveOutStreams(verdict: PushVerdict, reason: DiscardReason, textOf: (stream: number) => string | null): PushVerdict {
  const { batch } = verdict
  if (batch === null) return verdict
  const refusals = new Refusals()
  const kept: number[] = []
  let keptRows = 0
  batch.streams.forEach(({ rowFrom, rowTo, lineBytes, metadataBytes }, k) => {
    const text = rowTo === rowFrom ? null : textOf(k)
    if (text === null) {
      kept.push(k)
      keptRows += rowTo - rowFrom
    } else refusals.add(reason, text, rowTo - rowFrom, lineBytes + metadataBytes)
  })
  if (kept.length === batch.streams.length) return verdict
  return {
    ...verdict,
    batch: keptRows === 0 ? null : decodePushRequest(encodeStreams(batch, kept)),
    streams: keptRows === 0 ? [] : kept.map((k) => verdict.streams[k]!),
    refusal: { status: TOO_MANY_REQUESTS, message: refusals.text() },
    discarded: mergeDiscards(verdict.discarded, refusals.discarded),
  }
}
