/**
 * Stages of a query -> one `Pipeline` over blocks. Line filters that stand before anything that changes the line work on whole runs first; what is left goes
 * row by row through the other stages. Used by the scans; reads no clock, keeps no block longer than a call.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { EntryBlock, Labels, LineColumn, StreamRun } from '../model.ts'
import type { Stage } from './ast.ts'
import { type Hints, hintsOf } from './hints.ts'
import { type LabelIds, LabelRegistry, labelIdsFor } from './label-ids.ts'
import { DETECTED_LEVEL, DUPLICATE_SUFFIX, LineState } from './line-state.ts'
import type { LabelMode, Pipeline, PipelineOptions, ResolvedLabels, Row, RowSink, SelectedRows } from './pipeline.ts'
import { NameTable } from './name-table.ts'
import { RowSelection } from './row-selection.ts'
import { formatStage } from './print.ts'
import { checkInterruption } from './regex.ts'
import { compileDecolorize } from './stages/decolorize.ts'
import { compileDrop, compileKeep } from './stages/drop-keep.ts'
import { compileJson } from './stages/json.ts'
import { compileJsonExpressions } from './stages/json-expression.ts'
import { compileLabelFilter } from './stages/label-filter.ts'
import { compileLabelFormat } from './stages/label-format.ts'
import { type CompiledLineFilter, compileLineFilter } from './stages/line-filter.ts'
import { compileLineFormat } from './stages/line-format.ts'
import { compileLogfmt, compileLogfmtList } from './stages/logfmt.ts'
import { compilePattern } from './stages/pattern.ts'
import { compileRegexp } from './stages/regexp.ts'
import { type RowStage, StageError } from './stages/stage.ts'
import { compileUnpack } from './stages/unpack.ts'
import { compileUnwrap } from './stages/unwrap.ts'

/** Rows that line filters look at in one go: enough to amortise, few enough to stop early. */
const CHUNK_ROWS = 8192
/** Rows between two looks at whether anybody still waits: a row may have to pass thousands of stages. */
const ROWS_UNCHECKED = 64
/** Stages that look at labels alone. */
const LABELS_ONLY: ReadonlySet<Stage['kind']> = new Set(['labelFilter', 'labelFormat', 'drop', 'keep'])
const NO_BYTES = Buffer.alloc(0)
const CHANGES_LINE: ReadonlySet<Stage['kind']> = new Set(['lineFormat', 'unpack', 'decolorize'])

/** Throws SkaldError `query_parse` for what cannot be compiled (templates, patterns, addresses). */
export function compilePipeline(options: PipelineOptions): Pipeline {
  return new CompiledPipeline(options)
}

class PipelineRow extends LineState implements Row {
  readonly #ids: LabelIds

  constructor(required: ReadonlySet<string>, ids: LabelIds) {
    super(required)
    this.#ids = ids
  }

  labelsId(): number {
    return this.#ids.idOf(this)
  }
}

class CompiledPipeline implements Pipeline {
  readonly needsLines: boolean
  readonly needsMetadata: boolean
  readonly needsLevels: boolean
  readonly stats = { linesProcessed: 0, bytesProcessed: 0, metadataBytesProcessed: 0, linesPassed: 0 }
  readonly jsonNames: NameTable | null
  readonly #filters: ReadonlyArray<CompiledLineFilter>
  readonly #stages: ReadonlyArray<RowStage>
  readonly #registry = new LabelRegistry()
  readonly #ids: LabelIds
  readonly #row: PipelineRow
  readonly #selection = new RowSelection()
  /** Bytes of each structured metadata set of the block counted last. */
  #setBytes = new Float64Array(0)
  #sizedBlock: EntryBlock | null = null

  constructor({ stages, unwrap, labelMode, nowMs }: PipelineOptions) {
    const hints = hintsOf(stages, unwrap, labelMode)
    const { filters, rest } = splitLineFilters(stages)
    const [first] = stages
    this.jsonNames = first?.kind === 'json' && first.extractions.length === 0 ? new NameTable(hints.required) : null
    this.#filters = filters.map((filter) => compiled(filter, () => compileLineFilter(filter)))
    const stagesOf = (all: ReadonlyArray<Stage>): RowStage[] => all.map((stage) => compiled(stage, () => (stage === first && this.jsonNames !== null ? compileJson(hints, this.jsonNames) : compileStage(stage, hints, nowMs))))
    const sampling = unwrap === null ? [] : [compileUnwrap(unwrap, stagesOf(unwrap.filters.map((filter) => ({ kind: 'labelFilter', filter }))))]
    this.#stages = [...stagesOf(rest), ...sampling]
    this.#ids = labelIdsFor(labelMode, unwrap?.name ?? null, this.#registry)
    this.#row = new PipelineRow(hints.required ?? new Set(), this.#ids)
    const named = namedLabels(labelMode, hints, rest)
    this.needsLines = stages.some(({ kind }) => !LABELS_ONLY.has(kind))
    this.needsMetadata = named === null || named.size > 0
    this.needsLevels = named === null || named.has(DETECTED_LEVEL) || named.has(DETECTED_LEVEL + DUPLICATE_SUFFIX)
  }

  labelsOf(id: number): ResolvedLabels {
    return this.#registry.labelsOf(id)
  }

  labelsIdOf(block: EntryBlock, run: StreamRun, row: number): number {
    this.#enter(block, run)
    this.#row.enterRow(row, 0, NO_BYTES, 0, 0)
    return this.#row.labelsId()
  }

  run(block: EntryBlock, run: StreamRun, from: number, to: number, reverse: boolean, sink: RowSink): void {
    if (from >= to) return
    this.#enter(block, run)
    const chunks = Math.ceil((to - from) / CHUNK_ROWS)
    for (let i = 0; i < chunks; i++) {
      const start = from + (reverse ? chunks - 1 - i : i) * CHUNK_ROWS
      if (!this.#chunk(block, start, Math.min(to, start + CHUNK_ROWS), reverse, sink)) return
    }
  }

  select(block: EntryBlock, from: number, to: number): SelectedRows {
    this.#narrow(block, from, to)
    this.#count(block, from, to)
    this.stats.linesPassed += this.#selection.count
    return this.#selection
  }

  #enter(block: EntryBlock, run: StreamRun): void {
    this.#row.enterBlock(block, this.needsMetadata ? block.metadata() : null, this.needsLevels ? block.levels() : null)
    this.#row.enterRun(run.labels)
    this.#ids.enterRun()
  }

  #chunk(block: EntryBlock, from: number, to: number, reverse: boolean, sink: RowSink): boolean {
    const lines = this.#narrow(block, from, to)
    this.#count(block, from, to)
    const times = block.relativeNs()
    const lengths = block.lengths()
    const row = this.#row
    const { count, all, rows } = this.#selection
    for (let i = 0; i < count; i++) {
      if (i % ROWS_UNCHECKED === 0) checkInterruption()
      const at = reverse ? count - 1 - i : i
      const index = all ? from + at : rows[at]!
      const start = lines === null ? 0 : lines.starts[index]!
      row.enterRow(index, times[index]!, lines === null ? null : lines.bytes, start, start + lengths[index]!)
      if (!this.#passes(row)) continue
      this.stats.linesPassed++
      if (!sink.row(row)) return false
    }
    return true
  }

  /** Leaves what the line filters pass in the selection; returns the lines where something looks at them. */
  #narrow(block: EntryBlock, from: number, to: number): LineColumn | null {
    this.#selection.reset(from, to)
    const lines = this.needsLines ? block.lines() : null
    if (lines === null) return null
    for (const filter of this.#filters) {
      checkInterruption()
      filter.narrow(this.#selection, lines)
    }
    return lines
  }

  #passes(row: PipelineRow): boolean {
    for (const stage of this.#stages) if (!stage(row)) return false
    return true
  }

  #count(block: EntryBlock, from: number, to: number): void {
    const lengths = block.lengths()
    let bytes = 0
    for (let i = from; i < to; i++) bytes += lengths[i]!
    this.stats.linesProcessed += to - from
    this.stats.bytesProcessed += bytes
    const metadata = this.needsMetadata ? block.metadata() : null
    if (metadata === null) return
    if (this.#sizedBlock !== block) this.#setBytes = Float64Array.from(metadata.sets, bytesOf)
    this.#sizedBlock = block
    for (let i = from; i < to; i++) this.stats.metadataBytesProcessed += this.#setBytes[metadata.codes[i]!]!
  }
}

/** In characters, which is near enough for a statistic. */
const bytesOf = (labels: Labels): number => labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0)

/** Line filters before the first stage that changes the line may run before everything else: they only take rows away. */
function splitLineFilters(stages: ReadonlyArray<Stage>): { filters: ReadonlyArray<Stage & { kind: 'lineFilter' }>; rest: ReadonlyArray<Stage> } {
  const firstChange = stages.findIndex(({ kind }) => CHANGES_LINE.has(kind))
  const early = firstChange === -1 ? stages : stages.slice(0, firstChange)
  // Once is enough of each.
  const filters = [...new Map(early.filter((stage) => stage.kind === 'lineFilter').map((stage) => [JSON.stringify(stage), stage])).values()]
  return { filters, rest: [...early.filter(({ kind }) => kind !== 'lineFilter'), ...stages.slice(early.length)] }
}

/** Labels that somebody may read, null: any. */
function namedLabels(mode: LabelMode, hints: Hints, rest: ReadonlyArray<Stage>): ReadonlySet<string> | null {
  return mode.kind === 'by' && !rest.some(({ kind }) => kind === 'drop' || kind === 'keep') ? hints.required : null
}

function compileStage(stage: Stage, hints: Hints, nowMs: number): RowStage {
  switch (stage.kind) {
    case 'lineFilter': return compileLineFilter(stage).stage
    case 'json': return stage.extractions.length === 0 ? compileJson(hints) : compileJsonExpressions(stage.extractions, hints)
    case 'logfmt': return stage.extractions.length === 0 ? compileLogfmt(stage, hints) : compileLogfmtList(stage.extractions, stage, hints)
    case 'regexp': return compileRegexp(stage.pattern, hints)
    case 'pattern': return compilePattern(stage.pattern, hints)
    case 'unpack': return compileUnpack(hints)
    case 'labelFilter': return compileLabelFilter(stage.filter)
    case 'lineFormat': return compileLineFormat(stage.template, nowMs)
    case 'labelFormat': return compileLabelFormat(stage.formats, nowMs)
    case 'decolorize': return compileDecolorize()
    case 'drop': return compileDrop(stage.names)
    case 'keep': return compileKeep(stage.names)
  }
}

/** An operator that cannot be made is the query's fault, told with the operator's text. */
function compiled<T>(stage: Stage, compile: () => T): T {
  try {
    return compile()
  } catch (error) {
    if (error instanceof StageError) throw new SkaldError('query_parse', `parse error : stage '${formatStage(stage)}' : ${error.message}`)
    throw error
  }
}
