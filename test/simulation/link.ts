/**
 * The way from one simulated process to one service (KV, log, bucket): every call takes time, may be lost on the way there or back, and fails at once after
 * a time-out while the link is cut. A call whose answer is lost has happened, which is what makes callers' retries interesting.
 */
import type { Clock } from '../../runtime/clock.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { ErrorCode } from '../../runtime/errors.ts'
import type { SeededRandom } from '../../runtime/random-seeded.ts'
import type { SimulatedProcess } from './process.ts'

export interface LinkTerms {
  readonly latencyMaxMs: number
  /** Until a caller gives up on what is lost or cut off. */
  readonly timeoutMs: number
  readonly error: ErrorCode
}

export class Link {
  isCut = false
  /** Chance of each of a lost request and a lost answer. */
  lossRatio = 0
  /** Times the usual latency. */
  slowness = 1
  calls = 0
  readonly #world: Clock
  readonly #random: SeededRandom
  readonly #process: SimulatedProcess
  readonly #terms: LinkTerms
  #arrivesMs = 0

  constructor(world: Clock, random: SeededRandom, process: SimulatedProcess, terms: LinkTerms) {
    this.#world = world
    this.#random = random
    this.#process = process
    this.#terms = terms
  }

  call<A>(what: string, operate: () => Promise<A>): Promise<A> {
    this.calls++
    return this.#process.hear(this.#travel(what, operate))
  }

  /** Something that the service sends on its own: late, but in order. */
  push(deliver: () => void): void {
    const nowMs = this.#world.monotonicMs()
    this.#arrivesMs = Math.max(this.#arrivesMs, nowMs + this.#latencyMs())
    this.#world.after(this.#arrivesMs - nowMs, () => this.#process.run(deliver))
  }

  async #travel<A>(what: string, operate: () => Promise<A>): Promise<A> {
    await this.#world.sleep(this.#latencyMs())
    if (this.isCut || this.#isLost()) return this.#giveUp(what, 'no answer')
    const answer = await operate()
    await this.#world.sleep(this.#latencyMs())
    if (this.isCut || this.#isLost()) return this.#giveUp(what, 'the answer was lost')
    return answer
  }

  async #giveUp(what: string, why: string): Promise<never> {
    await this.#world.sleep(this.#terms.timeoutMs)
    throw new SkaldError(this.#terms.error, `${what}: ${why}`)
  }

  #isLost(): boolean {
    return this.#random.next() < this.lossRatio
  }

  #latencyMs(): number {
    return this.#random.next() * this.#terms.latencyMaxMs * this.slowness
  }
}
