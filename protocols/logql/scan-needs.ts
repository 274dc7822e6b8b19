/**
 * What a scan has to see: derived from its plan alone, so that whoever holds the data (segments, heads) can leave out what cannot matter. Says less
 * than is true where it is not sure, never more.
 */
import type { LabelFilter, Stage } from './ast.ts'
import { labelModeOf } from './label-mode.ts'
import { requiredLiterals } from './required-literals.ts'
import type { ScanNeeds, ScanPlan } from './scan.ts'
import { stepGrid } from './step-grid.ts'

/** Stages that work on labels only. */
const LABEL_STAGES: ReadonlySet<Stage['kind']> = new Set(['labelFilter', 'drop', 'keep'])
/** Stages before which a label can only come from the stream or the structured metadata. */
const PASSES_LABELS: ReadonlySet<Stage['kind']> = new Set(['lineFilter', 'labelFilter', 'lineFormat', 'decolorize'])

export function scanNeeds(plan: ScanPlan): ScanNeeds {
  const mode = labelModeOf(plan)
  const unlabelled = plan.stages.length === 0 && mode.kind === 'by' && mode.names.length === 0 && (plan.kind !== 'metric' || plan.unwrap === null)
  return {
    literals: requiredLiterals(plan.stages),
    ...scanTimes(plan),
    lines: plan.kind !== 'metric' || plan.stages.some((stage) => !LABEL_STAGES.has(stage.kind)),
    metadata: !unlabelled,
    levels: !unlabelled,
    metadataEquals: metadataEquals(plan.stages),
  }
}

/** A metric scan may come across a row that fails it, and then names all the row's labels: those columns must be at hand, if not read. */
export function mayFail(plan: ScanPlan): boolean {
  if (plan.kind !== 'metric') return false
  if (plan.unwrap !== null) return !plan.unwrap.filters.some(dropsErrors)
  const last = plan.stages.findLastIndex((stage) => stage.kind === 'labelFilter' && dropsErrors(stage.filter))
  return plan.stages.slice(last + 1).some(canFail)
}

function canFail(stage: Stage): boolean {
  switch (stage.kind) {
    case 'json': case 'unpack': case 'lineFormat': case 'labelFormat': return true
    case 'logfmt': return stage.strict
    case 'labelFilter': return !onlyStrings(stage.filter)
    default: return false
  }
}

const onlyStrings = (filter: LabelFilter): boolean => (filter.kind === 'and' || filter.kind === 'or' ? onlyStrings(filter.left) && onlyStrings(filter.right) : filter.kind === 'string')

/** `__error__=""`, by itself or beside others. */
function dropsErrors(filter: LabelFilter): boolean {
  if (filter.kind === 'and') return dropsErrors(filter.left) || dropsErrors(filter.right)
  return filter.kind === 'string' && filter.matcher.name === '__error__' && filter.matcher.op === '=' && filter.matcher.value === ''
}

/** Whether the filters of blocks may have something to say about the plan's lines. Costs nothing, whatever the plan's expressions are. */
export function asksFilters({ stages }: ScanPlan): boolean {
  return stages.some((stage) => stage.kind === 'lineFilter' && !stage.op.startsWith('!')) || metadataEquals(stages).length > 0
}

/** A plan that is compiled without fail: of others that is only known when it has been done. */
export function isSurelyValid({ stages }: ScanPlan): boolean {
  return stages.every((stage) => stage.kind === 'lineFilter' && (stage.op === '|=' || stage.op === '!=') && stage.terms.every(({ ip }) => !ip))
}

/** The time bounds alone: costs nothing, whatever the plan's expressions are. */
export function scanTimes(plan: ScanPlan): Pick<ScanNeeds, 'minNs' | 'maxNs'> {
  if (plan.kind !== 'metric') return { minNs: BigInt(plan.startNs), maxNs: BigInt(plan.endNs) - 1n }
  const grid = stepGrid(BigInt(plan.startNs), BigInt(plan.endNs), BigInt(plan.stepNs))
  const lastNs = grid.startNs + BigInt(grid.count - 1) * grid.stepNs - BigInt(plan.offsetNs)
  return { minNs: grid.startNs - BigInt(plan.offsetNs) - BigInt(plan.rangeNs) + 1n, maxNs: lastNs }
}

/** A stream label of the same name and value satisfies it too: whoever prunes by it must look at both. `detected_level` is no stored metadata. */
function metadataEquals(stages: ReadonlyArray<Stage>): Array<readonly [string, string]> {
  const found: Array<readonly [string, string]> = []
  for (const stage of stages) {
    if (!PASSES_LABELS.has(stage.kind)) break
    if (stage.kind === 'labelFilter') collect(stage.filter, found)
  }
  return found
}

function collect(filter: LabelFilter, found: Array<readonly [string, string]>): void {
  if (filter.kind === 'and') {
    collect(filter.left, found)
    collect(filter.right, found)
  } else if (filter.kind === 'string') {
    const { name, op, value } = filter.matcher
    if (op === '=' && value !== '' && name !== 'detected_level' && !name.startsWith('__error') && !name.endsWith('_extracted')) found.push([name, value])
  }
}
