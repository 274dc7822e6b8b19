/**
 * What the operators of a log pipeline cost on decoded blocks in memory, one thread: MB of lines a CPU second, by query. Decompression and aggregation are
 * left out. Run by `npm run bench -- pipeline`.
 */
import type { LogExpr, Unwrap } from '../../protocols/logql/ast.ts'
import { compileMatchers } from '../../protocols/logql/matchers.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { compilePipeline } from '../../protocols/logql/pipeline-compile.ts'
import type { LabelMode } from '../../protocols/logql/pipeline.ts'
import type { EntryBlock, Labels } from '../../protocols/model.ts'
import { seeded } from '../support/push-bodies.ts'
import { SYSTEMS } from './data.ts'

const BLOCK_BYTES = 512 * 1024
const BLOCKS_PER_SYSTEM = 24
const ROUNDS = 7

interface Case {
  readonly query: string
  readonly by: ReadonlyArray<string>
  readonly unwrap?: string
}

const CASES: Readonly<Record<string, Case>> = {
  line_filter: { query: '{job="bench"} |= "error"', by: ['system'] },
  line_filter_absent: { query: '{job="bench"} |= "0123456789abcdef"', by: [] },
  line_filter_negative: { query: '{job="bench"} != "error"', by: ['system'] },
  two_line_filters: { query: '{job="bench"} |= "error" |= "0"', by: ['system'] },
  regex_ignoring_case: { query: '{job="bench"} |~ "(?i)fail(ed|ure)"', by: ['system'] },
  regex_with_literal: { query: '{job="bench"} |~ "err.*[0-9]{3}"', by: [] },
  logfmt_one_label: { query: '{system="checkout"} | logfmt', by: ['level'] },
  logfmt_filter: { query: '{system="checkout"} | logfmt | level="error"', by: ['level'] },
  json_one_label: { query: '{system="storefront"} | json', by: ['status'] },
  json_filter: { query: '{system="storefront"} | json | status>=500', by: [] },
  json_unwrap: { query: '{system="storefront"} | json', by: ['method'], unwrap: 'duration_ms' },
}

export async function benchPipeline(): Promise<Record<string, string | number>> {
  const blocks = Object.keys(SYSTEMS).flatMap((system, i) => Array.from({ length: BLOCKS_PER_SYSTEM }, (_, k) => benchBlock(system, i * 1000 + k)))
  const results: Record<string, string | number> = { lines_MB: megabytes(blocks) }
  for (const [name, one] of Object.entries(CASES)) results[`${name}_MB_per_cpu_s`] = measure(one, blocks)
  return results
}

const megabytes = (blocks: ReadonlyArray<EntryBlock>): number => blocks.reduce((sum, block) => sum + block.lines().bytes.length, 0) / 1e6

function measure({ query, by, unwrap }: Case, all: ReadonlyArray<EntryBlock>): number {
  const { matchers, stages } = parse(query) as LogExpr
  const matches = compileMatchers(matchers)
  const blocks = all.filter((block) => matches(block.runs[0]!.labels))
  if (blocks.length === 0) throw new Error(`${query}: no such stream`)
  const labelMode: LabelMode = { kind: 'by', names: by }
  const sample: Unwrap | null = unwrap === undefined ? null : { name: unwrap, conversion: 'none', filters: [] }
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    const pipeline = compilePipeline({ stages, unwrap: sample, labelMode, nowMs: 0 })
    const counts: number[] = []
    const sink = {
      row(row: { labelsId(): number }): boolean {
        const id = row.labelsId()
        counts[id] = (counts[id] ?? 0) + 1
        return true
      },
    }
    for (const block of blocks) for (const run of block.runs) pipeline.run(block, run, run.from, run.to, false, sink)
    return process.cpuUsage(before).user / 1e6
  })
  return Math.round(megabytes(blocks) / Math.min(...times))
}

function benchBlock(system: string, seed: number): EntryBlock {
  const random = seeded(seed)
  const make = SYSTEMS[system]!
  const lines: Buffer[] = []
  for (let bytes = 0; bytes < BLOCK_BYTES; bytes += lines.at(-1)!.length) lines.push(Buffer.from(make(random, lines.length)))
  const lengths = Uint32Array.from(lines, (line) => line.length)
  const starts = new Uint32Array(lines.length)
  for (let i = 1; i < lines.length; i++) starts[i] = starts[i - 1]! + lengths[i - 1]!
  const column = { bytes: Buffer.concat(lines), starts, lengths }
  const times = Float64Array.from(lines, (_line, i) => i * 1000)
  const labels: Labels = [['job', 'bench'], ['system', system]]
  return {
    rowCount: lines.length, baseNs: 0n, minNs: 0n, maxNs: BigInt(lines.length * 1000), runs: [{ labels, from: 0, to: lines.length }],
    relativeNs: () => times, lengths: () => lengths, lines: () => column, metadata: () => null, levels: () => null,
  }
}
