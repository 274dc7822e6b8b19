/**
 * Partial answers of scans over segments, by segment and plan. Exact: a segment never changes, so neither does what a plan finds in it. Bounded in bytes; the least
 * recently used goes first. What goes in and comes out is a copy, so that the bytes of an answer may be handed on to other threads.
 */
import { createHash } from 'node:crypto'
import type { Stage } from '../../protocols/logql/ast.ts'
import type { LogScanPlan, ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { EncodedPartial } from '../segments/encoded-partial.ts'

/** An entry larger than this part of the cache would push out too much else. */
const ENTRY_SHARE_MAX = 8
const ENTRY_OVERHEAD_BYTES = 256

export class PartialCache {
  private readonly entries = new Map<string, EncodedPartial>()
  private readonly bytesMax: number
  private held = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get bytes(): number {
    return this.held
  }

  get(key: string): EncodedPartial | null {
    const found = this.entries.get(key)
    if (found === undefined) return null
    this.entries.delete(key)
    this.entries.set(key, found)
    return copyOf(found)
  }

  has(key: string): boolean {
    return this.entries.has(key)
  }

  put(key: string, partial: EncodedPartial): void {
    if (this.bytesMax === 0 || this.entries.has(key) || partial.bytes.length > this.bytesMax / ENTRY_SHARE_MAX) return
    this.entries.set(key, copyOf(partial))
    this.held += costOf(key, partial)
    for (const [oldest, old] of this.entries) {
      if (this.held <= this.bytesMax) return
      this.entries.delete(oldest)
      this.held -= costOf(oldest, old)
    }
  }
}

const copyOf = (partial: EncodedPartial): EncodedPartial => ({ ...partial, bytes: new Uint8Array(partial.bytes) })
const costOf = (key: string, { bytes }: EncodedPartial): number => bytes.length + key.length * 2 + ENTRY_OVERHEAD_BYTES

/** The part of a key that one plan has in all segments; null: its answer depends on more than the segment (a template that asks for the time). */
export function planKey(tenant: string, plan: ScanPlan): string | null {
  if (plan.stages.some(asksTime)) return null
  const { startNs: _start, endNs: _end, ...timeless } = plan
  return createHash('sha256').update(JSON.stringify([tenant, plan.kind === 'log' ? timeless : plan])).digest('base64url')
}

/** Of a log plan's bounds only what lies within the segment counts, so that a query of "the last hour" finds what the one before it left. */
export function partialKey(ofPlan: string, segment: SegmentEntry, plan: ScanPlan): string {
  return `${segment.key} ${ofPlan}${plan.kind === 'log' ? clipped(plan, segment) : ''}`
}

function clipped({ startNs, endNs }: LogScanPlan, { minNs, maxNs }: SegmentEntry): string {
  const from = BigInt(startNs) < BigInt(minNs) ? minNs : startNs
  const to = BigInt(endNs) > BigInt(maxNs) ? String(BigInt(maxNs) + 1n) : endNs
  return ` ${from} ${to}`
}

function asksTime(stage: Stage): boolean {
  if (stage.kind === 'lineFormat') return /\bnow\b/.test(stage.template)
  return stage.kind === 'labelFormat' && stage.formats.some((format) => format.kind === 'template' && /\bnow\b/.test(format.template))
}
