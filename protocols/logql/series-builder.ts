/** Makes series of an evaluation, counting what they hold against the query's budget (Q4); and gathers points by label set, for operators whose results meet. */
import { SkaldError } from '../../runtime/errors.ts'
import type { Labels } from '../model.ts'
import { labelKey } from './label-set.ts'
import { EVALUATED_VALUES_MAX } from './limits.ts'
import type { Series } from './query-data.ts'

/** One a query. */
export class SeriesBuilder {
  readonly pointCount: number
  private values = 0

  constructor(pointCount: number) {
    this.pointCount = pointCount
  }

  empty(labels: Labels): Series {
    this.values += this.pointCount
    if (this.values > EVALUATED_VALUES_MAX) {
      throw new SkaldError(
        'query_limit',
        `the query would hold too many values in memory (series times points, more than ${EVALUATED_VALUES_MAX}); aggregate, use a longer step or a shorter time range`,
      )
    }
    return { labels, values: new Float64Array(this.pointCount), present: new Uint8Array(this.pointCount) }
  }

  full(labels: Labels, value: number): Series {
    const series = this.empty(labels)
    series.values.fill(value)
    series.present.fill(1)
    return series
  }
}

/** Series by labels, made when first asked for. */
export class SeriesByKey {
  readonly all: Series[] = []
  private readonly byKey = new Map<string, Series>()
  private readonly builder: SeriesBuilder

  constructor(builder: SeriesBuilder) {
    this.builder = builder
  }

  of(labels: Labels): Series {
    const key = labelKey(labels)
    let series = this.byKey.get(key)
    if (series === undefined) {
      series = this.builder.empty(labels)
      this.byKey.set(key, series)
      this.all.push(series)
    }
    return series
  }
}

export function setPoint(series: Series, k: number, value: number): void {
  series.values[k] = value
  series.present[k] = 1
}

export const hasPoints = (series: Series): boolean => series.present.includes(1)
