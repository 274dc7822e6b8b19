/** The lines that a log scan found, of all its parts, each exact duplicate once. For tests that ask the querier itself. */
import type { ScannedParts } from '../../actors/query/partial-sum.ts'
import { decodePartial } from '../../actors/segments/encoded-partial.ts'
import { mergePartials } from '../../protocols/logql/merge.ts'
import type { LogScanPlan } from '../../protocols/logql/scan.ts'

export function scannedLines(plan: LogScanPlan, { partials }: ScannedParts): string[] {
  const merged = mergePartials(plan, partials.map(({ bytes }) => decodePartial(bytes)))
  return merged.kind === 'log' ? merged.entries.map(({ line }) => line) : []
}
