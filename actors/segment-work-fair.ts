/**
 * `SegmentWork` in turns (`task-turns.ts`): scan tasks wait here, not in the threads. So a query over thousands of segments does not hold up a small one. Tasks of nobody's
 * query (replay, cuts) go straight on.
 */
import type { Clock } from '../runtime/clock.ts'
import type { SegmentWork } from './segment-work.ts'
import { TaskTurns } from './task-turns.ts'

/** Tasks under way a thread: one that computes, one that waits for the object store. */
const TASKS_PER_THREAD = 2

export function shareFairly(work: SegmentWork, clock: Clock): SegmentWork {
  const turns = new TaskTurns(clock, work.threads * TASKS_PER_THREAD)
  const inTurn = <A>(tenant: string, signal: AbortSignal | undefined, run: () => Promise<A>): Promise<A> => (signal === undefined ? run() : turns.run(tenant, signal, run))
  return {
    ...work,
    scanSegments: (tenant, plan, segments, nowMs, signal, readBytesMax) => inTurn(tenant, signal, () => work.scanSegments(tenant, plan, segments, nowMs, signal, readBytesMax)),
    scanHead: (content, plan, nowMs, signal) => inTurn(content.tenant, signal, () => work.scanHead(content, plan, nowMs, signal)),
    select: (tenant, plan, segments, signal) => inTurn(tenant, signal, () => work.select(tenant, plan, segments, signal)),
    series: (tenant, matcherSets, segments, signal) => inTurn(tenant, signal, () => work.series(tenant, matcherSets, segments, signal)),
    detect: (task, signal) => inTurn(task.tenant, signal, () => work.detect(task, signal)),
  }
}
