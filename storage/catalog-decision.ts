/**
 * What a claim and a commit make of a partition's head, and who may not (F3): pure decisions. `catalog-kv.ts` applies them by compare-and-set, from a fresh
 * read whenever it was overtaken; the exploration in `test/simulation/` runs them in every order.
 */
import type { Sequence } from '../protocols/model.ts'
import type { CatalogHead } from './catalog-codec.ts'
import { FencedError, type SegmentEntry } from './catalog.ts'

/** Throws `FencedError` when what is known of the partition bears a newer epoch than the caller's. */
export function assertNotFenced(partition: number, known: Pick<CatalogHead, 'epoch'>, epoch: number): void {
  if (known.epoch > epoch) throw new FencedError(partition, epoch)
}

export function claimedHead(head: CatalogHead, epoch: number): CatalogHead {
  return { ...head, epoch }
}

/** The same head when the commit is in already; what overlaps it without being it was stored by somebody else. */
export function committedHead(partition: number, head: CatalogHead, epoch: number, checkpoint: Sequence, segment: SegmentEntry | null): CatalogHead {
  if (segment === null) return checkpoint <= head.checkpoint ? head : { ...head, epoch, checkpoint }
  if (segment.first > head.checkpoint) return { ...head, epoch, checkpoint, segments: [...head.segments, segment] }
  if (head.segments.some((known) => known.key === segment.key)) return head
  throw new FencedError(partition, epoch)
}
