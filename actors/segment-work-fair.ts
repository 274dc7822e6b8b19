/**
 * `SegmentWork` in turns: scan tasks wait here, not in the threads, and queries take turns at every task. So a query over thousands of segments delays a small one by
 * about one task. A query is known by its signal; tasks of nobody's query (replay, cuts) go straight on.
 */
import type { Clock } from '../runtime/clock.ts'
import { FairQueue } from './fair-queue.ts'
import type { SegmentWork } from './segment-work.ts'

/** Tasks under way a thread: one that computes, one that waits for the object store. */
const TASKS_PER_THREAD = 2

export function shareFairly(work: SegmentWork, clock: Clock): SegmentWork {
  const turns = new FairQueue<AbortSignal>(clock, work.threads * TASKS_PER_THREAD, Infinity)
  const inTurn = <A>(signal: AbortSignal | undefined, run: () => Promise<A>): Promise<A> => (signal === undefined ? run() : turns.run(signal, signal, run))
  return {
    ...work,
    scanSegments: (tenant, plan, segments, nowMs, signal) => inTurn(signal, () => work.scanSegments(tenant, plan, segments, nowMs, signal)),
    scanHead: (content, plan, nowMs, signal) => inTurn(signal, () => work.scanHead(content, plan, nowMs, signal)),
    select: (tenant, plan, segments, signal) => inTurn(signal, () => work.select(tenant, plan, segments, signal)),
    series: (tenant, matcherSets, segments, signal) => inTurn(signal, () => work.series(tenant, matcherSets, segments, signal)),
    detect: (task, signal) => inTurn(signal, () => work.detect(task, signal)),
  }
}
