/**
 * Partial answers of scans over segments, by segment and plan. Exact: a segment never changes, so neither does what a plan finds in it. Bounded in bytes; the least
 * recently used goes first. Entries are kept serialised, so their bytes are known and no reader can change them.
 */
import { deserialize, serialize } from 'node:v8'
import type { Stage } from '../../protocols/logql/ast.ts'
import type { ScanPartial, ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'

/** An entry larger than this part of the cache would push out too much else. */
const ENTRY_SHARE_MAX = 8
const ENTRY_OVERHEAD_BYTES = 256

export class PartialCache {
  private readonly entries = new Map<string, Buffer>()
  private readonly bytesMax: number
  private held = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get bytes(): number {
    return this.held
  }

  get(key: string): ScanPartial | null {
    const found = this.entries.get(key)
    if (found === undefined) return null
    this.entries.delete(key)
    this.entries.set(key, found)
    return deserialize(found) as ScanPartial
  }

  put(key: string, partial: ScanPartial): void {
    if (this.bytesMax === 0 || this.entries.has(key)) return
    const bytes = serialize(partial)
    if (bytes.length > this.bytesMax / ENTRY_SHARE_MAX) return
    this.entries.set(key, bytes)
    this.held += costOf(key, bytes)
    for (const [oldest, old] of this.entries) {
      if (this.held <= this.bytesMax) return
      this.entries.delete(oldest)
      this.held -= costOf(oldest, old)
    }
  }
}

const costOf = (key: string, bytes: Buffer): number => bytes.length + key.length * 2 + ENTRY_OVERHEAD_BYTES

/**
 * null: the plan's answer depends on more than the segment (a template that asks for the time). Of a log plan's bounds only what lies within the segment counts, so
 * that a query of "the last hour" finds what the one before it left.
 */
export function partialKey(tenant: string, segment: SegmentEntry, plan: ScanPlan): string | null {
  if (plan.stages.some(asksTime)) return null
  return `${segment.key} ${tenant} ${JSON.stringify(plan.kind === 'log' ? clipped(plan, segment) : plan)}`
}

function clipped<P extends { readonly startNs: string; readonly endNs: string }>(plan: P, segment: SegmentEntry): P {
  const startNs = BigInt(plan.startNs) < BigInt(segment.minNs) ? segment.minNs : plan.startNs
  const endNs = BigInt(plan.endNs) > BigInt(segment.maxNs) ? String(BigInt(segment.maxNs) + 1n) : plan.endNs
  return { ...plan, startNs, endNs }
}

function asksTime(stage: Stage): boolean {
  if (stage.kind === 'lineFormat') return /\bnow\b/.test(stage.template)
  return stage.kind === 'labelFormat' && stage.formats.some((format) => format.kind === 'template' && /\bnow\b/.test(format.template))
}
