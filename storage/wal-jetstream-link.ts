/**
 * Whether the NATS connection is up, for the JetStream WAL: a request that was under way when the connection broke will never be answered,
 * so its waiter is woken at once, and nothing is published into a connection that is down (the client would keep it and send it late).
 */
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../runtime/clock.ts'

export class ConnectionLost extends Error {
  constructor() {
    super('the connection to the NATS server was lost')
    this.name = 'ConnectionLost'
  }
}

export class NatsLink {
  readonly #stop: () => void
  #isUp: boolean
  /** Settle at the next change of state. */
  readonly #whenDown = new Set<() => void>()
  readonly #whenUp = new Set<() => void>()

  constructor(nc: NatsConnection) {
    this.#isUp = !nc.isClosed()
    const statuses = nc.status()
    this.#stop = () => (statuses as Partial<{ stop(): void }>).stop?.()
    void this.#follow(statuses)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Resolves at once while the connection is up, else when it comes back; rejects after `waitMs`. */
  whenConnected(waitMs: number, clock: Pick<Clock, 'after'>): Promise<void> {
    if (this.#isUp) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const up = (): void => {
        timer.cancel()
        resolve()
      }
      const timer = clock.after(waitMs, () => {
        this.#whenUp.delete(up)
        reject(new ConnectionLost())
      })
      this.#whenUp.add(up)
    })
  }

  /** The request's outcome, or `ConnectionLost` as soon as the connection breaks. */
  orLost<A>(request: Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new ConnectionLost())
      this.#whenDown.add(lost)
      request.then(resolve, reject).finally(() => this.#whenDown.delete(lost))
    })
  }

  close(): void {
    this.#stop()
  }

  async #follow(statuses: ReturnType<NatsConnection['status']>): Promise<void> {
    for await (const { type } of statuses) {
      if (type === 'disconnect' || type === 'close') this.#become(false)
      if (type === 'reconnect') this.#become(true)
    }
  }

  #become(isUp: boolean): void {
    this.#isUp = isUp
    const waiting = isUp ? this.#whenUp : this.#whenDown
    const woken = [...waiting]
    waiting.clear()
    for (const wake of woken) wake()
  }
}
