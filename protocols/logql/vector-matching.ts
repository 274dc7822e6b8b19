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
  const swapped = operation.matching.card === 'one-to-many'
  const of = signature(operation.matching)
  const ones = new Map<string, OneSide>()
  for (const [key, group] of bySignature(swapped ? left : right, of)) ones.set(key, oneSide(group, swapped ? 'left' : 'right'))
  const pairs = new Pairs(operation, swapped, builder)
  for (const many of swapped ? right : left) {
    const key = of(many.labels)
    const one = ones.get(key)
    if (one !== undefined) pairs.add(key, many, one)
  }
  return pairs.results()
}

/** The series of one signature on the side that must be unique: which of them has a value at a point. */
interface OneSide {
  readonly series: ReadonlyArray<Series>
  /** By point; -1: none. */
  readonly at: Int32Array
}

function oneSide(series: ReadonlyArray<Series>, side: 'left' | 'right'): OneSide {
  const at = new Int32Array(series[0]!.present.length).fill(-1)
  for (const [i, { present }] of series.entries()) {
    for (let k = 0; k < present.length; k++) {
      if (present[k] === 0) continue
      if (at[k] !== -1) {
        throw new SkaldError('query_failed', `found duplicate series on the ${side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side`)
      }
      at[k] = i
    }
  }
  return { series, at }
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

  add(key: string, many: Series, { series, at }: OneSide): void {
    let last = -1
    let pair: Pair | null = null
    for (let k = 0; k < this.pointCount; k++) {
      const i = at[k]!
      if (i === -1 || many.present[k] === 0) continue
      if (pair === null || i !== last) pair = this.pairOf(key, many, series[i]!)
      last = i
      this.addPoint(pair, k)
    }
  }

  results(): Series[] {
    return this.output.all
  }

  private addPoint(pair: Pair, k: number): void {
    if (pair.taken[k] === 1) throw this.multipleMatches()
    pair.taken[k] = 1
    const left = pair.left.values[k]!
    const value = this.outcome(left, pair.right.values[k]!, left)
    if (value === null) return
    pair.result ??= this.output.of(pair.labels)
    setPoint(pair.result, k, value)
  }

  private pairOf(key: string, many: Series, one: Series): Pair {
    const labels = resultLabels(many.labels, one.labels, this.matching)
    const taken = this.takenBy(this.matching.card === 'one-to-one' ? key : `${key}${labelKey(labels)}`)
    return this.swapped ? { left: one, right: many, labels, taken, result: null } : { left: many, right: one, labels, taken, result: null }
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

interface Pair {
  readonly left: Series
  readonly right: Series
  readonly labels: Labels
  readonly taken: Uint8Array
  /** Made with its first point. */
  result: Series | null
}

/** One to one: the labels matched on, or all but those ignored. With grouping: those of the many side, and the included ones of the one side. */
function resultLabels(many: Labels, one: Labels, { on, labels, card, include }: VectorMatching): Labels {
  if (card === 'one-to-one') return on === null && labels.length === 0 ? many : groupLabels(many, new Set(labels), on !== true)
  return include.reduce((result, name) => withLabel(result, name, labelValue(one, name)), many)
}
