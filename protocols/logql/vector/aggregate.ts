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
      const chosen = members.map((member, i) => ({ i, value: member.values[k]!, present: member.present[k] === 1 })).filter((sample) => sample.present)
      chosen.sort((a, b) => (choice.better(a.value, b.value) ? -1 : choice.better(b.value, a.value) ? 1 : a.i - b.i))
      for (const { i, value } of chosen.slice(0, most)) setPoint(results[i]!, k, value)
    }
    return results.filter(hasPoints)
  })
}
