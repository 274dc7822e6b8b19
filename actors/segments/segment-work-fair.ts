/**
 * `SegmentWork` in turns (`task-turns.ts`): large scan tasks wait here, not in the threads. So a query over thousands of segments does not hold up a small one. Small
 * tasks, and those of nobody's query (replay, cuts), go straight on.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { SegmentWork } from './segment-work.ts'
import { isSmallHead, isSmallRead } from './small-tasks.ts'
import { TaskTurns } from './task-turns.ts'

/** Large tasks under way a thread: one that computes, one that waits for the object store; and one more for queries that have none yet. */
const TASKS_PER_THREAD = 2
const FIRST_TASKS_PER_THREAD = 3

export function shareFairly(work: SegmentWork, clock: Clock): SegmentWork {
  const turns = new TaskTurns(clock, { runningMax: work.threads * TASKS_PER_THREAD, firstsMax: work.threads * FIRST_TASKS_PER_THREAD })
  const inTurn = <A>(tenant: string, signal: AbortSignal | undefined, small: boolean, run: () => Promise<A>, suits?: () => boolean): Promise<A> =>
    signal === undefined || small ? run() : turns.run(tenant, signal, run, suits)
  return {
    ...work,
    scanSegments: (tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) =>
      inTurn(tenant, signal, isSmallRead(readBytesMax), () => work.scanSegments(tenant, plan, segments, nowMs, signal, readBytesMax), () => work.isHomeFree(segments)),
    scanSmall: (tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) =>
      inTurn(tenant, signal, isSmallRead(readBytesMax), () => work.scanSmall(tenant, plan, segments, nowMs, signal, readBytesMax)),
    scanHead: (content, plan, nowMs, signal) => inTurn(content.tenant, signal, isSmallHead(content), () => work.scanHead(content, plan, nowMs, signal)),
  }
}
