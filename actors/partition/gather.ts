/**
 * Collects a known number of answers, each given once, from actors on this node. Used where one message fans out to many children.
 */
export class Gather<A> {
  private readonly answers: A[] = []
  private readonly count: number
  private readonly done: (answers: A[]) => void

  /** `done` runs as soon as `count` answers are in; at once when it is 0. */
  constructor(count: number, done: (answers: A[]) => void) {
    this.count = count
    this.done = done
    if (count === 0) done(this.answers)
  }

  add(answer: A): void {
    this.answers.push(answer)
    if (this.answers.length === this.count) this.done(this.answers)
  }
}
