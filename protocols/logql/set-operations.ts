/** `and`, `or`, `unless` between vectors, matched like the other binary operations and decided point by point. Values and labels stay as they were. */
import type { VectorMatching } from './ast.ts'
import type { Series } from './query-data.ts'
import { hasPoints, setPoint, SeriesByKey } from './series-builder.ts'
import type { SeriesBuilder } from './series-builder.ts'
import { bySignature, signature } from './vector-matching.ts'

export function setOperation(op: 'and' | 'or' | 'unless', matching: VectorMatching, left: ReadonlyArray<Series>, right: ReadonlyArray<Series>, builder: SeriesBuilder): Series[] {
  const of = signature(matching)
  if (op !== 'or') {
    const others = coverage(bySignature(right, of), builder)
    return left.map((series) => masked(series, others.get(of(series.labels)), op === 'and', builder)).filter(hasPoints)
  }
  const covered = coverage(bySignature(left, of), builder)
  const output = new SeriesByKey(builder)
  for (const series of left) copyInto(output, series)
  for (const series of right) copyInto(output, masked(series, covered.get(of(series.labels)), false, builder))
  return output.all
}

/** By signature: the points at which any series of it has a value. */
function coverage(groups: ReadonlyMap<string, ReadonlyArray<Series>>, builder: SeriesBuilder): Map<string, Uint8Array> {
  const covered = new Map<string, Uint8Array>()
  for (const [key, group] of groups) {
    const points = new Uint8Array(builder.pointCount)
    for (const { present } of group) for (let k = 0; k < points.length; k++) points[k]! |= present[k]!
    covered.set(key, points)
  }
  return covered
}

/** The points that `other` has too (`shared`), or that it has not. */
function masked(series: Series, other: Uint8Array | undefined, shared: boolean, builder: SeriesBuilder): Series {
  const result = builder.empty(series.labels)
  for (let k = 0; k < series.values.length; k++) {
    if (series.present[k] === 1 && ((other?.[k] ?? 0) === 1) === shared) setPoint(result, k, series.values[k]!)
  }
  return result
}

function copyInto(output: SeriesByKey, series: Series): void {
  if (!hasPoints(series)) return
  const target = output.of(series.labels)
  for (let k = 0; k < series.values.length; k++) if (series.present[k] === 1) setPoint(target, k, series.values[k]!)
}
