/**
 * The windows of a range aggregation cut into slots: the edges of all windows (T-range-offset, T-offset] split time into at most 2n-1 pieces, so that
 * every row belongs to exactly one slot and every window is a run of adjacent slots. A row then costs one accumulator update, whether windows
 * tumble, slide or leave gaps. Used by the metric scan and the merge; edges are exact (bigint once a plan, doubles relative to a block's base).
 */
import type { TimeNs } from '../model.ts'
import type { StepGrid } from './step-grid.ts'

export interface WindowSlots {
  /** Slot `j` is `(edges[j], edges[j + 1]]`. */
  readonly edges: BigInt64Array
  /** Edges after the first one, as doubles: exact while all of them fit (104 days), else empty. */
  readonly offsets: Float64Array
  readonly slotCount: number
  /** 0: a gap between windows, rows in it do not matter. */
  readonly used: Uint8Array
  /** Window `k` is slots `first[k] .. last[k]`, both inclusive. */
  readonly first: Int32Array
  readonly last: Int32Array
  /** Every window is one slot: windows do not overlap. */
  readonly single: boolean
}

export function windowSlots(grid: StepGrid, rangeNs: bigint, offsetNs: bigint): WindowSlots {
  const edges = windowEdges(grid, rangeNs, offsetNs)
  const slotCount = edges.length - 1
  const slots = { edges, offsets: exactOffsets(edges), slotCount, used: new Uint8Array(slotCount), first: new Int32Array(grid.count), last: new Int32Array(grid.count), single: grid.count === 1 || rangeNs <= grid.stepNs }
  let lower = 0
  let upper = 0
  for (let k = 0; k < grid.count; k++) {
    const end = grid.startNs + BigInt(k) * grid.stepNs - offsetNs
    const [from, to] = [inInt64(end - rangeNs), inInt64(end)]
    while (edges[lower]! < from) lower++
    while (edges[upper]! < to) upper++
    slots.first[k] = lower
    slots.last[k] = upper - 1
    slots.used.fill(1, lower, upper)
  }
  return slots
}

const EXACT_NS_MAX = 2 ** 53

function exactOffsets(edges: BigInt64Array): Float64Array {
  const span = edges[edges.length - 1]! - edges[0]!
  return span < BigInt(EXACT_NS_MAX) ? Float64Array.from(edges, (edge) => Number(edge - edges[0]!)) : new Float64Array(0)
}

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/** Entries have times of 64 bits; a range or offset of centuries may reach beyond. */
const inInt64 = (ns: bigint): bigint => (ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : ns)

/** All lower and upper window edges, ascending, each once. */
function windowEdges(grid: StepGrid, rangeNs: bigint, offsetNs: bigint): BigInt64Array {
  const edges = new BigInt64Array(2 * grid.count)
  const end = grid.startNs - offsetNs
  let count = 0
  let lower = 0
  let upper = 0
  while (upper < grid.count) {
    const nextUpper = end + BigInt(upper) * grid.stepNs
    const nextLower = lower < grid.count ? end - rangeNs + BigInt(lower) * grid.stepNs : nextUpper
    const next = nextLower < nextUpper ? nextLower : nextUpper
    const edge = inInt64(next)
    if (count === 0 || edges[count - 1] !== edge) edges[count++] = edge
    if (nextLower === next) lower++
    if (nextUpper === next) upper++
  }
  return edges.slice(0, count)
}

/** The part of the slots that rows of one block can fall into, with edges in the block's relative doubles. */
export interface BlockSlots {
  /** Slot that `edges[0]` opens. */
  readonly firstSlot: number
  /** One more than the slots they bound; the outermost may lie beyond the block. */
  readonly edges: Float64Array
  /** No row of the block is outside the edges. */
  readonly holdsAll: boolean
}

/** Null: no row of the block is in any window. */
export function blockSlots(slots: WindowSlots, baseNs: TimeNs, minNs: TimeNs, maxNs: TimeNs): BlockSlots | null {
  const { edges, slotCount } = slots
  if (slotCount < 1 || maxNs < minNs || maxNs <= edges[0]! || minNs > edges[slotCount]!) return null
  const from = Math.max(0, firstEdgeAtOrAfter(edges, minNs) - 1)
  const to = Math.min(slotCount, firstEdgeAtOrAfter(edges, maxNs))
  return { firstSlot: from, edges: relativeEdges(slots, from, to, edges[0]! - baseNs, baseNs), holdsAll: edges[from]! < minNs && maxNs <= edges[to]! }
}

function relativeEdges({ edges, offsets }: WindowSlots, from: number, to: number, shiftNs: bigint, baseNs: TimeNs): Float64Array {
  const relative = new Float64Array(to - from + 1)
  const shift = Number(shiftNs)
  const exact = offsets.length > 0 && Math.abs(shift) + offsets[offsets.length - 1]! < EXACT_NS_MAX
  for (let j = from; j <= to; j++) relative[j - from] = exact ? offsets[j]! + shift : Number(edges[j]! - baseNs)
  return relative
}

function firstEdgeAtOrAfter(edges: BigInt64Array, ns: bigint): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (edges[middle]! < ns) low = middle + 1
    else high = middle
  }
  return low
}

/** First row in `[from, to)` whose time is after `edge`; times ascend. Gallops: runs are walked from edge to edge. */
export function firstRowAfter(times: Float64Array, from: number, to: number, edge: number): number {
  let step = 1
  let low = from
  let high = from
  while (high < to && times[high]! <= edge) {
    low = high + 1
    high += step
    step *= 2
  }
  if (high > to) high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! <= edge) low = middle + 1
    else high = middle
  }
  return low
}

/** The slot of a block's edges that holds `time`, not before slot `from`. Gallops, since rows come in order. */
export function slotOfTime(edges: Float64Array, from: number, time: number): number {
  let step = 1
  let low = from
  let high = from
  while (high + 1 < edges.length && edges[high + 1]! < time) {
    low = high + 1
    high += step
    step *= 2
  }
  if (high > edges.length - 2) high = edges.length - 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (edges[middle + 1]! < time) low = middle + 1
    else high = middle
  }
  return low
}
