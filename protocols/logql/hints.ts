/**
 * Which labels the parsers must extract. When a metric keeps only some labels, whatever nobody names need not be parsed, and a parser stops at the last
 * one that is needed. This can be seen from outside: a line that is malformed after that point is not an error, and `sum(count_over_time({…} | json [1m]))`
 * does not parse at all (as in Loki).
 */
import type { LabelFilter, Stage, Unwrap } from './ast.ts'
import type { LabelMode } from './pipeline.ts'
import { DUPLICATE_SUFFIX } from './line-state.ts'
import { fieldsOf } from './template/fields.ts'

export interface Hints {
  /** null: extract every label. */
  readonly required: ReadonlySet<string> | null
  /** Parsers may be left out altogether. */
  readonly noLabels: boolean
}

export function hintsOf(stages: ReadonlyArray<Stage>, unwrap: Unwrap | null, mode: LabelMode): Hints {
  if (mode.kind !== 'by') return { required: null, noLabels: false }
  const names = new Set(mode.names)
  for (const stage of stages) if (!addStage(stage, names)) return { required: null, noLabels: false }
  if (unwrap !== null) {
    names.add(unwrap.name)
    for (const filter of unwrap.filters) addFilter(filter, names)
  }
  for (const name of names) if (name.endsWith(DUPLICATE_SUFFIX)) names.add(name.slice(0, -DUPLICATE_SUFFIX.length))
  return { required: names, noLabels: names.size === 0 }
}

/** False: the stage may read any label. */
function addStage(stage: Stage, names: Set<string>): boolean {
  switch (stage.kind) {
    case 'labelFilter':
      addFilter(stage.filter, names)
      return true
    case 'lineFormat':
      return addTemplate(stage.template, names)
    case 'labelFormat':
      return stage.formats.every((format) => {
        if (format.kind === 'template') return addTemplate(format.template, names)
        names.add(format.from)
        return true
      })
    default:
      return true
  }
}

function addTemplate(template: string, names: Set<string>): boolean {
  const fields = fieldsOf(template)
  for (const field of fields ?? []) names.add(field)
  return fields !== null
}

function addFilter(filter: LabelFilter, names: Set<string>): void {
  for (const leaf of leavesOf(filter)) {
    if (leaf.kind === 'string') names.add(leaf.matcher.name)
    else if ('name' in leaf) names.add(leaf.name)
  }
}

/** The comparisons of a filter. Not recursive: a query can chain thousands. */
function leavesOf(filter: LabelFilter): LabelFilter[] {
  const leaves: LabelFilter[] = []
  const pending = [filter]
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    if (one.kind === 'and' || one.kind === 'or') pending.push(one.right, one.left)
    else leaves.push(one)
  }
  return leaves
}
