/**
 * Which rows of a run are still in the game while whole-block line filters work on it: a range `[from, to)` with the rows that passed, ascending.
 * One object a pipeline, reused. Filled by the line filters, read by the pipeline.
 */
export class RowSelection {
  from = 0
  to = 0
  /** Every row of the range: `rows` is not filled. */
  all = true
  count = 0
  rows = new Uint32Array(1024)
  #marks = new Uint8Array(1024)

  reset(from: number, to: number): void {
    this.from = from
    this.to = to
    this.all = true
    this.count = to - from
  }

  /** Keeps the rows that `passes` accepts. */
  retain(passes: (row: number) => boolean): void {
    this.#reserve()
    let kept = 0
    if (this.all) {
      for (let row = this.from; row < this.to; row++) if (passes(row)) this.rows[kept++] = row
    } else {
      for (let i = 0; i < this.count; i++) {
        const row = this.rows[i]!
        if (passes(row)) this.rows[kept++] = row
      }
    }
    this.#keep(kept)
  }

  /** One byte a row of the range, zeroed: for filters that mark rows; `retainMarked` ends it. */
  marks(): Uint8Array {
    const length = this.to - this.from
    if (this.#marks.length < length) this.#marks = new Uint8Array(length * 2)
    else this.#marks.fill(0, 0, length)
    return this.#marks
  }

  retainMarked(marked: 0 | 1): void {
    this.#reserve()
    const { from, rows } = this
    const marks = this.#marks
    let kept = 0
    if (this.all) {
      const length = this.to - from
      for (let i = 0; i < length; i++) if (marks[i] === marked) rows[kept++] = from + i
    } else {
      for (let i = 0; i < this.count; i++) {
        const row = rows[i]!
        if (marks[row - from] === marked) rows[kept++] = row
      }
    }
    this.#keep(kept)
  }

  clear(): void {
    this.#keep(0)
  }

  #reserve(): void {
    if (this.rows.length < this.to - this.from && this.all) this.rows = new Uint32Array((this.to - this.from) * 2)
  }

  #keep(count: number): void {
    this.all = false
    this.count = count
  }
}
