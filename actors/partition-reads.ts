/**
 * Reads of what a partition holds in memory, wherever its owner lives: here the owner's snapshot is scanned by this node's workers; elsewhere
 * the owner's node does the same and sends the partial. Used by `querier.ts`.
 */
import type { ActorSystem } from '../runtime/actor.ts'
import { SkaldError } from '../runtime/errors.ts'
import { compileMatchers } from '../protocols/logql/matchers.ts'
import type { ScanPlan } from '../protocols/logql/scan.ts'
import type { Sequence } from '../protocols/model.ts'
import { headSeries } from './head-series.ts'
import type { PartitionDirectory } from './partition-directory.ts'
import type { HeadSnapshot, PartitionMessage } from './partition.ts'
import type { ScanAnswer, SeriesAnswer } from './segment-work.ts'
import type { Services } from './services.ts'
import type { AcceptLabels } from './tenant-streams.ts'

export interface PartitionReads {
  scan(
    partition: number,
    tenant: string,
    plan: ScanPlan,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ checkpoint: Sequence; answer: ScanAnswer }>
  series(partition: number, tenant: string, accept: AcceptLabels): Promise<{ checkpoint: Sequence; answer: SeriesAnswer }>
}

/** Beyond the catch-up bound, for the mailbox and the gathering. */
const SNAPSHOT_EXTRA_MS = 5_000
const CANCELLED_SCAN_MS_MAX = 60_000

export function makePartitionReads(services: Services, directory: PartitionDirectory): PartitionReads {
  const snapshot = async (partition: number, tenant: string, accept: AcceptLabels): Promise<HeadSnapshot> => {
    const owner = directory.localOwner(partition)
    if (owner === undefined) throw new SkaldError('not_ready', `partition ${partition} has no owner yet`)
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
    async series(partition, tenant, accept) {
      const { checkpoint, content, behind, done } = await snapshot(partition, tenant, accept)
      const series = headSeries(content)
      done()
      return { checkpoint, answer: { series, warnings: behindWarning(partition, behind) } }
    },
  }
}

function askSnapshot(
  system: ActorSystem,
  owner: Parameters<typeof system.ask<PartitionMessage, HeadSnapshot>>[0],
  tenant: string,
  accept: AcceptLabels,
  timeoutMs: number,
): Promise<HeadSnapshot> {
  return system.ask<PartitionMessage, HeadSnapshot>(owner, (reply) => ({ kind: 'snapshot', tenant, accept, reply }), timeoutMs)
}

const behindWarning = (partition: number, behind: boolean): string[] =>
  behind ? [`partition ${partition}: its owner has not yet applied all acknowledged entries; the newest may be missing`] : []
