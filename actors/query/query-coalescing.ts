/**
 * Runs equal queries that are asked at the same time once: dashboards ask the same thing for every viewer. Each asker may leave on its own; the run is cancelled when
 * the last one has left. Keeps nothing once the answer is out.
 */

interface Flight<A> {
  readonly answer: Promise<A>
  readonly cancel: AbortController
  askers: number
}

export class Coalescer<A> {
  private readonly flights = new Map<string, Flight<A>>()

  /** `key` must name everything that decides the answer, the tenant first of all. */
  async run(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<A>): Promise<A> {
    signal.throwIfAborted()
    const flight = this.flights.get(key) ?? this.begin(key, start)
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

  private begin(key: string, start: (signal: AbortSignal) => Promise<A>): Flight<A> {
    const cancel = new AbortController()
    const flight: Flight<A> = { answer: start(cancel.signal), cancel, askers: 0 }
    this.flights.set(key, flight)
    // Settled flights take no more askers: their data may be older than a later asker's last push.
    void flight.answer.catch(() => undefined).then(() => this.forget(key, flight))
    return flight
  }

  private forget(key: string, flight: Flight<A>): void {
    if (this.flights.get(key) === flight) this.flights.delete(key)
  }
}
