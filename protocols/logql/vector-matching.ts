/**
 * `vector op [on|ignoring (…)] [group_left|group_right (…)] vector`: pairs series by the labels they must share, point by point, with Loki's errors where a
 * pairing is not unique. Used by the evaluator for arithmetic and comparisons; set operations are in `set-operations.ts`.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Labels } from '../model.ts'
import type { BinaryOp, VectorMatching } from './ast.ts'
import { sampleOperation } from './binary-scalar.ts'
import { groupLabels, labelKey, labelValue, withLabel } from './label-set.ts'
import type { Series } from './query-data.ts'
import { setPoint, SeriesByKey } from './series-builder.ts'
import type { SeriesBuilder } from './series-builder.ts'

export interface VectorOperation {
  readonly op: BinaryOp
  readonly returnBool: boolean
  readonly matching: VectorMatching
}

/** The labels that decide which series belong together. */
export function signature(matching: VectorMatching): (labels: Labels) => string {
  const names = new Set(matching.labels)
  if (matching.on === true) return (labels) => labelKey(groupLabels(labels, names, false))
  return names.size === 0 ? labelKey : (labels) => labelKey(groupLabels(labels, names, true))
}

export function bySignature(series: ReadonlyArray<Series>, of: (labels: Labels) => string): Map<string, Series[]> {
  const groups = new Map<string, Series[]>()
  for (const one of series) {
    const key = of(one.labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}

export function matchVectors(operation: VectorOperation, left: ReadonlyArray<Series>, right: ReadonlyArray<Series>, builder: SeriesBuilder): Series[] {
  const { matching } = operation
  const swapped = matching.card === 'one-to-many'
  const of = signature(matching)
  const ones = bySignature(swapped ? left : right, of)
  for (const group of ones.values()) refuseOverlap(group, `found duplicate series on the ${swapped ? 'left' : 'right'} hand-side;many-to-many matching not allowed: matching labels must be unique on one side`)
  const pairs = new Pairs(operation, swapped, builder)
  for (const many of swapped ? right : left) {
    const key = of(many.labels)
    for (const one of ones.get(key) ?? []) pairs.add(key, many, one)
  }
  return pairs.results()
}

/** At no point may two of them have a value. */
function refuseOverlap(group: ReadonlyArray<Series>, message: string): void {
  if (group.length < 2) return
  const seen = new Uint8Array(group[0]!.present.length)
  for (const { present } of group) {
    for (let k = 0; k < present.length; k++) {
      if (present[k] === 0) continue
      if (seen[k] === 1) throw new SkaldError('query_failed', message)
      seen[k] = 1
    }
  }
}

class Pairs {
  private readonly outcome: (a: number, b: number, kept: number) => number | null
  private readonly matching: VectorMatching
  private readonly swapped: boolean
  private readonly output: SeriesByKey
  private readonly pointCount: number
  /** Points already paired: by signature, or with grouping by signature and resulting labels. */
  private readonly taken = new Map<string, Uint8Array>()

  constructor({ op, returnBool, matching }: VectorOperation, swapped: boolean, builder: SeriesBuilder) {
    this.outcome = sampleOperation(op, returnBool)
    this.matching = matching
    this.swapped = swapped
    this.output = new SeriesByKey(builder)
    this.pointCount = builder.pointCount
  }

  add(key: string, many: Series, one: Series): void {
    const labels = resultLabels(many.labels, one.labels, this.matching)
    const taken = this.takenBy(this.matching.card === 'one-to-one' ? key : `${key}${labelKey(labels)}`)
    const [left, right] = this.swapped ? [one, many] : [many, one]
    for (let k = 0; k < this.pointCount; k++) {
      if (many.present[k] === 0 || one.present[k] === 0) continue
      if (taken[k] === 1) throw this.multipleMatches()
      taken[k] = 1
      const value = this.outcome(left.values[k]!, right.values[k]!, left.values[k]!)
      if (value !== null) setPoint(this.output.of(labels), k, value)
    }
  }

  results(): Series[] {
    return this.output.all
  }

  private takenBy(key: string): Uint8Array {
    let taken = this.taken.get(key)
    if (taken === undefined) this.taken.set(key, (taken = new Uint8Array(this.pointCount)))
    return taken
  }

  private multipleMatches(): SkaldError {
    const why = this.matching.card === 'one-to-one' ? 'many-to-one matching must be explicit (group_left/group_right)' : 'grouping labels must ensure unique matches'
    return new SkaldError('query_failed', `multiple matches for labels: ${why}`)
  }
}

/** One to one: the labels matched on, or all but those ignored. With grouping: those of the many side, and the included ones of the one side. */
function resultLabels(many: Labels, one: Labels, { on, labels, card, include }: VectorMatching): Labels {
  if (card === 'one-to-one') return on === null && labels.length === 0 ? many : groupLabels(many, new Set(labels), on !== true)
  return include.reduce((result, name) => withLabel(result, name, labelValue(one, name)), many)
}
