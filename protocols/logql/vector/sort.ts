/** `sort(vector)` and `sort_desc(vector)`: the order in which an instant vector is shown. NaN comes first in both. */
import type { VectorOrder } from './vector-operator.ts'

const nanFirst = (a: number, b: number): number => Number(Number.isNaN(b)) - Number(Number.isNaN(a))

export const sort: VectorOrder = { kind: 'order', before: (a, b) => nanFirst(a, b) || a - b }
export const sortDesc: VectorOrder = { kind: 'order', before: (a, b) => nanFirst(a, b) || b - a }
