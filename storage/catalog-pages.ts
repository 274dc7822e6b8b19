/**
 * Keeps a catalog head small: older segments move to pages. A page never changes, and its name follows from its content, so whoever writes
 * one (twice, or in vain, or as a stale owner) harms nobody. Pure: who writes them, and in which order, is `catalog-heads.ts`.
 */
import { createHash } from 'node:crypto'
import { type CatalogHead, encodeHead, encodePage } from './catalog-codec.ts'
import type { SegmentEntry } from './catalog.ts'

const PAGE_SEGMENTS = 512
/** The newest segments stay in the head when a page is split off. */
const HEAD_SEGMENTS_MIN = 64
/** Of a KV value; a NATS server takes 1 MiB in a message unless it is configured otherwise. */
const VALUE_BYTES_MAX = 512 * 1024

export interface CatalogPage {
  readonly name: string
  readonly segments: ReadonlyArray<SegmentEntry>
  readonly value: Buffer
}

/** The head as it is to be written, and the pages that must be written before it. */
export function splitHead(head: CatalogHead): { readonly head: CatalogHead; readonly value: Buffer; readonly pages: ReadonlyArray<CatalogPage> } {
  const pages: CatalogPage[] = []
  let { segments } = head
  const splitOff = (count: number): void => {
    pages.push(pageOf(segments.slice(0, count)))
    segments = segments.slice(count)
  }
  const current = (): CatalogHead => ({ ...head, pages: [...head.pages, ...pages.map((page) => page.name)], segments })
  while (segments.length >= PAGE_SEGMENTS + HEAD_SEGMENTS_MIN) splitOff(PAGE_SEGMENTS)
  // Many long tenant names: fewer segments fill a value.
  let value = encodeHead(current())
  while (value.length > VALUE_BYTES_MAX && segments.length > 1) {
    splitOff(Math.ceil(segments.length / 2))
    value = encodeHead(current())
  }
  return { head: current(), value, pages }
}

function pageOf(segments: ReadonlyArray<SegmentEntry>): CatalogPage {
  const value = encodePage(segments)
  return { name: createHash('sha256').update(value).digest('hex').slice(0, 24), segments, value }
}
