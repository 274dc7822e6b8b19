/**
 * Reads of what a partition holds in memory, on the node of its owner: the owner's snapshot is scanned by this node's workers. `cluster-reads.ts` finds the
 * node; it calls this one where the owner is here, and `partition-remote.ts` serves it to others.
 */
import type { ActorSystem } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { quickMatchers, quickMatcherSets } from '../../protocols/logql/quick-matchers.ts'
import { isSurelyValid } from '../../protocols/logql/scan-needs.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { Sequence } from '../../protocols/model.ts'
import { headSeries } from '../partition/head-series.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { HeadSnapshot, PartitionMessage } from '../partition/partition-messages.ts'
import { emptyPartial } from '../segments/encoded-partial.ts'
import { type EncodedSeries, SeriesAnswerBuilder } from '../segments/encoded-series.ts'
import { emptyStatistics } from '../segments/read-statistics.ts'
import type { HeadContent, ScanAnswer, SeriesAnswer, SeriesQuestion } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import type { AcceptLabels } from '../partition/tenant-streams.ts'

export interface PartitionAnswer<A> {
  /** Segments up to here complete the answer (Q1). */
  readonly checkpoint: Sequence
  readonly answer: A
}

export interface PartitionReads {
  scan(partition: number, tenant: string, plan: ScanPlan, nowMs: number, signal: AbortSignal): Promise<PartitionAnswer<ScanAnswer>>
  series(partition: number, tenant: string, question: SeriesQuestion, signal: AbortSignal): Promise<PartitionAnswer<SeriesAnswer>>
}

/** Beyond the catch-up bound, for the mailbox and the gathering. */
const SNAPSHOT_EXTRA_MS = 5_000
const CANCELLED_SCAN_MS_MAX = 60_000

export function makeLocalReads(services: Services, directory: PartitionDirectory): PartitionReads {
  const snapshot = async (partition: number, tenant: string, accept: AcceptLabels): Promise<HeadSnapshot> => {
    const owner = directory.localReader(partition)
    if (owner === undefined) throw new SkaldError('not_ready', `partition ${partition} is not served by node ${services.node}`)
    return askSnapshot(services.system, owner, tenant, accept, services.settings.catchUpMsMax + SNAPSHOT_EXTRA_MS)
  }
  return {
    async scan(partition, tenant, plan, nowMs, signal) {
      const { checkpoint, content, behind, done } = await snapshot(partition, tenant, quickMatchers(plan.matchers).accepts)
      const isKnown = countOf(content) === 0 && isSurelyValid(plan)
      const answer = await untilRead(services, isKnown ? nothingFound(plan) : services.work.scanHead(content, plan, nowMs, signal), done)
      return { checkpoint, answer: { ...answer, warnings: [...behindWarning(partition, behind), ...answer.warnings] } }
    },
    async series(partition, tenant, question, signal) {
      const { accepts, exact } = quickMatcherSets(question.matcherSets)
      const { checkpoint, content, behind, done } = await snapshot(partition, tenant, accepts)
      const read = exact && isSmall(content) ? Promise.resolve(seriesAtHand(content, question)) : services.work.headSeries(content, question, signal)
      const series = await untilRead(services, read, done)
      return { checkpoint, answer: { series, warnings: behindWarning(partition, behind) } }
    },
  }
}

/** A trip to a thread would end in the same. */
const nothingFound = async ({ kind }: ScanPlan): Promise<ScanAnswer> => ({ partial: emptyPartial(kind), statistics: emptyStatistics(), warnings: [] })

/** `done` when nothing reads the snapshot's memory any more: a cancelled task goes on in its thread until it next looks at its signal. */
async function untilRead<A>({ clock }: Services, reading: Promise<A>, done: () => void): Promise<A> {
  try {
    const read = await reading
    done()
    return read
  } catch (error) {
    clock.after(CANCELLED_SCAN_MS_MAX, done)
    throw error
  }
}

/** An owner that ends over the question is one that changes: whoever asked may find the next. */
async function askSnapshot(
  system: ActorSystem,
  owner: Parameters<typeof system.ask<PartitionMessage, HeadSnapshot>>[0],
  tenant: string,
  accept: AcceptLabels,
  timeoutMs: number,
): Promise<HeadSnapshot> {
  try {
    return await system.ask<PartitionMessage, HeadSnapshot>(owner, (reply) => ({ kind: 'snapshot', tenant, accept, reply }), timeoutMs)
  } catch (error) {
    const hasEnded = error instanceof SkaldError && (error.code === 'not_found' || error.code === 'stopping')
    throw hasEnded ? new SkaldError('not_ready', error.message, { cause: error }) : error
  }
}

function seriesAtHand(content: HeadContent, question: SeriesQuestion): EncodedSeries {
  const found = new SeriesAnswerBuilder(question)
  found.add(headSeries(content))
  return found.encoded()
}

/** Facts about these are at hand sooner than a thread could give them. */
const isSmall = (content: HeadContent): boolean => countOf(content) <= SMALL_STREAMS && content.streams.reduce((sum, { rowCount }) => sum + rowCount, 0) <= SMALL_ROWS
const countOf = ({ streams }: HeadContent): number => streams.reduce((sum, { count }) => sum + count, 0)
const SMALL_STREAMS = 1_000
const SMALL_ROWS = 100_000

const behindWarning = (partition: number, behind: boolean): string[] =>
  behind ? [`partition ${partition}: its owner has not yet applied all acknowledged entries; the newest may be missing`] : []
