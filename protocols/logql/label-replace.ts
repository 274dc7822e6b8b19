/**
 * `label_replace(vector, "dst", "replacement", "src", "regex")`: where the whole value of `src` matches, `dst` becomes the replacement with `$1`, `${name}` and
 * `$$` expanded as Go's `regexp.Expand` does; an empty result takes the label away. Used by the evaluator.
 */
import type { LabelReplaceExpr } from './ast.ts'
import { labelValue, withLabel } from './label-set.ts'
import type { Series } from './query-data.ts'
import { compileRegex } from './regex.ts'
import type { LinearRegex, RegexMatch } from './regex.ts'

export function labelReplace(expr: Omit<LabelReplaceExpr, 'inner'>, series: ReadonlyArray<Series>): Series[] {
  const regex = compileRegex(`^(?:${expr.pattern})$`)
  return series.map((one) => {
    const match = regex.exec(labelValue(one.labels, expr.source))
    return match === null ? one : { ...one, labels: withLabel(one.labels, expr.target, expand(expr.replacement, regex, match)) }
  })
}

const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g

function expand(template: string, regex: LinearRegex, match: RegexMatch): string {
  return template.replace(REFERENCE, (_whole, braced: string | undefined, plain: string | undefined) => {
    const name = braced ?? plain
    if (name === undefined) return '$'
    const group = /^\d+$/.test(name) ? Number(name) : regex.groupNames.indexOf(name) + 1
    if (group === 0 && !/^0+$/.test(name)) return ''
    return match.groups[group] ?? ''
  })
}
