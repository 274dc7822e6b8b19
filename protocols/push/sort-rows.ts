/**
 * Puts the rows of one stream into time order, stably, when a client sent them out of order. Columns move, bytes stay.
 *
 * A bottom-up merge sort over row numbers, because it is linear on the nearly sorted input that agents send, and bounded (n log n, no
 * recursion) on a hostile one.
 */
export interface RowColumns {
  readonly relativeNs: Float64Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
  readonly metadataStarts: Uint32Array | null
  readonly metadataEnds: Uint32Array | null
}

export function sortRows(columns: RowColumns, from: number, to: number): void {
  const order = orderByTime(columns.relativeNs, from, to)
  permute(columns.relativeNs, order, from)
  permute(columns.starts, order, from)
  permute(columns.lengths, order, from)
  if (columns.metadataStarts !== null) permute(columns.metadataStarts, order, from)
  if (columns.metadataEnds !== null) permute(columns.metadataEnds, order, from)
}

function permute(column: Float64Array | Uint32Array, order: Uint32Array, from: number): void {
  const old = column.slice(from, from + order.length)
  for (let i = 0; i < order.length; i++) column[from + i] = old[order[i]! - from]!
}

function orderByTime(times: Float64Array, from: number, to: number): Uint32Array {
  const count = to - from
  let source = new Uint32Array(count)
  for (let i = 0; i < count; i++) source[i] = from + i
  let target = new Uint32Array(count)
  for (let width = 1; width < count; width *= 2) {
    for (let left = 0; left < count; left += 2 * width) {
      mergeRuns(times, source, target, left, Math.min(left + width, count), Math.min(left + 2 * width, count))
    }
    const swap = source
    source = target
    target = swap
  }
  return source
}

function mergeRuns(times: Float64Array, source: Uint32Array, target: Uint32Array, left: number, middle: number, right: number): void {
  if (middle >= right || times[source[middle - 1]!]! <= times[source[middle]!]!) {
    for (let i = left; i < right; i++) target[i] = source[i]!
    return
  }
  let a = left
  let b = middle
  for (let i = left; i < right; i++) {
    const takeLeft = b >= right || (a < middle && times[source[a]!]! <= times[source[b]!]!)
    target[i] = source[takeLeft ? a++ : b++]!
  }
}
