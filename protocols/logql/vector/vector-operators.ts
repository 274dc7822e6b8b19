/** Which file answers for which vector operation. Asked by the evaluator. */
import type { VectorOp } from '../ast.ts'
import { approxTopk } from './approx-topk.ts'
import { avg } from './avg.ts'
import { count } from './count.ts'
import { stddev, stdvar } from './deviation.ts'
import { max, min } from './extremes.ts'
import { sort, sortDesc } from './sort.ts'
import { sum } from './sum.ts'
import { bottomk, topk } from './topk.ts'
import type { VectorOperator } from './vector-operator.ts'

export const VECTOR_OPERATORS: Readonly<Record<VectorOp, VectorOperator>> = {
  sum, avg, count, min, max, stddev, stdvar, topk, bottomk, sort, sort_desc: sortDesc, approx_topk: approxTopk,
}
