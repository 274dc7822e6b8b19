/**
 * Exact duplicates inside a run: the same time, line and structured metadata in one stream are one entry, as in Loki. Only rows that share their time with a
 * neighbour are suspects, and only suspects of equal length have their lines compared, so a run of distinct times costs one pass over its times.
 * Used by both scans.
 */
import type { EntryBlock, LineColumn, MetadataColumn } from '../model.ts'
import { labelKey } from './label-set.ts'

/** Rows of `[from, to)` that repeat an earlier one; null: none. */
export function duplicateRows(block: EntryBlock, from: number, to: number): ReadonlySet<number> | null {
  const times = block.relativeNs()
  let found: Set<number> | null = null
  for (let row = from + 1; row < to; row++) {
    if (times[row] !== times[row - 1]) continue
    let end = row + 1
    while (end < to && times[end] === times[row]) end++
    found = duplicatesAmong(block, row - 1, end, found)
    row = end - 1
  }
  return found
}

/** Rows `[from, to)` have one time. */
function duplicatesAmong(block: EntryBlock, from: number, to: number, found: Set<number> | null): Set<number> | null {
  const lengths = block.lengths()
  const byLength = new Map<number, number[]>()
  for (let row = from; row < to; row++) {
    const peers = byLength.get(lengths[row]!)
    if (peers === undefined) byLength.set(lengths[row]!, [row])
    else if (peers.some((peer) => sameEntry(block.lines(), block.metadata(), peer, row))) (found ??= new Set()).add(row)
    else peers.push(row)
  }
  return found
}

function sameEntry(lines: LineColumn, metadata: MetadataColumn | null, a: number, b: number): boolean {
  const { bytes, starts } = lines
  const length = lines.lengths[a]!
  if (bytes.compare(bytes, starts[b]!, starts[b]! + length, starts[a]!, starts[a]! + length) !== 0) return false
  if (metadata === null || metadata.codes[a] === metadata.codes[b]) return true
  return labelKey(metadata.sets[metadata.codes[a]!]!) === labelKey(metadata.sets[metadata.codes[b]!]!)
}
