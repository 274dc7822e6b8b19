/**
 * Which segments of a partition make up its catalog when only the objects are left. Stale owners may have put objects that were never
 * committed (F3): they repeat sequences that other objects hold. Pure; `catalog-rebuild.ts` uses it.
 */
import type { SegmentEntry } from './catalog.ts'

export interface Chain {
  /** Disjoint, in order of sequence. */
  readonly kept: ReadonlyArray<SegmentEntry>
  readonly dropped: ReadonlyArray<SegmentEntry>
}

/** What a choice of segments holds: sequences first, rows decide between equals (an object of a stale owner may lack some). */
interface Cover {
  readonly sequences: number
  readonly rows: number
}

/**
 * The disjoint segments that together cover the most sequences. Nothing is lost by it: every object begins where some committed checkpoint
 * ended, so the committed segments before it, and itself, cover everything up to its end without a gap; hence so does the best choice.
 * Whether that is the same choice as before the loss does not matter: content follows from the range (weighted interval scheduling).
 */
export function chooseChain(segments: ReadonlyArray<SegmentEntry>): Chain {
  const ordered = [...segments].sort((a, b) => a.last - b.last || a.first - b.first)
  const before = ordered.map((segment) => endingBefore(ordered, segment.first))
  /** The best cover with the first i segments. */
  const best: Cover[] = [{ sequences: 0, rows: 0 }]
  const taken = ordered.map(({ first, last, rowCount }, i) => {
    const [without, rest] = [best[i]!, best[before[i]!]!]
    const withIt = { sequences: rest.sequences + last - first + 1, rows: rest.rows + rowCount }
    const isBetter = withIt.sequences > without.sequences || (withIt.sequences === without.sequences && withIt.rows > without.rows)
    best.push(isBetter ? withIt : without)
    return isBetter
  })
  const kept: SegmentEntry[] = []
  for (let i = ordered.length; i > 0; i = taken[i - 1] === true ? before[i - 1]! : i - 1) {
    if (taken[i - 1] === true) kept.push(ordered[i - 1]!)
  }
  const keys = new Set(kept.map((segment) => segment.key))
  return { kept: kept.toReversed(), dropped: ordered.filter((segment) => !keys.has(segment.key)) }
}

/** How many of the segments (ordered by `last`) end before the sequence. */
function endingBefore(ordered: ReadonlyArray<SegmentEntry>, sequence: number): number {
  let low = 0
  for (let high = ordered.length; low < high; ) {
    const middle = (low + high) >>> 1
    if (ordered[middle]!.last < sequence) low = middle + 1
    else high = middle
  }
  return low
}
