/**
 * What a vector aggregation's operator is: one that folds the values of a group at a point into one, or one that chooses among its series. Each lives in a
 * file of its own beside this one; `aggregate.ts` applies them.
 */

/** A state is `width` doubles at `cells[at]`: number 0 is how many values it has seen; zeroes before the first. */
export interface VectorFold {
  readonly kind: 'fold'
  readonly width: number
  add(cells: Float64Array, at: number, value: number): void
  result(cells: Float64Array, at: number): number
}

/** Keeps whole samples. `better(a, b)`: a is chosen before b. */
export interface VectorChoice {
  readonly kind: 'choice'
  better(a: number, b: number): boolean
}

/** Changes nothing but the order in which an instant vector is shown. `before(a, b)` < 0: a is shown first. */
export interface VectorOrder {
  readonly kind: 'order'
  before(a: number, b: number): number
}

export type VectorOperator = VectorFold | VectorChoice | VectorOrder
