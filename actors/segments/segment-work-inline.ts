/**
 * `SegmentWork` in the caller's thread: for simulations and small tests, where everything has to happen in one fixed order. The tasks are the same ones that
 * worker threads run; a long one holds up whoever calls, so a serving node never uses it.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { TaskSignal } from '../../runtime/worker-host.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { SegmentCache } from '../../storage/segment-cache.ts'
import { SharedLedger } from '../../storage/shared-ledger.ts'
import type { EncodedSeries } from './encoded-series.ts'
import { SegmentReads } from './segment-reads.ts'
import { runEncode, SegmentTasks, type ScanWorkerTask } from './segment-tasks.ts'
import type { PastIds, ScanAnswer, SegmentWork, SelectAnswer, SeriesAnswer, SmallScan } from './segment-work.ts'

/** Tasks read segments from `store`; decoded footers are kept up to `cacheBytes`. */
export function makeInlineWork(store: ObjectStore, cacheBytes: number): SegmentWork {
  const ledger = new SharedLedger()
  ledger.limitBytes = cacheBytes
  const tasks = new SegmentTasks(new SegmentReads(store, new SegmentCache({ ledger, keepsRanges: false })), store)
  const run = <A>(task: ScanWorkerTask, signal: AbortSignal | undefined): Promise<A> => tasks.run(task, taskSignalOf(signal)) as Promise<A>
  return {
    threads: 1,
    isHomeFree: () => true,
    encode: async (task) => {
      const { entry, bytes } = runEncode(task)
      return { entry, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
    },
    scanSegments: (tenant, plan, segments, nowMs, signal) => run<ScanAnswer>({ kind: 'scanSegments', tenant, plan, segments, nowMs }, signal),
    scanSmall: (tenant, plan, segments, nowMs, signal) => run<ReadonlyArray<SmallScan>>({ kind: 'scanSmall', tenant, plan, segments, nowMs }, signal),
    select: (tenant, plan, segments, signal) => run<SelectAnswer>({ kind: 'select', tenant, plan, segments }, signal),
    scanHead: (content, plan, nowMs, signal) => run<ScanAnswer>({ kind: 'scanHead', content, plan, nowMs }, signal),
    headSeries: (content, question, signal) => run<EncodedSeries>({ kind: 'headSeries', content, question }, signal),
    series: (tenant, question, segments, signal) => run<SeriesAnswer>({ kind: 'series', tenant, question, segments }, signal),
    pastIds: (partition, segments) => run<PastIds>({ kind: 'pastIds', partition, segments }, undefined),
    gatherIds: (partition, segments) => run<void>({ kind: 'gatherIds', partition, segments }, undefined),
    async close() {},
  }
}

/** Nothing else runs in this thread, so there is nobody to give a turn to. */
function taskSignalOf(signal: AbortSignal | undefined): TaskSignal {
  const check = (): void => {
    if (signal?.aborted === true) throw new SkaldError('query_cancelled', 'the request was cancelled by the client')
  }
  return { check, turn: async () => check() }
}
