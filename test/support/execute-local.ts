/** A whole query in one process over blocks in memory: parse, plan, scan, merge, evaluate. For tests of the engine; what production does between workers and nodes. */
import { deserialize, serialize } from 'node:v8'
import { evaluate } from '../../protocols/logql/evaluate.ts'
import { mergePartials } from '../../protocols/logql/merge.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery } from '../../protocols/logql/plan.ts'
import type { QueryParameters, QueryPlan } from '../../protocols/logql/plan.ts'
import type { QueryData } from '../../protocols/logql/query-data.ts'
import { compileScan } from '../../protocols/logql/scan-compile.ts'
import type { ScanPartial, ScanPlan } from '../../protocols/logql/scan.ts'
import type { EntryBlock } from '../../protocols/model.ts'

export const NOW_MS = 1_793_500_000_000

export const parametersOf = (over: Partial<QueryParameters>): QueryParameters => ({
  kind: 'range',
  startNs: 0n,
  endNs: 0n,
  stepNs: 1_000_000_000n,
  limit: 100,
  direction: 'backward',
  intervalNs: 0n,
  limits: { seriesMax: 100_000 },
  ...over,
})

/** One shard each; plans go through JSON and partials through V8's format, as between threads and nodes. */
export function executeSharded(text: string, parameters: QueryParameters, shards: ReadonlyArray<ReadonlyArray<EntryBlock>>): QueryData {
  return evaluateSharded(planQuery(parse(text), parameters), shards)
}

export function evaluateSharded(plan: QueryPlan, shards: ReadonlyArray<ReadonlyArray<EntryBlock>>): QueryData {
  const scans: ReadonlyArray<ScanPlan> = plan.scans
  return evaluate(plan, scans.map((scan) => mergePartials(scan, shards.map((blocks) => overWire(scanBlocks(JSON.parse(JSON.stringify(scan)) as ScanPlan, blocks))))))
}

export function scanBlocks(plan: ScanPlan, blocks: ReadonlyArray<EntryBlock>): ScanPartial {
  const scan = compileScan(plan, { nowMs: NOW_MS })
  for (const block of blocks) scan.add(block)
  return scan.partial()
}

const overWire = (partial: ScanPartial): ScanPartial => deserialize(serialize(partial)) as ScanPartial
