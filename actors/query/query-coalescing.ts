/**
 * Runs equal queries that are asked at the same time once: dashboards ask the same thing for every viewer. Whoever comes when a run has begun to read shares the next one, since a push
 * may have been acknowledged between (Q2); that begins when the first is over, so any number of viewers costs two runs at a time. Each asker may leave on its own; a run is
 * cancelled when the last one has left. Keeps nothing once the answer is out.
 */

interface Flight<A> {
  readonly answer: Promise<A>
  readonly cancel: AbortController
  askers: number
}

/** Calls `reads` before it looks at any data. */
export type Run<A> = (signal: AbortSignal, reads: () => void) => Promise<A>

export class Coalescer<A> {
  /** Those that still take askers. */
  private readonly boarding = new Map<string, Flight<A>>()
  private readonly reading = new Map<string, Flight<A>>()

  /** `key` must name everything that decides the answer, the tenant first of all. */
  async run(key: string, signal: AbortSignal, start: Run<A>): Promise<A> {
    signal.throwIfAborted()
    const flight = this.boarding.get(key) ?? this.begin(key, start)
    flight.askers++
    const left = Promise.withResolvers<never>()
    const leave = (): void => left.reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([flight.answer, left.promise])
    } finally {
      signal.removeEventListener('abort', leave)
      if (--flight.askers === 0) {
        this.forget(key, flight)
        if (signal.aborted) flight.cancel.abort(signal.reason)
      }
    }
  }

  private begin(key: string, start: Run<A>): Flight<A> {
    const cancel = new AbortController()
    const reads = (): void => {
      if (this.boarding.get(key) === flight) this.boarding.delete(key)
      this.reading.set(key, flight)
    }
    const run = (): Promise<A> => {
      cancel.signal.throwIfAborted()
      return start(cancel.signal, reads)
    }
    const flight: Flight<A> = { answer: Promise.resolve(this.reading.get(key)?.answer).then(run, run), cancel, askers: 0 }
    this.boarding.set(key, flight)
    void flight.answer.catch(() => undefined).then(() => this.forget(key, flight))
    return flight
  }

  private forget(key: string, flight: Flight<A>): void {
    for (const flights of [this.boarding, this.reading]) if (flights.get(key) === flight) flights.delete(key)
  }
}
