/**
 * `| regexp "(?P<method>\\w+) (?P<path>\\S+)"`
 *
 * Named groups of the leftmost match become labels. A line that does not match is left as it is.
 */
import type { Hints } from '../hints.ts'
import { DUPLICATE_SUFFIX, PARSED } from '../line-state.ts'
import { compileRegex, regexParserError } from '../regex.ts'
import { type RowStage, StageError } from './stage.ts'

export function compileRegexp(pattern: string, hints: Hints): RowStage {
  const fault = regexParserError(pattern)
  if (fault !== null) throw new StageError(fault)
  const regex = compileRegex(pattern)
  const groups = regex.groupNames.flatMap((name, i) => (name === '' ? [] : [{ name, duplicate: name + DUPLICATE_SUFFIX, index: i + 1 }]))
  return (state) => {
    if (hints.noLabels || state.hasAllRequired()) return true
    const match = regex.exec(state.lineText())
    if (match === null) return true
    for (const { name, duplicate, index } of groups) {
      const shown = state.hasBase(name) ? duplicate : name
      if (hints.required === null || hints.required.has(shown)) state.set(shown, match.groups[index] ?? '', PARSED)
    }
    return true
  }
}
