/** Whether a scan wants a run of rows: the selector's matchers, asked once for each label set object. Used by both scans. */
import type { Labels } from '../model.ts'

export type MatchesLabels = (labels: Labels) => boolean

/** Remembers answers by identity: blocks share the label sets of their streams. */
export function rememberMatches(matches: MatchesLabels): MatchesLabels {
  const known = new WeakMap<Labels, boolean>()
  return (labels) => {
    const before = known.get(labels)
    if (before !== undefined) return before
    const now = matches(labels)
    known.set(labels, now)
    return now
  }
}
