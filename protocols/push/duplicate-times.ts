/**
 * `increment_duplicate_timestamp`: of entries of a stream that have one time and different lines, each next one moves a nanosecond on, so that
 * their order survives. Equal lines stay: they are the same entry sent twice. Pure; used by the tenant's admission when the limit is set.
 */
import type { PushBatch } from './batch.ts'
import { decodePushRequest } from './decode-protobuf.ts'
import { PushEncoder } from './encode-protobuf.ts'

/** The batch itself when no two entries share a time. */
export function spreadDuplicateTimes(batch: PushBatch): PushBatch {
  const moved = movedTimes(batch)
  if (moved === null) return batch
  const source = { ...batch, relativeNs: moved }
  const encoder = new PushEncoder()
  for (const { labelsText, rowFrom, rowTo } of batch.streams) {
    for (let row = rowFrom; row < rowTo; row++) encoder.row(source, row)
    encoder.endStream(labelsText)
  }
  return decodePushRequest(encoder.finish())
}

/** New times of all rows; null when none moves. A run of equal times counts from its first entry's own time. */
function movedTimes(batch: PushBatch): Float64Array | null {
  const { relativeNs } = batch
  let moved: Float64Array | null = null
  for (const { rowFrom, rowTo } of batch.streams) {
    let runNs = relativeNs[rowFrom]!
    for (let row = rowFrom + 1; row < rowTo; row++) {
      const ns = relativeNs[row]!
      const before = (moved ?? relativeNs)[row - 1]!
      if ((ns === runNs || ns === before) && !sameLine(batch, row - 1, row)) {
        moved ??= relativeNs.slice()
        moved[row] = before + 1
      } else runNs = ns
    }
  }
  return moved
}

function sameLine({ body, starts, lengths }: PushBatch, a: number, b: number): boolean {
  return body.compare(body, starts[b]!, starts[b]! + lengths[b]!, starts[a]!, starts[a]! + lengths[a]!) === 0
}
