/**
 * Looks for objects that no catalog names, again and again, on the one node that owns partition 0; elsewhere it does nothing. What it finds is removed after a
 * grace period (K1); a sweep that fails is repeated at the next turn.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/log.ts'
import type { OrphanCollector } from '../../storage/orphans.ts'
import type { NodeMetrics } from '../node-metrics.ts'

export interface OrphanSweepOptions {
  readonly collector: OrphanCollector
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: NodeMetrics
  readonly periodMs: number
  /** Whether this node is the one that sweeps now. */
  readonly isMine: () => boolean
}

/** The answer stops it. */
export function startOrphanSweeps({ collector, clock, log, metrics, periodMs, isMine }: OrphanSweepOptions): () => void {
  const ended = new AbortController()
  const sweep = async (): Promise<void> => {
    if (!isMine()) return
    const { orphanCount, orphanBytes, deleted } = await collector.sweep(ended.signal)
    metrics.orphanObjects.set(orphanCount)
    metrics.orphansDeleted.inc(deleted.length)
    if (deleted.length > 0) log.info('removed objects that no catalog names', { count: deleted.length, orphans: orphanCount, orphan_bytes: orphanBytes })
  }
  const again = (): void => {
    if (ended.signal.aborted) return
    timer = clock.after(periodMs, () => {
      void sweep().then(again, (error: unknown) => {
        if (!ended.signal.aborted) log.warn('looking for orphaned objects failed, will be repeated', { error: String(error) })
        again()
      })
    })
  }
  let timer = clock.after(0, () => {})
  again()
  return () => {
    ended.abort()
    timer.cancel()
  }
}
