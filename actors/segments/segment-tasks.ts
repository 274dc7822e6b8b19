/**
 * The tasks behind `SegmentWork`: what a worker thread (or the simulator, inline) does with segments and heads. One instance a thread, with its own
 * object store and caches (`segment-reads.ts`). A segment that cannot be read becomes a warning (Q3); everything else that fails rejects.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { TaskSignal } from '../../runtime/worker-host.ts'
import type { Matcher } from '../../protocols/logql/ast.ts'
import { compileMatchers } from '../../protocols/logql/matchers.ts'
import { interruptible } from '../../protocols/logql/regex.ts'
import { scanNeeds } from '../../protocols/logql/scan-needs.ts'
import { compileScan } from '../../protocols/logql/scan-compile.ts'
import type { Scan, ScanPlan } from '../../protocols/logql/scan.ts'
import type { Labels, TenantId } from '../../protocols/model.ts'
import { makeLevelsOf } from '../../protocols/push/level.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import { encodeSegment, type EncodedSegment } from '../../storage/segment-encode.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { unpackStreams } from '../../storage/packed-streams.ts'
import { headBlocks, type HeadRun } from '../../storage/slab-head.ts'
import { headSeries } from '../partition/head-series.ts'
import { mapAtMost } from '../query/map-at-most.ts'
import { type EncodedPartial, emptyPartial, encodePartial } from './encoded-partial.ts'
import { type EncodedSeries, SeriesAnswerBuilder } from './encoded-series.ts'
import { IdReads } from './id-reads.ts'
import { emptyStatistics } from './read-statistics.ts'
import { isDamage, type SegmentReads } from './segment-reads.ts'
import { addSkips, chooseBlocks, chosenBytes, scanChosen } from './segment-scan.ts'
import type { EncodeTask, HeadContent, LevelPolicy, ScanAnswer, SelectAnswer, SeriesAnswer, SeriesQuestion, SmallScan } from './segment-work.ts'
import { isSmallSelection } from './small-tasks.ts'

export type ScanWorkerTask =
  | { readonly kind: 'scanSegments'; readonly tenant: string; readonly plan: ScanPlan; readonly segments: ReadonlyArray<SegmentEntry>; readonly nowMs: number }
  | { readonly kind: 'scanSmall'; readonly tenant: string; readonly plan: ScanPlan; readonly segments: ReadonlyArray<SegmentEntry>; readonly nowMs: number }
  | { readonly kind: 'select'; readonly tenant: string; readonly plan: ScanPlan; readonly segments: ReadonlyArray<SegmentEntry> }
  | { readonly kind: 'scanHead'; readonly content: HeadContent; readonly plan: ScanPlan; readonly nowMs: number }
  | { readonly kind: 'headSeries'; readonly content: HeadContent; readonly question: SeriesQuestion }
  | { readonly kind: 'series'; readonly tenant: string; readonly question: SeriesQuestion; readonly segments: ReadonlyArray<SegmentEntry> }
  | { readonly kind: 'pastIds' | 'gatherIds'; readonly partition: number; readonly segments: ReadonlyArray<SegmentEntry> }

export interface EncodeWorkerTask {
  readonly kind: 'encode'
  readonly task: EncodeTask
}

/** Segments of a small scan that are asked together: a store behind a network takes its time for each. */
const SMALL_AT_ONCE = 8

const levelsOf = (policy: LevelPolicy | null | undefined) => (policy === null || policy === undefined ? null : makeLevelsOf(policy))

export function runEncode({ cut, levels }: EncodeTask): EncodedSegment {
  const policies = new Map(levels)
  const tenants = cut.tenants.map((tenant) => ({ ...tenant, streams: tenant.streams.flatMap(unpackStreams) }))
  return encodeSegment({ ...cut, tenants }, (tenant) => levelsOf(policies.get(tenant)))
}

export class SegmentTasks {
  private readonly reads: SegmentReads
  private readonly ids: IdReads

  /** `store`: what `reads` reads. */
  constructor(reads: SegmentReads, store: ObjectStore) {
    this.reads = reads
    this.ids = new IdReads(reads, store)
  }

  run(task: ScanWorkerTask, signal: TaskSignal): Promise<unknown> {
    switch (task.kind) {
      case 'scanSegments':
        return this.scanSegments(task.tenant, task.plan, task.segments, task.nowMs, signal)
      case 'scanSmall':
        return this.scanSmall(task.tenant, task.plan, task.segments, task.nowMs, signal)
      case 'select':
        return this.select(task.tenant, task.plan, task.segments, signal)
      case 'scanHead':
        return this.scanHead(task.content, task.plan, task.nowMs, signal)
      case 'headSeries':
        return Promise.resolve(seriesOfHead(task.content, task.question, checked(signal, acceptsAny(task.question.matcherSets))))
      case 'series':
        return this.series(task.tenant, task.question, task.segments, signal)
      case 'pastIds':
        return this.ids.past(task.partition, task.segments)
      case 'gatherIds':
        return this.ids.gather(task.partition, task.segments)
    }
  }

  async scanSegments(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal: TaskSignal): Promise<ScanAnswer> {
    const scan = compileScan(plan, { nowMs })
    const question = { tenant, plan, needs: scan.needs, accept: checked(signal, compileMatchers(plan.matchers)) }
    const statistics = emptyStatistics()
    const warnings: string[] = []
    for (const segment of segments) {
      signal.check()
      try {
        await scanChosen(await chooseBlocks(this.reads, segment, question, statistics), plan, scan, statistics, signal)
      } catch (error) {
        if (isDamage(error)) await this.reads.forget(segment.key)
        warnings.push(unreadable(segment, error))
      }
    }
    return { partial: encodeScanned(scan), statistics, warnings }
  }

  async scanSmall(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, nowMs: number, signal: TaskSignal): Promise<SmallScan[]> {
    const question = { tenant, plan, needs: scanNeeds(plan), accept: checked(signal, compileMatchers(plan.matchers)) }
    const nothing = emptyPartial(plan.kind)
    return mapAtMost(SMALL_AT_ONCE, segments, async (segment) => {
      await signal.turn()
      const { key } = segment
      const statistics = emptyStatistics()
      try {
        const chosen = await chooseBlocks(this.reads, segment, question, statistics)
        const bytes = chosenBytes(chosen)
        if (!isSmallSelection(bytes)) return { key, answer: null }
        const scan = bytes === 0 ? null : compileScan(plan, { nowMs })
        await scanChosen(chosen, plan, scan, statistics, signal)
        return { key, answer: { partial: scan === null ? nothing : encodeScanned(scan), statistics, warnings: [] } }
      } catch (error) {
        // The scan of this segment alone finds it again, and says so.
        unreadable(segment, error)
        return { key, answer: null }
      }
    })
  }

  async select(tenant: string, plan: ScanPlan, segments: ReadonlyArray<SegmentEntry>, signal: TaskSignal): Promise<SelectAnswer> {
    const accept = checked(signal, compileMatchers(plan.matchers))
    const needs = scanNeeds(plan)
    const statistics = emptyStatistics()
    const warnings: string[] = []
    for (const segment of segments) {
      signal.check()
      try {
        const selection = await this.reads.with(segment, statistics, (reader) => reader.select(tenant as TenantId, accept, needs))
        statistics.segments++
        if (selection !== null) addSkips(statistics, selection.stats)
      } catch (error) {
        warnings.push(unreadable(segment, error))
      }
    }
    return { statistics, warnings }
  }

  async scanHead(content: HeadContent, plan: ScanPlan, nowMs: number, signal: TaskSignal): Promise<ScanAnswer> {
    const scan = compileScan(plan, { nowMs })
    const runs: HeadRun[] = []
    for (const part of content.streams) {
      await signal.turn()
      for (const { labels, runs: own } of unpackStreams(part)) for (const run of own) runs.push({ ...run, labels })
    }
    for (const block of headBlocks(content.slabs, runs, levelsOf(content.levels))) {
      await signal.turn()
      interruptible(() => signal.check(), () => scan.add(block))
    }
    return { partial: encodeScanned(scan), statistics: emptyStatistics(), warnings: [] }
  }

  async series(tenant: string, question: SeriesQuestion, segments: ReadonlyArray<SegmentEntry>, signal: TaskSignal): Promise<SeriesAnswer> {
    const accept = checked(signal, acceptsAny(question.matcherSets))
    const warnings: string[] = []
    const found = new SeriesAnswerBuilder(question)
    for (const segment of segments) {
      await signal.turn()
      try {
        found.add(await this.reads.with(segment, emptyStatistics(), (reader) => reader.series(tenant as TenantId, accept)))
      } catch (error) {
        warnings.push(unreadable(segment, error))
      }
    }
    return { series: found.encoded(), warnings }
  }
}

function encodeScanned(scan: Scan): EncodedPartial {
  const encoded = encodePartial(scan.partial())
  scan.release?.()
  return encoded
}

/** Ends with its task, also where thousands of streams are asked slowly. */
const checked = (signal: TaskSignal, accept: (labels: Labels) => boolean): ((labels: Labels) => boolean) => {
  const check = (): void => signal.check()
  return (labels) => interruptible(check, () => accept(labels))
}

/** All of one set must accept; no set: all streams. */
function acceptsAny(matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>): (labels: Labels) => boolean {
  const sets = matcherSets.map(compileMatchers)
  return (labels) => sets.length === 0 || sets.some((set) => set(labels))
}

function seriesOfHead(content: HeadContent, question: SeriesQuestion, accept: (labels: Labels) => boolean): EncodedSeries {
  const found = new SeriesAnswerBuilder(question)
  found.add(headSeries(content, accept))
  return found.encoded()
}

/** Q3. A query's own errors (limits, cancellation) are not the segment's. */
function unreadable(segment: SegmentEntry, error: unknown): string {
  const ofStorage = error instanceof SkaldError && (error.code === 'not_found' || error.code === 'storage_unavailable' || error.code === 'storage_corrupt')
  if (!ofStorage) throw error
  return `segment ${segment.key} could not be read and is missing from the answer: ${error.message}`
}
