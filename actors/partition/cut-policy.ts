/**
 * When a partition's open chunks are cut, as a pure decision. `partition-cuts.ts` asks at every check period and after every record.
 */

/** Loki's words where the meaning is the same (`loki_ingester_chunks_flushed_total{reason}`). */
export type CutReason = 'full' | 'max_age' | 'idle' | 'forced' | 'memory'

export interface CutSettings {
  /** Raw bytes of lines that make a good segment. */
  readonly segmentBytesTarget: number
  readonly ageMsMax: number
  readonly idleMsMax: number
}

export interface HeadFacts {
  readonly rowCount: number
  readonly rawBytes: number
  /** Slab memory held. */
  readonly heldBytes: number
  /** Monotonic, as `nowMs` of the question. */
  readonly firstAppendMs: number
  readonly lastAppendMs: number
}

export function cutReason(head: HeadFacts, settings: CutSettings, nowMs: number, overMemory: boolean): CutReason | null {
  if (head.rowCount === 0) return null
  if (head.rawBytes >= settings.segmentBytesTarget) return 'full'
  if (overMemory) return 'memory'
  if (nowMs - head.firstAppendMs >= settings.ageMsMax) return 'max_age'
  if (nowMs - head.lastAppendMs >= settings.idleMsMax) return 'idle'
  return null
}
