/** `topk(k, vector) by (…)` and `bottomk(k, vector) by (…)`: the k best of each group at each point, with all their labels. NaN is never preferred. */
import type { VectorChoice } from './vector-operator.ts'

export const topk: VectorChoice = { kind: 'choice', better: (a, b) => a > b || (Number.isNaN(b) && !Number.isNaN(a)) }
export const bottomk: VectorChoice = { kind: 'choice', better: (a, b) => a < b || (Number.isNaN(b) && !Number.isNaN(a)) }
