/**
 * Reads of what a partition holds in memory, on the node of its owner: the owner's snapshot is scanned by this node's workers. `cluster-reads.ts` finds the
 * node; it calls this one where the owner is here, and `partition-remote.ts` serves it to others.
 */
import type { ActorSystem } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Matcher } from '../../protocols/logql/ast.ts'
import { compileMatchers } from '../../protocols/logql/matchers.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { Labels, Sequence } from '../../protocols/model.ts'
import { headSeries } from '../partition/head-series.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { HeadSnapshot, PartitionMessage } from '../partition/partition.ts'
import type { ScanAnswer, SeriesAnswer } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import type { AcceptLabels } from '../partition/tenant-streams.ts'

export interface PartitionAnswer<A> {
  /** Segments up to here complete the answer (Q1). */
  readonly checkpoint: Sequence
  readonly answer: A
}

export interface PartitionReads {
  scan(partition: number, tenant: string, plan: ScanPlan, nowMs: number, signal: AbortSignal): Promise<PartitionAnswer<ScanAnswer>>
  /** Streams that match all of one of `matcherSets` ([] = all streams). */
  series(partition: number, tenant: string, matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>, signal: AbortSignal): Promise<PartitionAnswer<SeriesAnswer>>
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
      const { checkpoint, content, behind, done } = await snapshot(partition, tenant, compileMatchers(plan.matchers))
      const answer = await services.work.scanHead(content, plan, nowMs, signal).then(
        (scanned) => (done(), scanned),
        (error: unknown) => {
          // A cancelled scan goes on in its thread until it next looks at its signal.
          services.clock.after(CANCELLED_SCAN_MS_MAX, done)
          throw error
        },
      )
      return { checkpoint, answer: { ...answer, warnings: [...behindWarning(partition, behind), ...answer.warnings] } }
    },
    async series(partition, tenant, matcherSets) {
      const { checkpoint, content, behind, done } = await snapshot(partition, tenant, acceptAny(matcherSets))
      const series = headSeries(content)
      done()
      return { checkpoint, answer: { series, warnings: behindWarning(partition, behind) } }
    },
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

function acceptAny(matcherSets: ReadonlyArray<ReadonlyArray<Matcher>>): AcceptLabels {
  const sets = matcherSets.map(compileMatchers)
  return sets.length === 0 ? () => true : (labels: Labels) => sets.some((set) => set(labels))
}

const behindWarning = (partition: number, behind: boolean): string[] =>
  behind ? [`partition ${partition}: its owner has not yet applied all acknowledged entries; the newest may be missing`] : []
