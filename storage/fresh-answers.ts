/**
 * One question for many askers, where an answer counts only for those who asked before it was put: whoever comes while one is under way shares the next. So any number
 * of concurrent queries costs at most two questions. Used by partitions and by the WAL's detour; it keeps no answer.
 */
export class FreshAnswers<A> {
  readonly #put: () => Promise<A>
  #running: Promise<A> | undefined
  #next: Promise<A> | undefined

  constructor(put: () => Promise<A>) {
    this.#put = put
  }

  ask(): Promise<A> {
    if (this.#running === undefined) return this.#begin()
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    )
    return this.#next
  }

  #begin(): Promise<A> {
    this.#next = undefined
    const running = this.#put().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
