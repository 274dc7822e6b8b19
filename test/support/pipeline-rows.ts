/** Runs the operators of a query over a few lines and shows what comes out, row by row. */
import type { LogExpr, Unwrap } from '../../protocols/logql/ast.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { compilePipeline } from '../../protocols/logql/pipeline-compile.ts'
import type { LabelMode } from '../../protocols/logql/pipeline.ts'
import { blockOf, type TestEntry } from './blocks.ts'

export interface ShownRow {
  readonly line: string
  /** Merged, without the stream's `app`. */
  readonly labels: Readonly<Record<string, string>>
  readonly sample: number
}

export interface RowsOptions {
  readonly stream?: Readonly<Record<string, string>>
  readonly mode?: LabelMode
  readonly unwrap?: Unwrap
  readonly reverse?: boolean
}

const BASE_NS = 1_793_491_200_000_000_000n

/** `stages` is what follows the selector: `| json | status=200`. */
export function rowsOf(stages: string, lines: ReadonlyArray<string | Omit<TestEntry, 'ns'>>, options: RowsOptions = {}): ShownRow[] {
  const { stages: compiled } = parse(`{app="x"} ${stages}`) as LogExpr
  const entries = lines.map((one, i) => ({ ns: BASE_NS + BigInt(i) * 1_000_000_000n, ...(typeof one === 'string' ? { line: one } : one) }))
  const block = blockOf([{ labels: options.stream ?? { app: 'x' }, entries }], { levels: entries.some(({ level }) => level !== undefined) })
  const pipeline = compilePipeline({ stages: compiled, unwrap: options.unwrap ?? null, labelMode: options.mode ?? { kind: 'all' }, nowMs: 1_793_500_000_000 })
  const shown: ShownRow[] = []
  for (const run of block.runs) {
    pipeline.run(block, run, run.from, run.to, options.reverse ?? false, {
      row(row) {
        const labels = Object.fromEntries(pipeline.labelsOf(row.labelsId()).merged)
        delete labels['app']
        shown.push({ line: row.lineText(), labels, sample: row.sample })
        return true
      },
    })
  }
  return shown
}

/** Labels of each row. */
export const labelsAfter = (stages: string, lines: ReadonlyArray<string | Omit<TestEntry, 'ns'>>, options?: RowsOptions): Array<Readonly<Record<string, string>>> =>
  rowsOf(stages, lines, options).map(({ labels }) => labels)

export const linesAfter = (stages: string, lines: ReadonlyArray<string | Omit<TestEntry, 'ns'>>, options?: RowsOptions): string[] =>
  rowsOf(stages, lines, options).map(({ line }) => line)

/** xorshift: the same numbers each run. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
