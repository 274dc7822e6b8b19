/** One segment scanned: which of its blocks are to be read, then the reading. What the tasks of scan threads are made of (`segment-tasks.ts`). */
import type { TaskSignal } from '../../runtime/worker-host.ts'
import { interruptible } from '../../protocols/logql/regex.ts'
import type { Scan, ScanNeeds, ScanPlan } from '../../protocols/logql/scan.ts'
import type { Labels, TenantId } from '../../protocols/model.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { BlockFacts } from '../../storage/segment-footer.ts'
import { limitBound } from '../../storage/segment-limit.ts'
import { columnsFor, type SegmentReader, type Selection } from '../../storage/segment-read.ts'
import { blocksByTime, isBeyond, type SkipStats, storedBytesOf } from '../../storage/segment-select.ts'
import type { SegmentReads } from './segment-reads.ts'
import type { ReadStatistics } from './segment-work.ts'

export interface SegmentQuestion {
  readonly tenant: string
  readonly plan: ScanPlan
  readonly needs: ScanNeeds
  readonly accept: (labels: Labels) => boolean
}

export interface ChosenBlocks {
  readonly reader: SegmentReader
  /** null: the tenant has nothing in the segment. */
  readonly selection: Selection | null
}

export function chooseBlocks(reads: SegmentReads, segment: SegmentEntry, question: SegmentQuestion, statistics: ReadStatistics): Promise<ChosenBlocks> {
  return reads.with(segment, statistics, async (reader) => ({ reader, selection: await blocksToRead(reader, question) }))
}

/** For the newest (oldest) entries whatever they say, times alone tell how far back (forward) to go. */
async function blocksToRead(reader: SegmentReader, { tenant, plan, needs, accept }: SegmentQuestion): Promise<Selection | null> {
  const selection = await reader.select(tenant as TenantId, accept, needs)
  if (selection === null || plan.kind !== 'log' || plan.stages.length > 0) return selection
  const { limit, direction } = plan
  const boundNs = await limitBound(reader, selection, accept, { limit, direction, minNs: needs.minNs, maxNs: needs.maxNs })
  if (boundNs === null) return selection
  return reader.select(tenant as TenantId, accept, direction === 'backward' ? { ...needs, minNs: boundNs } : { ...needs, maxNs: boundNs })
}

export const chosenBytes = ({ selection }: ChosenBlocks): number => selection?.blocks.reduce((sum, block) => sum + storedBytesOf(block), 0) ?? 0

/** Feeds the chosen blocks to `scan`; null: there are none. */
export async function scanChosen({ reader, selection }: ChosenBlocks, plan: ScanPlan, scan: Scan | null, statistics: ReadStatistics, signal: TaskSignal): Promise<void> {
  statistics.segments++
  if (selection === null) return
  addSkips(statistics, selection.stats)
  if (scan === null) return
  const direction = plan.kind === 'log' ? plan.direction : 'forward'
  const ordered = { section: selection.section, blocks: blocksByTime(selection.blocks, direction) }
  const wanted = (block: BlockFacts): boolean => plan.kind === 'metric' || !isBeyond(block, scan.bound(), direction)
  for await (const block of reader.load(ordered, columnsFor(scan.needs), wanted)) {
    await signal.turn()
    interruptible(() => signal.check(), () => scan.add(block))
  }
}

export function addSkips(statistics: ReadStatistics, skips: SkipStats): void {
  for (const key of Object.keys(skips) as Array<keyof SkipStats>) statistics[key] += skips[key]
}
