/**
 * `SegmentWork` in turns (`task-turns.ts`): large scan tasks wait here, not in the threads. So a query over thousands of segments does not hold up a small one. Small
 * tasks, and those of nobody's query (replay, cuts), go straight on.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { HeadContent, SegmentWork } from './segment-work.ts'
import { TaskTurns } from './task-turns.ts'

/** Large tasks under way a thread: one that computes, one that waits for the object store; and one more for queries that have none yet. */
const TASKS_PER_THREAD = 2
const FIRST_TASKS_PER_THREAD = 3
/** A scan of fewer bytes, or rows of a head, is small. */
const SMALL_BYTES = 4 * 1024 * 1024
const SMALL_ROWS = 20_000

export function shareFairly(work: SegmentWork, clock: Clock): SegmentWork {
  const turns = new TaskTurns(clock, { runningMax: work.threads * TASKS_PER_THREAD, firstsMax: work.threads * FIRST_TASKS_PER_THREAD })
  const inTurn = <A>(tenant: string, signal: AbortSignal | undefined, small: boolean, run: () => Promise<A>): Promise<A> =>
    signal === undefined || small ? run() : turns.run(tenant, signal, run)
  return {
    ...work,
    scanSegments: (tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) =>
      inTurn(tenant, signal, readBytesMax <= SMALL_BYTES, () => work.scanSegments(tenant, plan, segments, nowMs, signal, readBytesMax)),
    scanHead: (content, plan, nowMs, signal) => inTurn(content.tenant, signal, rowsOf(content) <= SMALL_ROWS, () => work.scanHead(content, plan, nowMs, signal)),
  }
}

const rowsOf = ({ streams }: HeadContent): number => streams.reduce((sum, { runs }) => runs.reduce((rows, { from, to }) => rows + to - from, sum), 0)
