/** `vector op number` and `number op vector`: arithmetic on every value; comparisons keep the samples that pass, or give 0 and 1 with `bool`. */
import type { BinaryOp } from './ast.ts'
import { arithmetic, comparison, isComparison, isSetOperation } from './binary-arithmetic.ts'
import type { Series } from './query-data.ts'
import type { SeriesBuilder } from './series-builder.ts'
import { hasPoints, setPoint } from './series-builder.ts'

export interface ScalarOperation {
  readonly op: BinaryOp
  readonly returnBool: boolean
  readonly scalar: number
  readonly scalarSide: 'left' | 'right'
}

export function withScalar({ op, returnBool, scalar, scalarSide }: ScalarOperation, series: ReadonlyArray<Series>, builder: SeriesBuilder): Series[] {
  const sample = sampleOperation(op, returnBool)
  const onLeft = scalarSide === 'left'
  return series
    .map((one) => {
      const result = builder.empty(one.labels)
      for (let k = 0; k < one.values.length; k++) {
        if (one.present[k] === 0) continue
        const value = one.values[k]!
        const outcome = sample(onLeft ? scalar : value, onLeft ? value : scalar, value)
        if (outcome !== null) setPoint(result, k, outcome)
      }
      return result
    })
    .filter(hasPoints)
}

/** Of two values; `kept` is what a comparison that filters lets through. null: no sample. */
export function sampleOperation(op: BinaryOp, returnBool: boolean): (a: number, b: number, kept: number) => number | null {
  if (isSetOperation(op)) throw new Error(`${op} is not an operation on values`)
  if (!isComparison(op)) return arithmetic(op)
  const holds = comparison(op)
  if (returnBool) return (a, b) => Number(holds(a, b))
  return (a, b, kept) => (holds(a, b) ? kept : null)
}
