/**
 * For a query that wants the newest (or oldest) entries whatever they say: how far back (or forward) a segment must be read, found from times alone.
 *
 * Query workers call it before they load lines: times are a few hundredths of a block, and streams that are all active to the end of a segment would
 * otherwise all be read for a hundred entries of one of them.
 */
import type { Labels } from '../protocols/model.ts'
import type { SegmentReader, Selection } from './segment-read.ts'

export interface Limit {
  readonly limit: number
  readonly direction: 'forward' | 'backward'
  /** Entries outside `[minNs, maxNs]` do not count. */
  readonly minNs: bigint
  readonly maxNs: bigint
}

/**
 * Backward: a time T such that at least `limit` accepted entries are at T or later, so that no entry before T is wanted; forward: the mirror image.
 * null: the selection has fewer. Right only where every entry passes: no line filter, no stage that drops.
 */
export async function limitBound(reader: SegmentReader, selection: Selection, accept: (labels: Labels) => boolean, wanted: Limit): Promise<bigint | null> {
  const nearest = new NearestTimes(wanted.limit)
  const backward = wanted.direction === 'backward'
  for await (const block of reader.load(selection, ['times'])) {
    const times = block.relativeNs()
    const fromNs = Number(wanted.minNs - block.baseNs)
    const toNs = Number(wanted.maxNs - block.baseNs)
    // Distances are from the edge that the query wants, so that smaller is nearer whichever it is.
    const edgeNs = Number(backward ? reader.footer.maxNs - block.baseNs : block.baseNs - reader.footer.minNs)
    if (!Number.isSafeInteger(edgeNs * 2)) return null
    for (const { labels, from, to } of block.runs) {
      if (!accept(labels)) continue
      for (let k = 0; k < to - from; k++) {
        const ns = times[backward ? to - 1 - k : from + k]!
        if (ns < fromNs || ns > toNs) continue
        if (!nearest.add(backward ? edgeNs - ns : edgeNs + ns)) break
      }
    }
  }
  const distance = nearest.farthest()
  if (distance === null) return null
  return backward ? reader.footer.maxNs - BigInt(distance) : reader.footer.minNs + BigInt(distance)
}

/** The `limit` smallest of the numbers added: a binary heap with the largest of them on top. */
class NearestTimes {
  readonly #heap: number[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** False: not among them, nor is any larger one. */
  add(distance: number): boolean {
    const heap = this.#heap
    if (heap.length < this.#limit) {
      heap.push(distance)
      this.#up(heap.length - 1)
      return true
    }
    if (this.#limit === 0 || distance >= heap[0]!) return false
    heap[0] = distance
    this.#down()
    return true
  }

  farthest(): number | null {
    return this.#limit > 0 && this.#heap.length === this.#limit ? this.#heap[0]! : null
  }

  #up(start: number): void {
    const heap = this.#heap
    for (let at = start; at > 0; ) {
      const above = (at - 1) >> 1
      if (heap[above]! >= heap[at]!) return
      ;[heap[above], heap[at]] = [heap[at]!, heap[above]!]
      at = above
    }
  }

  #down(): void {
    const heap = this.#heap
    for (let at = 0; ; ) {
      let largest = at
      for (const below of [2 * at + 1, 2 * at + 2]) if (below < heap.length && heap[below]! > heap[largest]!) largest = below
      if (largest === at) return
      ;[heap[largest], heap[at]] = [heap[at]!, heap[largest]!]
      at = largest
    }
  }
}
