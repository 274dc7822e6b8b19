/** `approx_topk(k, vector)`: Loki estimates it with a count-min sketch; here everything is counted, so it is `topk` and exact. Instant queries only. */
import { SkaldError } from '../../../runtime/errors.ts'
import { topk } from './topk.ts'
import type { VectorChoice } from './vector-operator.ts'

export const approxTopk: VectorChoice = topk

export function refuseApproxTopkRange(): never {
  throw new SkaldError('query_failed', 'count min sketches are only supported on instant queries')
}
