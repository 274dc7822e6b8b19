/** Applies a vector operator to series, group by group and point by point. Used by the evaluator. */
import type { Labels } from '../../model.ts'
import type { Grouping } from '../ast.ts'
import { groupLabels, labelKey } from '../label-set.ts'
import type { Series } from '../query-data.ts'
import type { SeriesBuilder } from '../series-builder.ts'
import { hasPoints, setPoint } from '../series-builder.ts'
import type { VectorChoice, VectorFold } from './vector-operator.ts'

interface Group {
  readonly labels: Labels
  readonly members: Series[]
}

/** No grouping: one group without labels. */
function groupsOf(series: ReadonlyArray<Series>, grouping: Grouping | null): Group[] {
  const names = new Set(grouping?.names ?? [])
  const groups = new Map<string, Group>()
  for (const member of series) {
    const labels = groupLabels(member.labels, names, grouping?.without ?? false)
    const key = labelKey(labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, members: [member] })
    else group.members.push(member)
  }
  return [...groups.values()]
}

export function foldGroups(fold: VectorFold, series: ReadonlyArray<Series>, grouping: Grouping | null, builder: SeriesBuilder): Series[] {
  return groupsOf(series, grouping).map(({ labels, members }) => {
    const { width } = fold
    const cells = new Float64Array(builder.pointCount * width)
    for (const { values, present } of members) {
      for (let k = 0; k < values.length; k++) if (present[k] === 1) fold.add(cells, k * width, values[k]!)
    }
    const result = builder.empty(labels)
    for (let k = 0; k < builder.pointCount; k++) if (cells[k * width] !== 0) setPoint(result, k, fold.result(cells, k * width))
    return result
  })
}

/** Of equals the earlier series is kept. */
export function chooseInGroups(choice: VectorChoice, most: number, series: ReadonlyArray<Series>, grouping: Grouping | null, builder: SeriesBuilder): Series[] {
  return groupsOf(series, grouping).flatMap(({ members }) => {
    const results = members.map((member) => builder.empty(member.labels))
    for (let k = 0; k < builder.pointCount; k++) {
      for (const i of chosenAt(choice, most, members, k)) setPoint(results[i]!, k, members[i]!.values[k]!)
    }
    return results.filter(hasPoints)
  })
}

/** Beyond this many, sorting all is cheaper than keeping the best in order. */
const INSERTION_MAX = 32

function chosenAt(choice: VectorChoice, most: number, members: ReadonlyArray<Series>, k: number): number[] {
  const valueOf = (i: number): number => members[i]!.values[k]!
  const best: number[] = []
  for (let i = 0; i < members.length; i++) {
    if (members[i]!.present[k] === 0) continue
    if (most > INSERTION_MAX || best.length === 0) best.push(i)
    else if (best.length < most || choice.better(valueOf(i), valueOf(best.at(-1)!))) insert(best, i, (other) => choice.better(valueOf(i), valueOf(other)))
    if (most <= INSERTION_MAX && best.length > most) best.pop()
  }
  if (best.length <= most) return best
  return best.sort((a, b) => (choice.better(valueOf(a), valueOf(b)) ? -1 : choice.better(valueOf(b), valueOf(a)) ? 1 : a - b)).slice(0, most)
}

function insert(best: number[], i: number, isBetterThan: (other: number) => boolean): void {
  let at = best.length
  while (at > 0 && isBetterThan(best[at - 1]!)) at--
  best.splice(at, 0, i)
}
