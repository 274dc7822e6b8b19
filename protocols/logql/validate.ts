/**
 * What must hold of a whole query once it parses: sound nodes, and a selector that names some stream. Used by `parser.ts`.
 * Root before leaves, left before right: the first fault found is the one Loki reports.
 */
import type { Expr, LogExpr, Matcher } from './ast.ts'
import { faultOf } from './build.ts'
import { parseError } from './lexer.ts'
import { acceptsEmpty } from './regex.ts'

const SELECTOR_TOO_WIDE = 'queries require at least one regexp or equality matcher that does not have an empty-compatible value. '
  + 'For instance, app=~".*" does not meet this requirement, but app=~".+" will'

/** Throws SkaldError `query_parse` unless the query is sound. */
export function validate(expr: Expr, wide = false): void {
  const fault = faultOf(expr)
  if (fault !== undefined) throw parseError(fault)
  switch (expr.kind) {
    case 'log': return wide ? undefined : validateSelector(expr)
    case 'range': return wide ? undefined : validateSelector(expr.range.log)
    case 'labelReplace': return validate(expr.inner, wide)
    case 'literal': case 'constant': return
    case 'binary':
      validate(expr.left, wide)
      return validate(expr.right, wide)
    case 'vector':
      if ((expr.op === 'sort' || expr.op === 'sort_desc') && (expr.grouping?.names.length ?? 0) > 0) throw parseError("sort and sort_desc doesn't allow grouping by ")
      return validate(expr.inner, wide)
  }
}

/** Whether it may select every stream. */
export const isWide = ({ matchers }: LogExpr): boolean => matchers.every(matchesEmpty)

function validateSelector(log: LogExpr): void {
  if (isWide(log)) throw parseError(SELECTOR_TOO_WIDE)
}

/** Whether a stream without the label would pass. */
function matchesEmpty({ op, value }: Matcher): boolean {
  switch (op) {
    case '=': return value === ''
    case '!=': return value !== ''
    case '=~': return acceptsEmpty(value)
    case '!~': return !acceptsEmpty(value)
  }
}
