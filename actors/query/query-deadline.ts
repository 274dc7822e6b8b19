/** Runs a query with a signal that the client's leaving or the tenant's `query_timeout` aborts; the deadline answers in Loki's words. */
import type { Clock } from '../../runtime/clock.ts'
import { SkaldError } from '../../runtime/errors.ts'

const TIMED_OUT =
  'request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed'

/** `timeoutMs` 0: no deadline. Rejects `query_timeout`, or with whatever `run` or the client's signal gives. */
export async function withDeadline<A>(clock: Clock, client: AbortSignal, timeoutMs: number, run: (signal: AbortSignal) => Promise<A>): Promise<A> {
  const deadline = new AbortController()
  const timer = timeoutMs > 0 ? clock.after(timeoutMs, () => deadline.abort()) : null
  try {
    return await run(AbortSignal.any([client, deadline.signal]))
  } catch (error) {
    if (deadline.signal.aborted && !client.aborted) throw new SkaldError('query_timeout', TIMED_OUT, { cause: error })
    throw error
  } finally {
    timer?.cancel()
  }
}
