/** What aggregation costs once blocks are decoded: milliseconds for 4 million rows in memory, one thread. Run by `npm run bench`. */
import { parse } from '../../protocols/logql/parser.ts'
import { planQuery } from '../../protocols/logql/plan.ts'
import { evaluate } from '../../protocols/logql/evaluate.ts'
import { compileScan } from '../../protocols/logql/scan-compile.ts'
import type { EntryBlock, Labels, LevelColumn, LineColumn } from '../../protocols/model.ts'

const BLOCKS = 64
const BLOCK_ROWS = 65_536
const RUNS = 8
const START_NS = 1_700_000_000n * 1_000_000_000n
const HOUR_NS = 3_600_000_000_000n
const LINE = 'level=info ts=2026-11-01T00:00:00Z caller=main.go:42 msg="request served" status=200 duration=12ms bytes=1234\n'

const QUERIES: Readonly<Record<string, string>> = {
  count_all_ms: 'sum(count_over_time({app="bench"}[1m]))',
  count_by_pod_ms: 'sum by (pod) (count_over_time({app="bench"}[1m]))',
  count_sliding_ms: 'sum by (pod) (count_over_time({app="bench"}[7m]))',
  bytes_ms: 'sum(bytes_over_time({app="bench"}[1m]))',
  count_by_level_ms: 'sum by (detected_level) (count_over_time({app="bench"}[1m]))',
  count_by_stream_ms: 'count_over_time({app="bench"}[1m])',
}

export async function benchAggregate(): Promise<Record<string, string | number>> {
  const blocks = Array.from({ length: BLOCKS }, (_, i) => benchBlock(i))
  const results: Record<string, string | number> = { rows: BLOCKS * BLOCK_ROWS }
  for (const [name, query] of Object.entries(QUERIES)) {
    const times = Array.from({ length: 5 }, () => timeQuery(query, blocks))
    results[name] = Number(times.sort((a, b) => a - b)[2]!.toFixed(1))
  }
  return results
}

function timeQuery(query: string, blocks: ReadonlyArray<EntryBlock>): number {
  const began = performance.now()
  const plan = planQuery(parse(query), {
    kind: 'range', startNs: START_NS, endNs: START_NS + HOUR_NS, stepNs: 60_000_000_000n, limit: 100, direction: 'backward', intervalNs: 0n, limits: { seriesMax: 500 },
  })
  const partials = plan.scans.map((scan) => {
    const run = compileScan(scan, { nowMs: 0 })
    for (const block of blocks) run.add(block)
    return run.partial()
  })
  const data = evaluate(plan, partials)
  if (data.kind !== 'matrix' || data.series.length === 0) throw new Error(`${query} found nothing`)
  return performance.now() - began
}

/** Blocks follow each other through an hour; every run spans its block. */
function benchBlock(number: number): EntryBlock {
  const blockNs = Number(HOUR_NS) / BLOCKS
  const baseNs = START_NS + BigInt(number * blockNs)
  const runRows = BLOCK_ROWS / RUNS
  const relative = Float64Array.from({ length: BLOCK_ROWS }, (_, i) => Math.floor(((i % runRows) * blockNs) / runRows) + (i % 7))
  const lines: LineColumn = {
    bytes: Buffer.from(LINE),
    starts: new Uint32Array(BLOCK_ROWS),
    lengths: new Uint32Array(BLOCK_ROWS).fill(LINE.length),
  }
  const levels: LevelColumn = { values: ['', 'info', 'warn', 'error'], codes: Uint16Array.from({ length: BLOCK_ROWS }, (_, i) => 1 + ((i * 7) % 3)) }
  const runs = Array.from({ length: RUNS }, (_, i) => ({ labels: RUN_LABELS[i]!, from: i * runRows, to: (i + 1) * runRows }))
  return {
    rowCount: BLOCK_ROWS,
    baseNs,
    minNs: baseNs,
    maxNs: baseNs + BigInt(blockNs) + 6n,
    runs,
    relativeNs: () => relative,
    lengths: () => lines.lengths,
    lines: () => lines,
    metadata: () => null,
    levels: () => levels,
  }
}

const RUN_LABELS: ReadonlyArray<Labels> = Array.from({ length: RUNS }, (_, i) => [['app', 'bench'], ['pod', `pod-${i}`]])
