/**
 * Notices a server that is reachable but no longer acknowledges: nats-server 2.15, once its disk was full, leaves a stream's appends unanswered
 * until it is started again, also when there is room. The JetStream WAL reports it, and whoever runs the server restarts it. Pure.
 */
export class AppendSilence {
  readonly #reportAfterMs: number
  /** Since when a partition's appends have gone unanswered. */
  readonly #sinceMs = new Map<number, number>()

  constructor(reportAfterMs: number) {
    this.#reportAfterMs = reportAfterMs
  }

  acknowledged(partition: number): void {
    this.#sinceMs.delete(partition)
  }

  /** `startedMs`: when the unanswered try began. Whether to report; after a report the count begins anew. */
  unanswered(partition: number, startedMs: number, nowMs: number): boolean {
    const sinceMs = this.#sinceMs.get(partition) ?? startedMs
    this.#sinceMs.set(partition, sinceMs)
    if (nowMs - sinceMs < this.#reportAfterMs) return false
    this.#sinceMs.set(partition, nowMs)
    return true
  }
}
